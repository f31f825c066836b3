/* crypt.c -- see crypt.h. */
#include "expr/crypt.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { TAG = 16, KEY_MAX = 32, INPUT_MAX = 64 << 20 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

cdz_str cdz_base64_encode(cdz_str bytes, struct cdz_arena *arena)
{
    char *to = cdz_arena_alloc(arena, bytes.n / 3 * 4 + 5);
    size_t n = 0;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.p[i] << 16;
        if (left > 1)
            group |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
        if (left > 2)
            group |= (unsigned char)bytes.p[i + 2];
        to[n++] = alphabet[group >> 18];
        to[n++] = alphabet[group >> 12 & 63];
        to[n++] = left > 1 ? alphabet[group >> 6 & 63] : '=';
        to[n++] = left > 2 ? alphabet[group & 63] : '=';
    }
    to[n] = '\0';
    return (cdz_str){to, n};
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool cdz_base64_decode(cdz_str text, struct cdz_arena *arena, cdz_str *ret)
{
    size_t n = 0, digits = text.n;
    uint32_t group = 0;
    while (digits > 0 && text.n - digits < 2 && text.p[digits - 1] == '=')
        digits--;
    if (digits % 4 == 1 || (digits < text.n && text.n % 4 != 0))
        return false;
    char *to = cdz_arena_alloc(arena, digits / 4 * 3 + 4);
    for (size_t i = 0; i < digits; i++) {
        int value = value_of(text.p[i]);
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
        if (i % 4 == 3) {
            to[n++] = (char)(group >> 16);
            to[n++] = (char)(group >> 8);
            to[n++] = (char)group;
        }
    }
    if (digits % 4 == 2) {
        to[n++] = (char)(group >> 4);
    } else if (digits % 4 == 3) {
        to[n++] = (char)(group >> 10);
        to[n++] = (char)(group >> 2);
    }
    to[n] = '\0';
    *ret = (cdz_str){to, n};
    return true;
}

cdz_rc cdz_hash_hex(const char *name, cdz_str bytes, struct cdz_arena *arena, cdz_str *ret,
                    struct cdz_err *err)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const EVP_MD *md = EVP_get_digestbyname(name);
    if (!md || EVP_Digest(bytes.n ? bytes.p : "", bytes.n, digest, &n, md, NULL) != 1)
        return cdz_fail(err, CDZ_E_INTERNAL, "%s is not available", name);
    char *to = cdz_arena_alloc(arena, 2 * (size_t)n + 1);
    for (unsigned i = 0; i < n; i++) {
        to[2 * i] = hex[digest[i] >> 4];
        to[2 * i + 1] = hex[digest[i] & 15];
    }
    to[2 * n] = '\0';
    *ret = (cdz_str){to, 2 * (size_t)n};
    return CDZ_OK;
}

static cdz_rc cipher_of(cdz_str key, struct cdz_arena *arena, const EVP_CIPHER **ret,
                        cdz_str *ret_key, struct cdz_err *err)
{
    if (!cdz_base64_decode(key, arena, ret_key))
        return cdz_fail(err, CDZ_E_INVALID, "the encryption key is not base64");
    switch (ret_key->n) {
    case 16:
        *ret = EVP_aes_128_gcm();
        return CDZ_OK;
    case 24:
        *ret = EVP_aes_192_gcm();
        return CDZ_OK;
    case 32:
        *ret = EVP_aes_256_gcm();
        return CDZ_OK;
    default:
        return cdz_fail(err, CDZ_E_INVALID, "Invalid AES key length: %zu bytes", ret_key->n);
    }
}

static const unsigned char *bytes_of(cdz_str s)
{
    return (const unsigned char *)(s.n ? s.p : "");
}

cdz_rc cdz_encrypt(cdz_str key, const uint8_t iv[CDZ_CRYPT_IV], cdz_str plain,
                   struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err)
{
    const EVP_CIPHER *cipher;
    cdz_str raw;
    int n = 0, last = 0;
    if (plain.n > INPUT_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "text of more than %d bytes to encrypt", INPUT_MAX);
    CDZ_TRY(cipher_of(key, arena, &cipher, &raw, err));
    unsigned char *to = cdz_arena_alloc(arena, CDZ_CRYPT_IV + plain.n + TAG);
    memcpy(to, iv, CDZ_CRYPT_IV);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, bytes_of(raw), iv) == 1 &&
              EVP_EncryptUpdate(ctx, to + CDZ_CRYPT_IV, &n, bytes_of(plain), (int)plain.n) == 1 &&
              EVP_EncryptFinal_ex(ctx, to + CDZ_CRYPT_IV + n, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, to + CDZ_CRYPT_IV + plain.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        return cdz_fail(err, CDZ_E_INTERNAL, "the text cannot be encrypted");
    *ret = cdz_base64_encode((cdz_str){(const char *)to, CDZ_CRYPT_IV + plain.n + TAG}, arena);
    return CDZ_OK;
}

