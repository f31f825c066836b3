/*
 * jqfilter.c -- runs jq programs; see jqfilter.h.
 *
 * libjq has no bounds of its own, and its C code recurses over values. So each run has a thread of
 * its own with a large stack, while the caller waits and watches: over a second of computing, or
 * much more memory, and it halts the program (libjq looks at that flag before every instruction).
 * If libjq runs out of memory it would abort: its handler ends the thread instead (and leaks what
 * libjq held: nothing can free it).
 *
 * Compiling takes 15 ms, since libjq compiles its own library each time: compiled programs are
 * kept, the least recently used makes room.
 */
#include "expr/jqfilter.h"

#include <errno.h>
#include <jq.h>
#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include "base/buf.h"
#include "base/limits.h"
#include "expr/jqguard.h"
#include "expr/jqvalue.h"

enum {
    PROGRAM_MAX = 64 << 10,
    KEPT_MAX = 32,        /* compiled programs */
    RESULTS_MAX = 200000, /* emitted values */
    COMPUTE_MS_MAX = 1000,
    WATCH_MS = 10,
    MESSAGE_MAX = 256,
};
static const size_t stack_bytes =
    (size_t)1 << 30; /* reserved, not used: 128 bytes for each level of nesting */
static const size_t memory_bytes = (size_t)256 << 20; /* that a run may add to the process */

struct job {
    cdz_str program;
    cdz_val input;
    struct cdz_jq_clock clock;
    struct cdz_arena *arena; /* the caller's, which waits */
    struct cdz_jq_exact exact;
    cdz_val results;
    cdz_rc rc;
    struct cdz_err *err;
    char message[MESSAGE_MAX]; /* libjq's first complaint on compiling */
    jv handed;                 /* from debug to input */

    pthread_mutex_t mu;
    pthread_cond_t ended;
    jq_state *running; /* Lock: mu. What the watcher may halt */
    bool stop, done;   /* Lock: mu */
    bool out_of_memory;
};

/* ---- compiled programs ---- */

struct kept {
    char *text;
    size_t n;
    jq_state *jq; /* NULL: the slot is free, or its program is running */
    uint64_t used;
};
static struct kept kept[KEPT_MAX];
static uint64_t kept_clock;
static pthread_mutex_t kept_mu = PTHREAD_MUTEX_INITIALIZER;

static void kept_drop(struct kept *k)
{
    if (k->jq)
        jq_teardown(&k->jq);
    free(k->text);
    *k = (struct kept){NULL, 0, NULL, 0};
}

/* Takes a compiled program out, or NULL. */
static jq_state *kept_take(cdz_str program)
{
    jq_state *jq = NULL;
    pthread_mutex_lock(&kept_mu);
    for (size_t i = 0; i < KEPT_MAX && !jq; i++) {
        if (kept[i].jq && cdz_str_eq(program, (cdz_str){kept[i].text, kept[i].n})) {
            jq = kept[i].jq;
            kept[i].jq = NULL;
            kept_drop(&kept[i]);
        }
    }
    pthread_mutex_unlock(&kept_mu);
    return jq;
}

static void kept_put(cdz_str program, jq_state *jq)
{
    struct kept *oldest = &kept[0], old;
    char *text = malloc(program.n + 1);
    if (!text)
        abort();
    memcpy(text, program.p, program.n);
    pthread_mutex_lock(&kept_mu);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (kept[i].used < oldest->used)
            oldest = &kept[i];
    }
    old = *oldest;
    *oldest = (struct kept){text, program.n, jq, ++kept_clock};
    pthread_mutex_unlock(&kept_mu);
    kept_drop(&old);
}

/* At exit too: libjq points into the middle of its blocks, which leak checkers take for lost. */
__attribute__((destructor)) void cdz_jq_forget(void)
{
    pthread_mutex_lock(&kept_mu);
    for (size_t i = 0; i < KEPT_MAX; i++)
        kept_drop(&kept[i]);
    pthread_mutex_unlock(&kept_mu);
}

