#include "model/state.h"

static const struct {
    const char *name;
    bool terminated;
} states[] = {
#define CDZ_STATE_ROW(name, terminated) [CDZ_##name] = {#name, terminated},
    CDZ_STATE_LIST(CDZ_STATE_ROW)
#undef CDZ_STATE_ROW
};

const char *const cdz_state_names[] = {
#define CDZ_STATE_TEXT(name, terminated) #name,
    CDZ_STATE_LIST(CDZ_STATE_TEXT)
#undef CDZ_STATE_TEXT
        NULL};

const char *cdz_state_name(enum cdz_state s)
{
    return states[s].name;
}

bool cdz_state_parse(cdz_str s, enum cdz_state *ret)
{
    for (int i = 0; i < CDZ_STATE_COUNT; i++) {
        if (cdz_str_is(s, states[i].name)) {
            *ret = (enum cdz_state)i;
            return true;
        }
    }
    return false;
}

bool cdz_state_is_terminated(enum cdz_state s)
{
    return states[s].terminated;
}

void cdz_history_add(struct cdz_history *h, struct cdz_arena *arena, enum cdz_state s, cdz_us at)
{
    if (h->n > 0 && h->v[h->n - 1].state == s)
        return;
    if (h->n > 0 && at < h->v[h->n - 1].at)
        at = h->v[h->n - 1].at; /* a clock that jumped back must not make negative durations */
    CDZ_PUSH(arena, h, (struct cdz_state_at){s, at});
}
