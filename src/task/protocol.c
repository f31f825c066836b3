#include "task/protocol.h"

#include "base/time.h"

static void take_metric(struct cdz_run *run, cdz_val m)
{
    cdz_val name = cdz_map_getz(m, "name"), type = cdz_map_getz(m, "type"),
            value = cdz_map_getz(m, "value");
    cdz_val tags = cdz_map_getz(m, "tags");
    bool timer = type.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(type), "timer");
    double number = value.kind == CDZ_INT ? (double)value.i : value.kind == CDZ_FLOAT ? value.f : 0;
    cdz_us span;
    if (name.kind != CDZ_TEXT ||
        (!timer && !(type.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(type), "counter"))))
        return;
    if (timer && value.kind == CDZ_TEXT && cdz_duration_us(cdz_val_str(value), &span))
        number = (double)span / (double)CDZ_MS;
    else if (timer)
        number *= 1000; /* seconds, kept as milliseconds */
    run->metric(run, timer ? "timer" : "counter", cdz_val_str(name), number,
                tags.kind == CDZ_MAP ? tags : CDZ_VAL_NULL);
}

static void take_log(struct cdz_run *run, cdz_val l)
{
    cdz_val level = cdz_map_getz(l, "level"), message = cdz_map_getz(l, "message");
    enum cdz_level at = CDZ_INFO;
    if (message.kind != CDZ_TEXT)
        return;
    if (level.kind == CDZ_TEXT && !cdz_level_parse(cdz_val_str(level), &at))
        at = CDZ_INFO;
    run->log(run, at, cdz_now_us(), cdz_val_str(message));
}

bool cdz_protocol_line(struct cdz_run *run, cdz_str line, cdz_val vars)
{
    struct cdz_err err;
    cdz_val v;
    line = cdz_str_trim(line);
    if (line.n < 6 || !cdz_str_starts(line, CDZ_STR("::{")) || !cdz_str_ends(line, CDZ_STR("}::")))
        return false;
    cdz_str json =
        cdz_arena_str(run->arena, cdz_str_sub(line, 2, line.n - 2)); /* values borrow from it */
    if (cdz_json_parse(json, run->arena, &v, &err) != CDZ_OK) {
        cdz_run_logf(run, CDZ_WARN, "Invalid outputs '%.*s': %s", CDZ_S(cdz_str_sub(line, 0, 1000)),
                     err.text);
        return true;
    }
    cdz_val outputs = cdz_map_getz(v, "outputs"), metrics = cdz_map_getz(v, "metrics"),
            logs = cdz_map_getz(v, "logs");
    if (outputs.kind == CDZ_MAP) {
        CDZ_MAP_EACH (e, outputs)
            cdz_map_put(run->arena, vars, e->key, e->val);
    }
    if (metrics.kind == CDZ_LIST) {
        CDZ_LIST_EACH (m, metrics)
            take_metric(run, *m);
    }
    if (logs.kind == CDZ_LIST) {
        CDZ_LIST_EACH (l, logs)
            take_log(run, *l);
    }
    return true;
}
