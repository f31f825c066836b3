/*
 * limits.h -- every bound on what comes from outside, in one place, with its reason.
 * docs/limits.md explains them to users; a test reads both.
 */
#ifndef CDZ_BASE_LIMITS_H
#define CDZ_BASE_LIMITS_H

#define CDZ_FLOW_BYTES_MAX    (2u << 20) /* a flow's source: the largest real ones are some 100 kB */
#define CDZ_YAML_NODES_MAX    100000u    /* after alias expansion: stops "billion laughs" */
#define CDZ_YAML_DEPTH_MAX    100u       /* nesting of mappings and lists */
#define CDZ_JSON_DEPTH_MAX    200u       /* nesting; the parser and printer recurse */
#define CDZ_TASKS_MAX         10000u     /* tasks in one flow, all levels */
#define CDZ_INPUTS_MAX        1000u      /* inputs of one flow: they are looked up one by one */
#define CDZ_INPUT_DEPTH_MAX   50u        /* dependsOn of dependsOn ...: resolving recurses */
#define CDZ_SUBFLOW_DEPTH_MAX 100u       /* flows that call each other: a recursion ends here */
#define CDZ_TASK_DEPTH_MAX    50u        /* flowable inside flowable */
#define CDZ_EXPR_OUTPUT_MAX   (10u << 20) /* bytes one rendering may produce */
#define CDZ_EXPR_STEPS_MAX    1000000u    /* nodes evaluated in one rendering */
#define CDZ_EXPR_DEPTH_MAX    64u         /* nesting of an expression, of macros and of blocks */
#define CDZ_EXPR_RENDER_MAX   10u         /* render() inside render() */
#define CDZ_REGEX_MATCH_MAX   1000000u /* PCRE2 match limit: an evil pattern ends within some ms */
#define CDZ_EACH_VALUES_MAX   200000u  /* values of one each task */
#define CDZ_TEMPLATES_MAX     1000u /* uses of templates in one flow, all levels: each is parsed */
#define CDZ_GRAPH_NODES_MAX                                                                        \
    20000u /* of one topology: nobody can look at more, and each shows its task */
#define CDZ_STAT_SPANS_MAX   1200u   /* minutes, hours ... of one statistic: 100 years of months */
#define CDZ_STAT_FLOWS_MAX   1000u   /* flows that one statistic names: each is looked for */
#define CDZ_STAT_ROWS_MAX    100000u /* flows times spans of one answer: some 30 MB */
#define CDZ_SPLIT_PARTS_MAX  500u    /* pieces of a file that are written side by side */
#define CDZ_OUTPUT_BYTES_MAX (10u << 20) /* outputs of one task run, encoded */
#define CDZ_LOG_MESSAGE_MAX  10240u      /* characters of one log entry; longer ones are split */
#define CDZ_LOG_LINE_MAX                                                                           \
    (1u << 20) /* bytes of a process's line kept before it is cut into entries */
#define CDZ_INPUT_BYTES_MAX (10u << 20) /* one text input */
#define CDZ_BODY_BYTES_MAX                                                                         \
    (10u << 20) /* an HTTP body that is read into memory (uploads stream to disk) */
#define CDZ_HEADER_BYTES_MAX (32u << 10) /* an HTTP request's header block */
#define CDZ_ID_MAX           100u        /* characters of a flow or task id */
#define CDZ_NAMESPACE_MAX    150u
#define CDZ_ZIP_BYTES_MAX    (512u << 20) /* an archive, and what it unpacks to */
#define CDZ_ZIP_ENTRIES_MAX  65535u       /* zip64 is not written */
#define CDZ_CASCADE_MAX      10000u       /* ended executions whose children a kill looks for */
#define CDZ_KV_KEY_MAX       200u         /* characters of a key: it becomes a file name */
#define CDZ_KV_BYTES_MAX     (10u << 20)  /* one value of the key-value store, as Ion text */
#define CDZ_EVENT_KEY_MAX    500u         /* bytes of the key of an event that is waited for */
#define CDZ_EVENT_BYTES_MAX                                                                        \
    (1u << 20) /* what such an event carries, encoded: it is kept in memory */
#define CDZ_EVENTS_KEPT_MAX                                                                        \
    (64u << 20) /* bytes of those that nobody has taken yet, 512 more for each */
#define CDZ_SECRETS_MAX                                                                            \
    1000u /* secrets that one attempt may see: log lines are searched for each */
#define CDZ_ITEM_BYTES_MAX                                                                         \
    (10u << 20) /* a line of a file that is split, filtered or deduplicated */
#define CDZ_DEDUPLICATE_KEYS_MAX                                                                   \
    5000000u /* different keys of DeduplicateItems: some 100 bytes each */

#endif
