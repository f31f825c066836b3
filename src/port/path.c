/* path.c -- kestra:// URIs, slugs and the folders of executions: reference/servers-and-config.md
 * §8. */
#include <assert.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "port/storage.h"

cdz_rc cdz_storage_path(cdz_str uri, cdz_str *ret, struct cdz_err *err)
{
    static const cdz_str scheme = {"kestra:", 7};
    cdz_str rest = cdz_str_sub(uri, scheme.n, uri.n);
    if (!cdz_str_starts(uri, scheme) || !cdz_str_starts(rest, CDZ_STR("/")))
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is not a kestra:/// URI",
                        CDZ_S(cdz_str_sub(uri, 0, 200)));
    if (cdz_str_starts(rest, CDZ_STR("//")))
        rest = cdz_str_sub(rest, 2, rest.n);
    /* kestra://host/path: the store has no hosts. */
    if (!cdz_str_starts(rest, CDZ_STR("/")))
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is not a kestra:/// URI",
                        CDZ_S(cdz_str_sub(uri, 0, 200)));
    *ret = rest;
    return CDZ_OK;
}

cdz_str cdz_storage_uri(cdz_str path, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "kestra://%.*s", CDZ_S(path));
}

/* s in normal form D, so that an accented letter leaves its base letter behind. Malformed UTF-8: as
 * it is. */
static cdz_str decompose(cdz_str s, struct cdz_arena *arena)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&status);
    if (U_FAILURE(status) || s.n > INT32_MAX / 8)
        return s;
    int32_t n = 0, wide_n = 0;
    UChar *from = cdz_arena_alloc(arena, (s.n + 1) * sizeof(*from));
    u_strFromUTF8WithSub(from, (int32_t)s.n + 1, &n, s.p, (int32_t)s.n, 0xfffd, NULL, &status);
    /* Decomposition makes at most 4 UTF-16 units of one. */
    UChar *wide = cdz_arena_alloc(arena, ((size_t)n * 4 + 1) * sizeof(*wide));
    wide_n = unorm2_normalize(nfd, from, n, wide, n * 4 + 1, &status);
    char *utf8 = cdz_arena_alloc(arena, (size_t)wide_n * 3 + 1);
    int32_t utf8_n = 0;
    u_strToUTF8(utf8, wide_n * 3 + 1, &utf8_n, wide, wide_n, &status);
    return U_FAILURE(status) ? s : (cdz_str){utf8, (size_t)utf8_n};
}

cdz_str cdz_slug(cdz_str s, struct cdz_arena *arena)
{
    bool is_ascii = true;
    for (size_t i = 0; i < s.n; i++)
        is_ascii = is_ascii && (unsigned char)s.p[i] < 0x80;
    if (!is_ascii)
        s = decompose(s, arena);
    char *to = cdz_arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        else if (c == '_' || c == ' ' || (c >= '\t' && c <= '\r'))
            c = '-';
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!keep || (c == '-' && (n == 0 || to[n - 1] == '-')))
            continue;
        to[n++] = c;
    }
    while (n > 0 && to[n - 1] == '-')
        n--;
    to[n] = 0;
    return (cdz_str){to, n};
}

static cdz_str namespace_path(cdz_str namespace_, struct cdz_arena *arena)
{
    char *to = cdz_arena_alloc(arena, namespace_.n + 1);
    for (size_t i = 0; i < namespace_.n; i++)
        to[i] = namespace_.p[i] == '.' ? '/' : namespace_.p[i];
    to[namespace_.n] = 0;
    return (cdz_str){to, namespace_.n};
}

cdz_str cdz_path_execution(cdz_str namespace_, cdz_str flow, cdz_str execution,
                           struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "/%.*s/%.*s/executions/%.*s",
                            CDZ_S(namespace_path(namespace_, arena)), CDZ_S(cdz_slug(flow, arena)),
                            CDZ_S(execution));
}

cdz_str cdz_path_taskrun(cdz_str namespace_, cdz_str flow, cdz_str execution, cdz_str task,
                         cdz_str taskrun, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "%.*s/tasks/%.*s/%.*s",
                            CDZ_S(cdz_path_execution(namespace_, flow, execution, arena)),
                            CDZ_S(cdz_slug(task, arena)), CDZ_S(taskrun));
}

cdz_str cdz_path_input(cdz_str namespace_, cdz_str flow, cdz_str execution, cdz_str input,
                       cdz_str file, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "%.*s/inputs/%.*s/%.*s",
                            CDZ_S(cdz_path_execution(namespace_, flow, execution, arena)),
                            CDZ_S(input), CDZ_S(file));
}

cdz_str cdz_path_namespace_file(cdz_str namespace_, cdz_str path, struct cdz_arena *arena)
{
    const char *slash = cdz_str_starts(path, CDZ_STR("/")) || path.n == 0 ? "" : "/";
    return cdz_arena_printf(arena, "/%.*s/_files%s%.*s", CDZ_S(namespace_path(namespace_, arena)),
                            slash, CDZ_S(path));
}

cdz_str cdz_path_kv(cdz_str namespace_, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "/%.*s/_kv", CDZ_S(namespace_path(namespace_, arena)));
}

cdz_str cdz_path_flow(cdz_str namespace_, cdz_str flow, struct cdz_arena *arena)
{
    cdz_str ns = namespace_path(namespace_, arena);
    return flow.n ? cdz_arena_printf(arena, "/%.*s/%.*s", CDZ_S(ns), CDZ_S(cdz_slug(flow, arena)))
                  : cdz_arena_printf(arena, "/%.*s", CDZ_S(ns));
}
