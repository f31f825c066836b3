/*
 * json.c -- our JSON beside the libraries a C program would otherwise take: one execution document
 * of 6 kB (five task runs with histories and outputs), parsed and printed again, on one core.
 *
 *   json [ROUNDS]      prints one line for each library that was there when this was built
 *
 * Each library takes its turn in every round, so that a busy machine slows them alike.
 */
#include "base/arena.h"
#include "base/json.h"

#include "json_turn.h"
#include "limit.h"

enum { TURN = 200, ROUNDS_MAX = 1000 };

char *document;
size_t document_n;

static void turn_cadenza(size_t n, size_t *printed)
{
    struct cdz_arena *arena = cdz_arena_open(64 << 10);
    struct cdz_buf out = CDZ_BUF_INIT;
    struct cdz_err err;
    for (size_t i = 0; i < n; i++) {
        cdz_val v;
        if (cdz_json_parse((cdz_str){document, document_n}, arena, &v, &err) != CDZ_OK) {
            fprintf(stderr, "json: %s\n", err.text);
            exit(1);
        }
        if (printed) {
            cdz_buf_reset(&out);
            cdz_json_print(&out, v, CDZ_JSON_COMPACT);
            *printed = out.n;
        }
        cdz_arena_reset(arena);
    }
    cdz_buf_done(&out);
    cdz_arena_close(arena);
}

static const struct {
    const char *name;
    void (*turn)(size_t n, size_t *printed); /* printed NULL: only parse */
} libraries[] = {
    {"cadenza", turn_cadenza},
#ifdef HAVE_JANSSON
    {"jansson", turn_jansson},
#endif
#ifdef HAVE_JSON_C
    {"json-c", turn_json_c},
#endif
#ifdef HAVE_CJSON
    {"cJSON", turn_cjson},
#endif
};

static void put_state(struct cdz_buf *b, int second)
{
    cdz_buf_printf(
        b,
        "\"state\":{\"current\":\"SUCCESS\",\"duration\":0.123456,\"startDate\":"
        "\"2024-12-20T10:11:%02d.123456Z\",\"endDate\":\"2024-12-20T10:11:%02d.246912Z\","
        "\"histories\":[",
        second, second);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"CREATED", "RUNNING", "SUCCESS"};
        cdz_buf_printf(b, "%s{\"state\":\"%s\",\"date\":\"2024-12-20T10:11:%02d.%06dZ\"}",
                       i ? "," : "", names[i], second, i * 61728);
    }
    cdz_buf_z(b, "]}");
}

static void make_document(void)
{
    static const char id[] = "5dKq8XWcN2vJ0bRtYhZmQf";
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(
        &b,
        "{\"id\":\"%s\",\"namespace\":\"company.team\",\"flowId\":\"load\","
        "\"flowRevision\":7,\"inputs\":{\"day\":\"2024-12-20\",\"limit\":250,\"ratio\":"
        "0.125,\"dry\":false,\"text\":\"caf\u00e9 \\\"quoted\\\" \\u20ac and a tab\\t\"},"
        "\"labels\":[{\"key\":\"team\",\"value\":\"data\"},{\"key\":"
        "\"system.correlationId\",\"value\":\"%s\"}],\"taskRunList\":[",
        id, id);
    for (int i = 0; i < 5; i++) {
        cdz_buf_printf(
            &b,
            "%s{\"id\":\"%d%s\",\"executionId\":\"%s\",\"namespace\":\"company.team\",\"flowId\":"
            "\"load\",\"taskId\":\"step-%d\",\"value\":\"%d\",\"attempts\":[{",
            i ? "," : "", i, id + 1, id, i, i);
        put_state(&b, 10 + i);
        cdz_buf_z(&b, "}],\"outputs\":{\"rows\":[");
        for (int k = 0; k < 6; k++)
            cdz_buf_printf(&b, "%s{\"id\":%d,\"name\":\"row %d\",\"price\":%d.%d}", k ? "," : "",
                           i * 100000 + k, k, k * 17, k + 1);
        cdz_buf_z(&b, "]},");
        put_state(&b, 10 + i);
        cdz_buf_c(&b, '}');
    }
    cdz_buf_z(&b, "],");
    put_state(&b, 20);
    cdz_buf_c(&b, '}');
    document = b.p; /* kept to the end of the program */
    document_n = b.n;
}

int main(int argc, char **argv)
{
    enum { N = sizeof(libraries) / sizeof(*libraries) };
    static double parse[N][ROUNDS_MAX], both[N][ROUNDS_MAX];
    size_t rounds = (size_t)limit_arg(argc, argv, 1, 20), printed = 0;
    if (rounds > ROUNDS_MAX)
        rounds = ROUNDS_MAX;
    make_document();
    for (size_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < N; i++) {
            double t = limit_now();
            libraries[i].turn(TURN, NULL);
            double u = limit_now();
            libraries[i].turn(TURN, &printed);
            parse[i][r] = (u - t) / TURN;
            both[i][r] = (limit_now() - u) / TURN;
        }
    }
    for (size_t i = 0; i < N; i++) {
        double p = limit_percentile(parse[i], rounds, 50),
               b = limit_percentile(both[i], rounds, 50);
        printf("{\"library\":\"%s\",\"bytes\":%zu,\"parse_us\":%.2f,\"round_trip_us\":%.2f,"
               "\"round_trip_mb_s\":%.1f,\"per_second\":%.0f}\n",
               libraries[i].name, document_n, p * 1e6, b * 1e6, (double)document_n / b / 1e6,
               1 / b);
    }
    free(document);
    return 0;
}