/* ---- the run (Thread: the job's own) ---- */

static void on_error(void *arg, jv message)
{
    struct job *job = arg;
    if (!job->message[0] && jv_get_kind(message) == JV_KIND_STRING) {
        cdz_str s = cdz_str_z(jv_string_value(message));
        if (cdz_str_starts(s, CDZ_STR("jq: error: ")))
            s = cdz_str_sub(s, 11, s.n);
        s = cdz_str_sub(s, 0,
                        cdz_str_find(s, CDZ_STR(" (Unix shell"), 0)); /* and where in our text */
        s = cdz_str_sub(s, 0, cdz_str_chr(s, '\n', 0));
        snprintf(job->message, sizeof(job->message), "%.*s", CDZ_S(s));
    }
    jv_free(message);
}

static void on_debug(void *arg, jv v)
{
    struct job *job = arg;
    jv_free(job->handed);
    job->handed = v;
}

static jv on_input(jq_state *jq, void *arg)
{
    struct job *job = arg;
    jv v = job->handed;
    (void)jq;
    job->handed = jv_invalid();
    if (jv_get_kind(v) == JV_KIND_OBJECT) { /* now */
        jv_free(v);
        return job->clock.known ? jv_number(job->clock.seconds)
                                : jv_invalid_with_msg(jv_string("now is not available here"));
    }
    return cdz_jq_mark_double(v);
}

/* libjq would abort behind this. */
static void on_no_memory(void *arg)
{
    struct job *job = arg;
    pthread_mutex_lock(&job->mu);
    job->running = NULL;
    job->out_of_memory = job->done = true;
    pthread_cond_signal(&job->ended);
    pthread_mutex_unlock(&job->mu);
    pthread_exit(NULL);
}

static jq_state *compile(struct job *job)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    jq_state *jq = jq_init();
    if (!jq)
        return NULL;
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array()); /* no modules */
    jq_set_nomem_handler(jq, on_no_memory, job);
    jq_set_error_cb(jq, on_error, job);
    cdz_jq_guard(&text, job->program);
    cdz_buf_str(&text, job->program);
    if (!jq_compile(jq, cdz_buf_get(&text).p))
        jq_teardown(&jq);
    return jq;
}

/* Sets what the watcher may halt. False: it has already said stop. */
static bool running_set(struct job *job, jq_state *jq)
{
    pthread_mutex_lock(&job->mu);
    bool go = !job->stop;
    job->running = jq;
    pthread_mutex_unlock(&job->mu);
    return go;
}

static cdz_rc emitted_error(struct job *job, jv last)
{
    jv message = jv_invalid_get_msg(last);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    cdz_rc rc = cdz_fail(job->err, CDZ_E_INVALID, "%.200s", jv_string_value(message));
    jv_free(message);
    return rc;
}

static cdz_rc collect(struct job *job, jq_state *jq)
{
    size_t budget = CDZ_EXPR_OUTPUT_MAX;
    jv last;
    while (jv_is_valid(last = jq_next(jq))) {
        cdz_val v;
        if (cdz_list_n(job->results) == RESULTS_MAX) {
            jv_free(last);
            return cdz_fail(job->err, CDZ_E_LIMIT, "the jq program gives more than %d values",
                            RESULTS_MAX);
        }
        CDZ_TRY(cdz_jq_to_val(last, &job->exact, job->arena, &budget, &v, job->err));
        cdz_list_push(job->arena, job->results, v);
    }
    if (jv_invalid_has_msg(jv_copy(last)))
        return emitted_error(job, last);
    jv_free(last);
    return CDZ_OK;
}

