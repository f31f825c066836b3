/*
 * items.c -- the middle task of ForEachItem: one execution for each batch that the first task has cut.
 *
 * The batches are the lines of a file in the storage. They are read once, through the resolver, and
 * not kept with the record, so that each change of this task run stays small however many there are.
 * What is begun at a time is bounded (AT_A_TIME): a step stays short, and its commit too.
 */
#include "base/limits.h"
#include "base/time.h"
#include "exec/internal.h"
#include "expr/ion.h"

enum { AT_A_TIME = 200 };

static int64_t count(cdz_val map, const char *name)
{
    cdz_val v = cdz_map_getz(map, name);
    return v.kind == CDZ_INT ? v.i : 0;
}

static void set_count(struct step *s, cdz_val map, const char *name, int64_t n)
{
    cdz_map_putz(s->e->arena, map, name, cdz_val_i32((int32_t)n));
}

/* `outputs.<id>_split.splits`: this task run's own sibling. */
static cdz_rc splits_of(struct step *s, struct cdz_taskrun *t, cdz_val *ret, struct cdz_err *err)
{
    const struct cdz_task_list *siblings = &t->task->parent->tasks;
    const struct cdz_taskrun *split =
        siblings->n ? cdz_index_find(s->e, siblings->v[0], s->e->index->path_hash[t->index]) : NULL;
    *ret = split ? cdz_map_getz(split->outputs, "splits") : CDZ_VAL_NULL;
    if (ret->kind != CDZ_TEXT)
        return cdz_fail(err, CDZ_E_TASK, "the list of batches is missing");
    return CDZ_OK;
}

static cdz_rc read_batches(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_val uri, text;
    struct cdz_map_env env;
    if (t->batches.kind == CDZ_LIST)
        return CDZ_OK;
    CDZ_TRY(splits_of(s, t, &uri, err));
    cdz_step_env(s, t, t->task->needs, CDZ_VAL_NULL, &env);
    if (!s->env->world)
        return cdz_fail(err, CDZ_E_TASK, "the list of batches cannot be read here");
    CDZ_TRY(s->env->world(&env.env, CDZ_WORLD_READ, &uri, 1, s->arena, &text, err));
    cdz_val list = cdz_val_list(s->e->arena, 16);
    cdz_str all = text.kind == CDZ_TEXT ? cdz_val_str(text) : CDZ_STR("");
    for (size_t at = 0; at < all.n;) {
        size_t end = cdz_str_chr(all, '\n', at);
        cdz_str line = cdz_str_sub(all, at, end);
        if (line.n)
            cdz_list_push(s->e->arena, list, cdz_val_text(cdz_arena_str(s->e->arena, line)));
        at = end == SIZE_MAX ? all.n : end + 1;
    }
    t->batches = list;
    return CDZ_OK;
}

static cdz_val iterations(struct step *s, struct cdz_taskrun *t)
{
    cdz_val map = cdz_map_getz(t->outputs, "iterations");
    if (map.kind != CDZ_MAP) {
        map = cdz_val_map(s->e->arena, 4);
        cdz_taskrun_output(s, t, "iterations", map);
    }
    return map;
}

static bool waits(const struct cdz_taskrun *t)
{
    cdz_val v = cdz_map_getz(t->task->props, "wait");
    return v.kind == CDZ_BOOL && v.b;
}

/* FAILED before KILLED before WARNING before SUCCESS; without transmitFailed SUCCESS. */
static enum cdz_state worst(const struct cdz_taskrun *t, cdz_val counts)
{
    static const enum cdz_state order[] = {CDZ_FAILED, CDZ_KILLED, CDZ_WARNING};
    for (size_t i = 0; i < CDZ_COUNT(order); i++) {
        if (count(counts, cdz_state_name(order[i])) > 0)
            return cdz_child_transmits(t, order[i]);
    }
    return CDZ_SUCCESS;
}

static void end_if_done(struct step *s, struct cdz_taskrun *t)
{
    static const enum cdz_state ended[] = {CDZ_SUCCESS, CDZ_WARNING,   CDZ_FAILED,
                                           CDZ_KILLED,  CDZ_CANCELLED, CDZ_RETRIED};
    cdz_val counts = iterations(s, t);
    int64_t n = 0;
    for (size_t i = 0; i < CDZ_COUNT(ended); i++)
        n += count(counts, cdz_state_name(ended[i]));
    bool killing = cdz_state_now(&t->history) == CDZ_KILLING;
    if (n < count(t->hidden, killing ? "begun" : "total"))
        return;
    enum cdz_state state = killing ? CDZ_KILLED : worst(t, counts);
    cdz_attempt_close(s, t, state, cdz_step_now(s));
    if (killing) {
        cdz_taskrun_end(s, t, state);
        cdz_kill_advance(s);
    } else {
        cdz_taskrun_became(s, t, state);
    }
}

static void fail(struct step *s, struct cdz_taskrun *t, const struct cdz_err *err)
{
    cdz_step_log(s, t, CDZ_ERROR, "%s", err->text);
    cdz_attempt_close(s, t, CDZ_FAILED, cdz_step_now(s));
    cdz_taskrun_became(s, t, CDZ_FAILED);
}