cdz_rc cdz_decrypt(cdz_str key, cdz_str encrypted, struct cdz_arena *arena, cdz_str *ret,
                   struct cdz_err *err)
{
    const EVP_CIPHER *cipher;
    unsigned char tag[TAG];
    cdz_str raw, in;
    int n = 0, last = 0;
    CDZ_TRY(cipher_of(key, arena, &cipher, &raw, err));
    if (!cdz_base64_decode(encrypted, arena, &in) || in.n < CDZ_CRYPT_IV + TAG || in.n > INPUT_MAX)
        return cdz_fail(err, CDZ_E_INVALID, "the encrypted text is not base64 or too short");
    size_t body = in.n - CDZ_CRYPT_IV - TAG;
    unsigned char *to = cdz_arena_alloc(arena, body + TAG);
    memcpy(tag, in.p + in.n - TAG, TAG);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && EVP_DecryptInit_ex(ctx, cipher, NULL, bytes_of(raw), bytes_of(in)) == 1 &&
              EVP_DecryptUpdate(ctx, to, &n, bytes_of(in) + CDZ_CRYPT_IV, (int)body) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, to + n, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        return cdz_fail(err, CDZ_E_INVALID,
                        "the text cannot be decrypted with this key (tag mismatch)");
    *ret = (cdz_str){(const char *)to, body};
    return CDZ_OK;
}

#define WRAPPED_TYPE "io.kestra.datatype:aes_encrypted"

cdz_val cdz_crypt_wrap(cdz_str encrypted, struct cdz_arena *arena)
{
    cdz_val map = cdz_val_map(arena, 2);
    cdz_map_putz(arena, map, "type", cdz_val_z(WRAPPED_TYPE));
    cdz_map_putz(arena, map, "value", cdz_val_text(encrypted));
    return map;
}

bool cdz_crypt_wrapped(cdz_val v, cdz_str *ret)
{
    if (v.kind != CDZ_MAP || cdz_map_n(v) != 2)
        return false;
    cdz_val type = cdz_map_getz(v, "type"), value = cdz_map_getz(v, "value");
    if (type.kind != CDZ_TEXT || value.kind != CDZ_TEXT ||
        !cdz_str_is(cdz_val_str(type), WRAPPED_TYPE))
        return false;
    *ret = cdz_val_str(value);
    return true;
}

/* Mostly nothing is encrypted: then nothing is copied. */
static bool holds_wrapped(cdz_val v)
{
    cdz_str ignored;
    if (cdz_crypt_wrapped(v, &ignored))
        return true;
    if (v.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, v) {
            if (holds_wrapped(*item))
                return true;
        }
    } else if (v.kind == CDZ_MAP) {
        CDZ_MAP_EACH (e, v) {
            if (holds_wrapped(e->val))
                return true;
        }
    }
    return false;
}

cdz_val cdz_crypt_open_all(cdz_str key, cdz_val v, struct cdz_arena *arena,
                           void (*seen)(void *ctx, cdz_str plain), void *ctx)
{
    struct cdz_err ignored;
    cdz_str sealed, plain;
    cdz_val to;
    if (!holds_wrapped(v))
        return v;
    if (cdz_crypt_wrapped(v, &sealed)) {
        if (!key.n || cdz_decrypt(key, sealed, arena, &plain, &ignored) != CDZ_OK)
            return v;
        if (seen)
            seen(ctx, plain);
        return cdz_val_text(plain);
    }
    if (v.kind == CDZ_LIST) {
        to = cdz_val_list(arena, cdz_list_n(v));
        CDZ_LIST_EACH (item, v)
            cdz_list_push(arena, to, cdz_crypt_open_all(key, *item, arena, seen, ctx));
        return to;
    }
    to = cdz_val_map(arena, cdz_map_n(v));
    CDZ_MAP_EACH (e, v)
        cdz_map_put(arena, to, e->key, cdz_crypt_open_all(key, e->val, arena, seen, ctx));
    return to;
}