static cdz_rc execute(struct job *job)
{
    jv input;
    CDZ_TRY(cdz_jq_from_val(job->input, &job->exact, &input, job->err));
    jq_state *jq = kept_take(job->program);
    if (!jq)
        jq = compile(job);
    if (!jq) {
        jv_free(input);
        return cdz_fail(job->err, CDZ_E_INVALID, "%s",
                        job->message[0] ? job->message : "the program does not compile");
    }
    jq_set_nomem_handler(jq, on_no_memory, job);
    jq_set_error_cb(jq, on_error, job);
    jq_set_debug_cb(jq, on_debug, job);
    jq_set_input_cb(jq, on_input, job);
    jq_start(jq, input, 0);
    cdz_rc rc = running_set(job, jq) ? collect(job, jq) : CDZ_OK;
    bool keep = running_set(job, NULL) && rc == CDZ_OK;
    jv_free(job->handed);
    if (keep) {
        jq_start(jq, jv_null(), 0); /* lets go of what the run held */
        kept_put(job->program, jq);
    } else {
        jq_teardown(&jq);
    }
    return rc;
}

static void *job_main(void *arg)
{
    struct job *job = arg;
    cdz_rc rc = execute(job);
    pthread_mutex_lock(&job->mu);
    job->rc = rc;
    job->done = true;
    pthread_cond_signal(&job->ended);
    pthread_mutex_unlock(&job->mu);
    return NULL;
}

/* ---- the watcher (Thread: the caller's) ---- */

static int64_t computed_ms(pthread_t thread)
{
    clockid_t clock;
    struct timespec t;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Bytes in large blocks of the whole process: others may add to it too, hence the generous bound.
 */
static size_t large_blocks(void)
{
    return mallinfo2().hblkhd;
}

static void watch(struct job *job, pthread_t thread)
{
    size_t before = 0;
    bool halted = false;
    pthread_mutex_lock(&job->mu);
    while (!job->done) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&job->ended, &job->mu, &until) != ETIMEDOUT || job->done)
            continue;
        size_t now = large_blocks();
        if (before == 0) /* the first 10 ms are not looked at: most runs are shorter */
            before = now + 1;
        if (computed_ms(thread) > COMPUTE_MS_MAX || now > before + memory_bytes)
            job->stop = true;
        if (job->stop && job->running && !halted && !jq_halted(job->running)) {
            jq_halt(job->running, jv_invalid(), jv_null());
            halted = true;
        }
    }
    pthread_mutex_unlock(&job->mu);
}

static cdz_rc run(struct job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;
    if (pthread_attr_init(&attr) != 0)
        abort();
    rc = pthread_attr_setstacksize(&attr, stack_bytes);
    if (rc == 0)
        rc = pthread_create(&thread, &attr, job_main, job);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        return cdz_fail_errno(job->err, rc, "pthread_create", "no thread for jq");
    watch(job, thread);
    pthread_join(thread, NULL);
    if (job->out_of_memory || (job->stop && job->rc != CDZ_E_INVALID))
        return cdz_fail(job->err, CDZ_E_LIMIT, "the jq program takes too much time or memory");
    return job->rc;
}

cdz_rc cdz_jq_run(cdz_str program, cdz_val input, struct cdz_jq_clock clock,
                  struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    if (program.n > PROGRAM_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "jq program longer than %d bytes", PROGRAM_MAX);
    if (program.n > 0 && memchr(program.p, '\0', program.n))
        return cdz_fail(err, CDZ_E_INVALID, "the jq program holds a NUL character");
    struct job job = {
        .program = program, .input = input, .clock = clock, .arena = arena, .err = err};
    job.exact.arena = arena;
    job.handed = jv_invalid();
    job.results = cdz_val_list(arena, 0);
    pthread_mutex_init(&job.mu, NULL);
    pthread_cond_init(&job.ended, NULL);
    cdz_rc rc = run(&job);
    pthread_cond_destroy(&job.ended);
    pthread_mutex_destroy(&job.mu);
    if (rc == CDZ_OK)
        *ret = job.results;
    return rc;
}

bool cdz_jq_needs_clock(cdz_str program)
{
    return cdz_str_find(program, CDZ_STR("now"), 0) != SIZE_MAX;
}
