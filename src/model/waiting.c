/*
 * waiting.c -- the descriptors of the tasks that wait: for somebody or some time (Pause), until a
 * condition holds (WaitFor, LoopUntil), or for an event by its key (WaitForEvent: the original has
 * nothing like it). reference/tasks.md §1; their state machines are in src/exec.
 */
#include "model/flow.h"
#include "model/flowables.h"

/*
 * `delay` is 0.20's name, `pauseDuration` the later one; both mean the same here. `timeout` is the
 * common property: it counts only when there is neither of the two. `behavior` tells what happens
 * when the time is up; who is resumed before always goes on.
 */
static const struct cdz_prop pause_props[] = {
    {"delay", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, .doc = "How long to wait; then it goes on."},
    {"pauseDuration", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC,
     .doc = "How long to wait; then `behavior` decides."},
    {"behavior", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "RESUME",
     .doc = "What happens when the duration is over.",
     .values = (const char *const[]){"RESUME", "WARN", "FAIL", "CANCEL", NULL}},
    {"onResume", CDZ_PROP_INPUTS, 0, .doc = "What is asked of the one who resumes."},
    {"onPause", CDZ_PROP_TASKS, CDZ_PROP_ONE, .doc = "A task to run when the wait begins."},
    {"tasks", CDZ_PROP_TASKS, CDZ_PROP_DEPRECATED, .doc = "Tasks to run after the wait."},
    CDZ_ERRORS_PROPS,
    {0},
};
static const struct cdz_prop pause_outputs[] = {
    {"onResume", CDZ_PROP_MAP, 0, .doc = "What the one who resumed has given."},
    {0},
};

static void pause_check(const struct cdz_task *task, struct cdz_problems *problems)
{
    if (cdz_map_getz(task->props, "delay").kind != CDZ_NULL &&
        cdz_map_getz(task->props, "pauseDuration").kind != CDZ_NULL)
        cdz_problem_add(problems, task->mark, task->id, NULL,
                        "only one of `delay` and `pauseDuration` can be given");
}

const struct cdz_type cdz_type_pause = {
    .type = "io.kestra.plugin.core.flow.Pause",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Pause", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_PAUSE,
    .title = "Wait for somebody, or for some time.",
    .props = pause_props,
    .outputs = pause_outputs,
    .check = pause_check,
};

static const struct cdz_prop loop_outputs[] = {
    {"iterationCount", CDZ_PROP_INT, 0, .doc = "How many times the tasks were run."},
    {0},
};

#define LOOP_PROPS(frequency_)                                                                     \
    {"tasks", CDZ_PROP_TASKS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY,                              \
     .doc = "The tasks to run again and again."},                                                  \
        {"condition", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,                       \
         .doc = "The loop ends once this renders to a true value."},                               \
        {"failOnMaxReached", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",                             \
         .doc = "True: fail when a limit is reached."},                                            \
        {"checkFrequency",                                                                         \
         CDZ_PROP_OBJECT,                                                                          \
         0,                                                                                        \
         "{}",                                                                                     \
         .doc = "The limits, and the pause between.",                                              \
         .nested = (frequency_)},                                                                  \
        CDZ_ERRORS_PROPS

#define FREQUENCY(iterations_, duration_, interval_)                                               \
    {"maxIterations",                                                                              \
     CDZ_PROP_INT,                                                                                 \
     CDZ_PROP_DYNAMIC,                                                                             \
     (iterations_),                                                                                \
     .doc = "Most times that the tasks are run.",                                                  \
     .min = 1,                                                                                     \
     .has_min = true},                                                                             \
        {"maxDuration", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, (duration_),                          \
         .doc = "Longest duration of the whole."},                                                 \
    {                                                                                              \
        "interval", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, (interval_), .doc = "Pause between two."  \
    }

static const struct cdz_prop wait_frequency[] = {FREQUENCY("100", "PT1H", "PT1S"), {0}};
static const struct cdz_prop wait_props[] = {LOOP_PROPS(wait_frequency), {0}};

const struct cdz_type cdz_type_wait_for = {
    .type = "io.kestra.plugin.core.flow.WaitFor",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.WaitFor", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_LOOP,
    .title = "Run tasks again and again until a condition holds.",
    .props = wait_props,
    .outputs = loop_outputs,
};

/* The later name, with its own defaults: no limits, a minute between. */
static const struct cdz_prop loop_frequency[] = {FREQUENCY(NULL, NULL, "PT1M"), {0}};
static const struct cdz_prop loop_props[] = {LOOP_PROPS(loop_frequency), {0}};

const struct cdz_type cdz_type_loop_until = {
    .type = "io.kestra.plugin.core.flow.LoopUntil",
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_LOOP,
    .title = "Run tasks again and again until a condition holds.",
    .props = loop_props,
    .outputs = loop_outputs,
};

/* The common `timeout` is how long it waits; then it fails. */
static const struct cdz_prop event_props[] = {
    {"key", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "The key of the event, within the namespace of the flow."},
    {0},
};
static const struct cdz_prop event_outputs[] = {
    {"*", CDZ_PROP_ANY, 0, .doc = "What the event carries, each by its name."},
    {0},
};

const struct cdz_type cdz_type_wait_for_event = {
    .type = "io.cadenza.core.flow.WaitForEvent",
    .kind = CDZ_EXECUTABLE,
    .flow_kind = CDZ_FLOW_WAIT_EVENT,
    .title = "Wait until somebody sends an event with a key.",
    .props = event_props,
    .outputs = event_outputs,
};