void cdz_items_more(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_err err;
    if (cdz_state_now(&t->history) != CDZ_RUNNING)
        return;
    if (read_batches(s, t, &err) != CDZ_OK) {
        fail(s, t, &err);
        return;
    }
    int64_t total = count(t->hidden, "total"), begun = count(t->hidden, "begun");
    for (int i = 0; i < AT_A_TIME && begun < total; i++) {
        begun++;
        if (cdz_child_call(s, t, cdz_list_at(t->batches, (size_t)begun - 1), (int)begun, &err) !=
            CDZ_OK) {
            fail(s, t, &err);
            return;
        }
    }
    set_count(s, t->hidden, "begun", begun);
    cdz_step_touch(s, t);
    if (begun < total)
        cdz_taskrun_due(s, t, cdz_step_now(s));
}

/* Where the outputs of the batches are put: <this task run's folder>/<batch>.ion */
static cdz_str folder(struct step *s, struct cdz_taskrun *t)
{
    cdz_val uri;
    struct cdz_err err;
    if (splits_of(s, t, &uri, &err) != CDZ_OK)
        return CDZ_STR("");
    cdz_str list = cdz_val_str(uri);
    size_t end = list.n;
    while (end > 0 && list.p[end - 1] != '/')
        end--;
    return cdz_arena_printf(s->e->arena, "%.*ssubflow-outputs-%u", (int)end, list.p,
                            (unsigned)t->epoch);
}

cdz_rc cdz_items_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    t->outputs = CDZ_VAL_NULL;
    t->batches = CDZ_VAL_NULL;
    t->hidden = cdz_val_map(s->e->arena, 2);
    CDZ_TRY(read_batches(s, t, err));
    size_t total = cdz_list_n(t->batches);
    if (total > CDZ_EACH_VALUES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "ForEachItem makes at most %u batches, not %zu",
                        CDZ_EACH_VALUES_MAX, total);
    set_count(s, t->hidden, "total", (int64_t)total);
    set_count(s, t->hidden, "begun", 0);
    cdz_val counts = iterations(s, t);
    if (waits(t))
        set_count(s, counts, "CREATED", 0);
    set_count(s, counts, "RUNNING", (int64_t)total);
    set_count(s, counts, "SUCCESS", 0);
    cdz_taskrun_output(s, t, "numberOfBatches", cdz_val_i32((int32_t)total));
    if (total == 0)
        end_if_done(s, t);
    else
        cdz_items_more(s, t);
    return CDZ_OK;
}

static void one_ended(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    cdz_val counts = iterations(s, t);
    const char *name = cdz_state_name(state);
    int64_t running = count(counts, "RUNNING");
    set_count(s, counts, "RUNNING", running > 0 ? running - 1 : 0);
    set_count(s, counts, name, count(counts, name) + 1);
    cdz_step_touch(s, t);
    end_if_done(s, t);
}

/* One Ion value on a line, for the task that merges them. */
static void keep_outputs(struct step *s, struct cdz_taskrun *t)
{
    cdz_str to = folder(s, t), scheme = CDZ_STR("kestra://");
    CDZ_AUTO_BUF struct cdz_buf ion = CDZ_BUF_INIT;
    if (!cdz_str_starts(to, scheme))
        return;
    if (cdz_val_is_null(cdz_map_getz(t->outputs, "subflowOutputsBaseUri")))
        cdz_taskrun_output(s, t, "subflowOutputsBaseUri", cdz_val_text(to));
    cdz_ion_print(&ion, s->ev->outputs);
    cdz_buf_c(&ion, '\n');
    cdz_str path = cdz_arena_printf(s->arena, "%.*s/%d.ion", CDZ_S(cdz_str_sub(to, scheme.n, to.n)),
                                    s->ev->iteration);
    cdz_step_effect(s, CDZ_EFFECT_FILE, 0, path, cdz_buf_copy(&ion, s->arena));
}

/* A CHILD event is handled once: batches are told apart by a bit each. */
static bool heard_before(struct cdz_taskrun *t, int iteration)
{
    size_t n = t->batches.kind == CDZ_LIST ? cdz_list_n(t->batches) : 0;
    if (iteration < 1 || (size_t)iteration > n)
        return true;
    cdz_val *batch = &t->batches.list->v[iteration - 1];
    if (cdz_val_is_null(*batch))
        return true;
    *batch = CDZ_VAL_NULL; /* its text is not needed any more */
    return false;
}

void cdz_items_child(struct step *s, struct cdz_taskrun *t)
{
    const struct cdz_event *ev = s->ev;
    struct cdz_err err;
    if (ev->news == CDZ_CHILD_MADE && waits(t))
        return;
    if (read_batches(s, t, &err) != CDZ_OK) {
        fail(s, t, &err);
        return;
    }
    if (heard_before(t, ev->iteration))
        return;
    if (ev->news == CDZ_CHILD_REFUSED) {
        cdz_step_log(s, t, CDZ_ERROR, "%.*s", CDZ_S(ev->text));
        one_ended(s, t, CDZ_FAILED);
        return;
    }
    if (ev->news == CDZ_CHILD_MADE) { /* nobody waits for its end */
        one_ended(s, t, CDZ_SUCCESS);
        return;
    }
    if (ev->outputs.kind == CDZ_MAP && cdz_map_n(ev->outputs) > 0)
        keep_outputs(s, t);
    one_ended(s, t, ev->state);
}
