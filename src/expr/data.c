/*
 * data.c -- filters and functions between values and their notations: JSON, YAML, Ion, jq, base64,
 * hashes, encryption.
 *
 * Unlike most filters, toJson, toIon and yaml give the text "null" for null.
 */
#include "expr/lib.h"

#include "base/json.h"
#include "expr/crypt.h"
#include "expr/ion.h"
#include "expr/jqfilter.h"
#include "yaml/yaml.h"

#define NULL_PASSES(call, ret)                                                                     \
    do {                                                                                           \
        if (cdz_val_is_null((call)->input)) {                                                      \
            *(ret) = CDZ_VAL_NULL;                                                                 \
            return CDZ_OK;                                                                         \
        }                                                                                          \
    } while (0)

static cdz_rc text_result(struct cdz_call *call, struct cdz_buf *b, cdz_val *ret)
{
    if (b->overflow)
        return cdz_fail(call->err, CDZ_E_LIMIT, "'%s' gives more than %u bytes", call->name,
                        CDZ_EXPR_OUTPUT_MAX);
    *ret = cdz_val_text(cdz_buf_copy(b, call->arena));
    return CDZ_OK;
}

/* ---- notations ---- */

static cdz_rc to_json_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    b.max = CDZ_EXPR_OUTPUT_MAX;
    cdz_json_print(&b, cdz_plain(call->arena, call->input), CDZ_JSON_DROP_NULLS);
    return text_result(call, &b, ret);
}

static cdz_rc to_ion_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    b.max = CDZ_EXPR_OUTPUT_MAX;
    cdz_ion_print(&b, call->input);
    return text_result(call, &b, ret);
}

static cdz_rc yaml_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    b.max = CDZ_EXPR_OUTPUT_MAX;
    if (cdz_val_is_null(call->input)) {
        *ret = cdz_val_z("null"); /* without a newline: the original's special case */
        return CDZ_OK;
    }
    cdz_yaml_print(&b, cdz_plain(call->arena, call->input));
    return text_result(call, &b, ret);
}

/* The one argument of fromJson and fromIon: text; *ret_null when it is null. Not giving it is an
 * error. */
static cdz_rc source_arg(struct cdz_call *call, const char *name, cdz_str *ret, bool *ret_null)
{
    cdz_val v = call->args[0];
    if (!call->given[0])
        return cdz_call_fail(call, "The '%s' function expects an argument '%s'.", call->name, name);
    *ret_null = cdz_val_is_null(v);
    if (*ret_null)
        return CDZ_OK;
    if (!cdz_is_text(v))
        return cdz_call_fail(call, "The '%s' function expects an argument '%s' with type string.",
                             call->name, name);
    *ret = cdz_text_of(v);
    return CDZ_OK;
}

/* Integers that fit are Java's Integer, as its JSON reader makes them. The tree is ours: changed in
 * place. */
static cdz_val integers_narrowed(cdz_val v)
{
    if (v.kind == CDZ_INT && v.i >= INT32_MIN && v.i <= INT32_MAX) {
        v.sub = CDZ_I32;
    } else if (v.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, v)
            *item = integers_narrowed(*item);
    } else if (v.kind == CDZ_MAP) {
        CDZ_MAP_EACH (e, v)
            e->val = integers_narrowed(e->val);
    }
    return v;
}

/* Rewords what a parser said: "Invalid json: line 1, column 2: ...". */
static cdz_rc reword(struct cdz_call *call, cdz_rc rc, const char *what)
{
    char text[sizeof(call->err->text)];
    if (rc != CDZ_E_INVALID)
        return rc;
    snprintf(text, sizeof(text), "%s", call->err->text);
    return cdz_call_fail(call, "Invalid %s: %s", what, text);
}

