/* secrets.c -- see secrets.h. */
#include "task/secrets.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "expr/crypt.h"
#include "yaml/yaml.h"

#define PREFIX "SECRET_"

struct cdz_secrets {
    struct cdz_arena *arena;
    cdz_val plain; /* map: name in upper case -> text */
};

static cdz_str upper(cdz_str s, struct cdz_arena *arena)
{
    char *p = cdz_arena_alloc(arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = (char)toupper((unsigned char)s.p[i]);
    p[s.n] = 0;
    return (cdz_str){p, s.n};
}

/* Base64 with blanks and line breaks anywhere. */
static bool unpack(cdz_str packed, struct cdz_arena *arena, cdz_str *ret)
{
    char *p = cdz_arena_alloc(arena, packed.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < packed.n; i++) {
        if (!isspace((unsigned char)packed.p[i]))
            p[n++] = packed.p[i];
    }
    return cdz_base64_decode((cdz_str){p, n}, arena, ret);
}

static void complain(cdz_str name)
{
    cdz_log(CDZ_ERROR, "secret",
            "msg=\"the value is not base64, the secret counts as missing\" name=%.*s",
            CDZ_S(cdz_str_sub(name, 0, 100)));
}

/* --- the file --- */

static void add(struct cdz_secrets *s, cdz_str name, cdz_str value)
{
    static const cdz_str prefix = {PREFIX, sizeof(PREFIX) - 1};
    name = upper(cdz_str_trim(name), s->arena);
    value = cdz_arena_str(s->arena, value);
    if (cdz_str_starts(name, prefix)) {
        name = cdz_str_sub(name, prefix.n, name.n);
        if (!unpack(value, s->arena, &value)) {
            complain(name);
            return;
        }
    }
    cdz_map_put(s->arena, s->plain, name, cdz_val_text(value));
}

static cdz_str next_line(cdz_str text, size_t *at)
{
    size_t end = cdz_str_chr(text, '\n', *at);
    cdz_str line = cdz_str_sub(text, *at, end);
    *at = end == SIZE_MAX ? text.n : end + 1;
    return cdz_str_trim(line);
}

static bool is_assignment(cdz_str line)
{
    size_t i = 0;
    while (i < line.n && (isalnum((unsigned char)line.p[i]) || strchr("_.-", line.p[i])))
        i++;
    return i > 0 && i < line.n && line.p[i] == '=';
}

/* "NAME=value" lines; an empty file is one of them. */
static bool is_lines(cdz_str text)
{
    for (size_t at = 0; at < text.n;) {
        cdz_str line = next_line(text, &at);
        if (line.n && line.p[0] != '#')
            return is_assignment(line);
    }
    return true;
}

static cdz_rc add_lines(struct cdz_secrets *s, const char *file, cdz_str text, struct cdz_err *err)
{
    int number = 0;
    for (size_t at = 0; at < text.n;) {
        cdz_str line = next_line(text, &at);
        number++;
        if (!line.n || line.p[0] == '#')
            continue;
        if (!is_assignment(line)) /* never the line itself: it may be half a secret */
            return cdz_fail(err, CDZ_E_INVALID, "%s:%d: must be NAME=value", file, number);
        size_t equals = cdz_str_chr(line, '=', 0);
        cdz_str value = cdz_str_sub(line, equals + 1, line.n);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = cdz_str_sub(value, 1, value.n - 1);
        add(s, cdz_str_sub(line, 0, equals), value);
    }
    return CDZ_OK;
}

static cdz_rc add_map(struct cdz_secrets *s, const char *file, cdz_str text, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err why;
    cdz_val map;
    if (cdz_yaml_parse_val(text, arena, &map, &why) != CDZ_OK)
        return cdz_fail(err, CDZ_E_INVALID, "%s: %s", file, why.text);
    if (map.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_INVALID, "%s: must be a map of names and texts", file);
    CDZ_MAP_EACH (e, map) {
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        if (e->val.kind == CDZ_MAP || e->val.kind == CDZ_LIST)
            return cdz_fail(err, CDZ_E_INVALID, "%s: secret `%.*s` must be a text", file,
                            CDZ_S(e->key));
        if (e->val.kind == CDZ_TEXT)
            cdz_buf_str(&b, cdz_val_str(e->val));
        else
            cdz_buf_str(&b, cdz_json_text(arena, e->val, 0)); /* a number, true */
        add(s, e->key, cdz_buf_get(&b));
    }
    return CDZ_OK;
}

static cdz_rc read_file(const char *file, struct cdz_buf *to, struct cdz_err *err)
{
    FILE *f = fopen(file, "re");
    if (!f && errno == ENOENT)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "the file of secrets %s does not exist", file);
    if (!f)
        return cdz_fail_errno(err, errno, "fopen", "the file of secrets %s cannot be read", file);
    for (size_t n; (n = fread(cdz_buf_room(to, 4096), 1, 4096, f)) > 0;) {
        to->n += n;
        if (to->n > CDZ_FLOW_BYTES_MAX)
            break;
    }
    bool failed = ferror(f);
    fclose(f);
    if (failed)
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "the file of secrets %s cannot be read", file);
    if (to->n > CDZ_FLOW_BYTES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the file of secrets %s has more than %u bytes", file,
                        CDZ_FLOW_BYTES_MAX);
    return CDZ_OK;
}

cdz_rc cdz_secrets_load(const char *file, struct cdz_secrets **ret, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    CDZ_TRY(read_file(file, &text, err));
    struct cdz_secrets *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->arena = cdz_arena_open(0);
    s->plain = cdz_val_map(s->arena, 0);
    cdz_rc rc = is_lines(cdz_buf_get(&text)) ? add_lines(s, file, cdz_buf_get(&text), err)
                                             : add_map(s, file, cdz_buf_get(&text), err);
    if (rc != CDZ_OK) {
        cdz_secrets_free(s);
        return rc;
    }
    *ret = s;
    return CDZ_OK;
}

void cdz_secrets_free(struct cdz_secrets *s)
{
    if (!s)
        return;
    cdz_arena_close(s->arena);
    free(s);
}

cdz_val cdz_secret_get(const struct cdz_secrets *s, cdz_str name, struct cdz_arena *arena)
{
    cdz_str key = upper(name, arena), plain;
    cdz_str variable = cdz_arena_printf(arena, PREFIX "%.*s", CDZ_S(key));
    const char *packed = key.n && !memchr(key.p, 0, key.n) ? getenv(variable.p) : NULL;
    if (!packed)
        return s ? cdz_map_get(s->plain, key) : CDZ_VAL_NULL;
    if (!unpack(cdz_str_z(packed), arena, &plain)) {
        complain(key);
        return CDZ_VAL_NULL;
    }
    return cdz_val_text(plain);
}
