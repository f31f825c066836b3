/*
 * retry.c -- the `retry` of a task or flow. reference/flow.md §5.
 */
#include "base/id.h"
#include "base/time.h"
#include "model/compile.h"
#include "model/describe.h"

#define RETRY_COMMON                                                                               \
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "constant, exponential or random."},       \
        {"maxAttempt", CDZ_PROP_INT,   0, .doc = "Most attempts, the first one included.",         \
         .min = 1,     .has_min = true},                                                           \
        {"maxDuration", CDZ_PROP_DURATION, 0, .doc = "How long to go on trying."},                 \
        {"warningOnRetry", CDZ_PROP_BOOL, 0, "false",                                              \
         .doc = "True: a task that succeeded after a retry ends with a warning."},                 \
    {                                                                                              \
        "behavior", CDZ_PROP_ENUM, 0, "RETRY_FAILED_TASK",                                         \
            .doc = "Retry the task, or run all again.", .values = (const char *const[])            \
        {                                                                                          \
            "RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION", NULL                                      \
        }                                                                                          \
    }

static const struct cdz_prop constant_props[] = {
    RETRY_COMMON,
    {"interval", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED, .doc = "Pause before the next attempt."},
    {0},
};
static const struct cdz_prop exponential_props[] = {
    RETRY_COMMON,
    {"interval", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED,
     .doc = "Pause that grows with every attempt."},
    {"maxInterval", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED, .doc = "Longest pause."},
    {"delayFactor", CDZ_PROP_FLOAT, 0, .doc = "How fast the pause grows; 2 when not given."},
    {0},
};
static const struct cdz_prop random_props[] = {
    RETRY_COMMON,
    {"minInterval", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED, .doc = "Shortest pause."},
    {"maxInterval", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED, .doc = "Longest pause."},
    {0},
};

const struct cdz_retry_type cdz_retry_types[] = {
    [CDZ_RETRY_CONSTANT] = {"constant", constant_props},
    [CDZ_RETRY_EXPONENTIAL] = {"exponential", exponential_props},
    [CDZ_RETRY_RANDOM] = {"random", random_props},
    {NULL, NULL},
};

static cdz_us duration_of(cdz_val props, const char *name)
{
    cdz_us us = 0;
    cdz_val v = cdz_map_getz(props, name);
    if (v.kind == CDZ_TEXT)
        (void)cdz_duration_us(cdz_val_str(v), &us); /* checked with the property */
    return us;
}

/* a must be less than b if both are given. */
static void check_less(struct cdz_compiler *c, cdz_val props, const char *a, const char *b,
                       const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    cdz_val va = cdz_map_getz(props, a), vb = cdz_map_getz(props, b);
    const struct cdz_yaml_node *at = cdz_yaml_get(node, a);
    if (va.kind != CDZ_TEXT || vb.kind != CDZ_TEXT || duration_of(props, a) < duration_of(props, b))
        return;
    cdz_compile_error(c, at ? at->mark : node->mark, path, NULL,
                      "'%s' must be less than '%s' but is %.*s", a, b, CDZ_S(cdz_val_str(va)));
}

static bool find_kind(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                      const struct cdz_path *path, enum cdz_retry_kind *ret)
{
    const struct cdz_yaml_node *type = cdz_yaml_get(node, "type");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("type"));
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    cdz_str name = type && type->kind == CDZ_YAML_SCALAR ? type->text : CDZ_STR("");
    for (size_t i = 0; i < CDZ_COUNT(cdz_retry_types) - 1; i++) {
        if (cdz_str_is(name, cdz_retry_types[i].name)) {
            *ret = (enum cdz_retry_kind)i;
            return true;
        }
        if (cdz_is_nearer(name, cdz_str_z(cdz_retry_types[i].name), &best))
            nearest = cdz_retry_types[i].name;
    }
    cdz_compile_error(c, type ? type->mark : node->mark, &here, cdz_compile_hint(c, nearest),
                      "Invalid type: %.*s, expected constant, exponential or random",
                      CDZ_S(name.n ? name : CDZ_STR("<null>")));
    return false;
}

const struct cdz_retry *cdz_compile_retry(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                          const struct cdz_path *path)
{
    enum cdz_retry_kind kind;
    if (cdz_node_is_null(node))
        return NULL;
    if (node->kind != CDZ_YAML_MAP) {
        cdz_compile_error(c, node->mark, path, NULL, "must be a map with a `type`");
        return NULL;
    }
    if (!find_kind(c, node, path, &kind))
        return NULL;
    cdz_val props = cdz_compile_props(c, node, cdz_retry_types[kind].props, NULL, path);
    if (kind == CDZ_RETRY_RANDOM) {
        check_less(c, props, "minInterval", "maxDuration", node, path);
        check_less(c, props, "maxInterval", "maxDuration", node, path);
        check_less(c, props, "minInterval", "maxInterval", node, path);
    } else {
        check_less(c, props, "interval", "maxDuration", node, path);
        check_less(c, props, "interval", "maxInterval", node, path);
    }
    struct cdz_retry *ret = CDZ_NEW(c->arena, struct cdz_retry);
    cdz_val factor = cdz_map_getz(props, "delayFactor"),
            attempts = cdz_map_getz(props, "maxAttempt");
    cdz_val behavior = cdz_map_getz(props, "behavior"),
            warning = cdz_map_getz(props, "warningOnRetry");
    ret->kind = kind;
    ret->interval = duration_of(props, "interval");
    ret->max_interval = duration_of(props, "maxInterval");
    ret->min_interval = duration_of(props, "minInterval");
    ret->max_duration = duration_of(props, "maxDuration");
    ret->delay_factor =
        factor.kind == CDZ_FLOAT && factor.f > -1e9 && factor.f < 1e9 ? (int)factor.f : 2;
    ret->max_attempt = attempts.kind == CDZ_INT && attempts.i <= INT32_MAX ? (int)attempts.i : 0;
    ret->warning_on_retry = warning.kind == CDZ_BOOL && warning.b;
    ret->new_execution =
        behavior.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(behavior), "CREATE_NEW_EXECUTION");
    return ret;
}

cdz_us cdz_retry_pause(const struct cdz_retry *r, int attempts, struct cdz_rng *rng)
{
    switch (r->kind) {
    case CDZ_RETRY_CONSTANT:
        return r->interval;
    case CDZ_RETRY_EXPONENTIAL: {
        cdz_us span = r->interval;
        for (int i = 1; i < attempts && span < r->max_interval; i++) {
            if (__builtin_mul_overflow(span, (int64_t)r->delay_factor, &span))
                return r->max_interval;
        }
        return span < r->max_interval ? span : r->max_interval;
    }
    case CDZ_RETRY_RANDOM:
        return r->min_interval +
               (cdz_us)cdz_rng_below(rng,
                                     (uint64_t)((r->max_interval - r->min_interval) / CDZ_MS + 1)) *
                   CDZ_MS;
    }
    return 0;
}