static cdz_rc from_json_function(struct cdz_call *call, cdz_val *ret)
{
    cdz_str text;
    cdz_val v;
    bool null;
    CDZ_TRY(source_arg(call, "json", &text, &null));
    if (null) {
        *ret = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    CDZ_TRY(reword(call, cdz_json_parse(text, call->arena, &v, call->err), "json"));
    *ret = integers_narrowed(v);
    return CDZ_OK;
}

static cdz_rc from_ion_function(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = CDZ_VAL_NULL;
    cdz_str text;
    bool null, end;
    CDZ_TRY(source_arg(call, "ion", &text, &null));
    if (!null) {
        struct cdz_ion_reader reader = cdz_ion_reader_of(text);
        CDZ_TRY(reword(call, cdz_ion_next(&reader, call->arena, &v, &end, call->err), "ion"));
    }
    *ret = v;
    return CDZ_OK;
}

/* Null is an error here. */
static cdz_rc yaml_function(struct cdz_call *call, cdz_val *ret)
{
    cdz_str text;
    if (!call->given[0] || cdz_val_is_null(call->args[0]))
        return cdz_call_fail(call, "The 'yaml' function expects an argument 'yaml'.");
    if (!cdz_is_text(call->args[0]))
        return cdz_call_fail(call,
                             "The 'yaml' function expects an argument 'yaml' with type string.");
    text = cdz_text_of(call->args[0]);
    return reword(call, cdz_yaml_parse_val(text, call->arena, ret, call->err), "yaml");
}

/* ---- jq ---- */

static cdz_rc jq_clock(struct cdz_call *call, cdz_str program, struct cdz_jq_clock *ret)
{
    cdz_val now;
    *ret = (struct cdz_jq_clock){false, 0};
    if (!cdz_jq_needs_clock(program) || !call->env->world)
        return CDZ_OK;
    CDZ_TRY(call->env->world(call->env, CDZ_WORLD_NOW, NULL, 0, call->arena, &now, call->err));
    if (now.kind == CDZ_DATE)
        *ret =
            (struct cdz_jq_clock){true, (double)now.date->seconds + (double)now.date->nanos / 1e9};
    return CDZ_OK;
}

static cdz_rc jq_failed(struct cdz_call *call)
{
    struct cdz_buf CDZ_AUTO_BUF input = CDZ_BUF_INIT;
    char why[160];
    input.max = 200; /* so that the reason fits behind it */
    snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, call->err->text);
    cdz_java_print(&input, call->input);
    return cdz_call_fail(call, "Unable to parse jq value '%.*s' with type '%s': %s",
                         CDZ_S(cdz_buf_get(&input)), cdz_java_class(call->input), why);
}

static cdz_rc jq_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val input = cdz_plain(call->arena, call->input);
    struct cdz_jq_clock clock;
    cdz_str program;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_arg_text(call, 0, "expression", &program));
    CDZ_TRY(jq_clock(call, program, &clock));
    cdz_rc rc = CDZ_OK;
    if (input.kind == CDZ_TEXT) { /* a text is JSON */
        rc = cdz_json_parse(cdz_val_str(input), call->arena, &input, call->err);
        if (rc == CDZ_OK)
            input = integers_narrowed(input);
    }
    if (rc == CDZ_OK)
        rc = cdz_jq_run(program, input, clock, call->arena, ret, call->err);
    return rc == CDZ_E_INVALID ? jq_failed(call) : rc;
}

/* ---- bytes ---- */

static cdz_rc base64_encode_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    *ret = cdz_val_text(cdz_base64_encode(s, call->arena));
    return CDZ_OK;
}

static cdz_rc base64_decode_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str s, bytes;
    char utf8[4];
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    if (!cdz_base64_decode(s, call->arena, &bytes))
        return cdz_call_fail(call, "'base64decode': the text is not base64");
    if (cdz_utf8_valid(bytes)) {
        *ret = cdz_val_text(bytes);
        return CDZ_OK;
    }
    to.max = CDZ_EXPR_OUTPUT_MAX;
    for (size_t at = 0; at < bytes.n && !to.overflow;) /* what is no text becomes U+FFFD */
        cdz_buf_add(&to, utf8, cdz_utf8_put(cdz_utf8_next(bytes, &at), utf8));
    return text_result(call, &to, ret);
}

static cdz_rc hash_apply(struct cdz_call *call, const char *hash, cdz_val *ret)
{
    cdz_str s, hex;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_hash_hex(hash, s, call->arena, &hex, call->err));
    *ret = cdz_val_text(hex);
    return CDZ_OK;
}

static cdz_rc md5_filter(struct cdz_call *call, cdz_val *ret)
{
    return hash_apply(call, "MD5", ret);
}

static cdz_rc sha1_filter(struct cdz_call *call, cdz_val *ret)
{
    return hash_apply(call, "SHA1", ret);
}

static cdz_rc sha256_filter(struct cdz_call *call, cdz_val *ret)
{
    return hash_apply(call, "SHA256", ret);
}

static cdz_rc sha512_filter(struct cdz_call *call, cdz_val *ret)
{
    return hash_apply(call, "SHA512", ret);
}

static cdz_rc random_iv(struct cdz_call *call, uint8_t ret[CDZ_CRYPT_IV])
{
    uint64_t bits[2];
    for (size_t i = 0; i < CDZ_COUNT(bits); i++) {
        cdz_val v;
        if (!call->env->world)
            return cdz_call_fail(call, "encrypt() is not available here");
        CDZ_TRY(call->env->world(call->env, CDZ_WORLD_RANDOM, NULL, 0, call->arena, &v, call->err));
        if (v.kind != CDZ_INT)
            return cdz_call_fail(call, "encrypt() has no random numbers");
        bits[i] = (uint64_t)v.i;
    }
    memcpy(ret, bits, CDZ_CRYPT_IV);
    return CDZ_OK;
}

static cdz_rc encrypt_function(struct cdz_call *call, cdz_val *ret)
{
    uint8_t iv[CDZ_CRYPT_IV];
    cdz_str key, plain, encrypted;
    CDZ_TRY(cdz_arg_text(call, 0, "key", &key));
    CDZ_TRY(cdz_arg_text(call, 1, "plaintext", &plain));
    CDZ_TRY(random_iv(call, iv));
    CDZ_TRY(cdz_call_wrap(call, cdz_encrypt(key, iv, plain, call->arena, &encrypted, call->err)));
    *ret = cdz_val_text(encrypted);
    return CDZ_OK;
}

static cdz_rc decrypt_function(struct cdz_call *call, cdz_val *ret)
{
    cdz_str key, encrypted, plain;
    CDZ_TRY(cdz_arg_text(call, 0, "key", &key));
    CDZ_TRY(cdz_arg_text(call, 1, "encrypted", &encrypted));
    CDZ_TRY(cdz_call_wrap(call, cdz_decrypt(key, encrypted, call->arena, &plain, call->err)));
    *ret = cdz_val_text(plain);
    return CDZ_OK;
}

const struct cdz_callable cdz_data_filters[] = {
    {"base64decode", {NULL}, base64_decode_filter, false},
    {"base64encode", {NULL}, base64_encode_filter, false},
    {"jq", {"expression"}, jq_filter, false},
    {"json", {NULL}, to_json_filter, false}, /* the old name of toJson */
    {"md5", {NULL}, md5_filter, false},
    {"sha1", {NULL}, sha1_filter, false},
    {"sha256", {NULL}, sha256_filter, false},
    {"sha512", {NULL}, sha512_filter, false},
    {"toIon", {NULL}, to_ion_filter, false},
    {"toJson", {NULL}, to_json_filter, false},
    {"yaml", {NULL}, yaml_filter, false},
    {NULL},
};

const struct cdz_callable cdz_data_functions[] = {
    {"decrypt", {"key", "encrypted"}, decrypt_function, false},
    {"encrypt", {"key", "plaintext"}, encrypt_function, false},
    {"fromIon", {"ion"}, from_ion_function, false},
    {"fromJson", {"json"}, from_json_function, false},
    {"json", {"json"}, from_json_function, false}, /* the old name of fromJson */
    {"yaml", {"yaml"}, yaml_function, false},
    {NULL},
};
