/*
 * crypt.h -- base64, hashes, and the original's encryption of secrets (AES-GCM); on OpenSSL.
 *
 * An encrypted text is base64 of: 12 bytes of initialisation vector, the cipher text, 16 bytes of
 * tag. The key is base64 of 16, 24 or 32 bytes. The vector is an argument, since nothing here draws
 * random numbers: never use one twice with a key.
 */
#ifndef CDZ_EXPR_CRYPT_H
#define CDZ_EXPR_CRYPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/val.h"

enum { CDZ_CRYPT_IV = 12 };

cdz_str cdz_base64_encode(cdz_str bytes, struct cdz_arena *arena);
/* False if text is not base64 with its padding (which may be missing altogether). */
bool cdz_base64_decode(cdz_str text, struct cdz_arena *arena, cdz_str *ret);

/* The hash in lower-case hexadecimal; name: "MD5", "SHA1", "SHA256", "SHA512". */
CDZ_MUST_USE cdz_rc cdz_hash_hex(const char *name, cdz_str bytes, struct cdz_arena *arena,
                                 cdz_str *ret, struct cdz_err *err);

/* CDZ_E_INVALID for a bad key, or (decrypt) for a text that was not encrypted with it. */
CDZ_MUST_USE cdz_rc cdz_encrypt(cdz_str key, const uint8_t iv[CDZ_CRYPT_IV], cdz_str plain,
                                struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_decrypt(cdz_str key, cdz_str encrypted, struct cdz_arena *arena,
                                cdz_str *ret, struct cdz_err *err);

/*
 * An encrypted value as the original keeps it in outputs:
 * {type: "io.kestra.datatype:aes_encrypted", value: "<base64>"}.
 */
cdz_val cdz_crypt_wrap(cdz_str encrypted, struct cdz_arena *arena);
/* False: v is not that. *ret: the base64. */
bool cdz_crypt_wrapped(cdz_val v, cdz_str *ret);
/*
 * v with every encrypted value in it replaced by its plain text; v itself when there is none. What
 * this key does not open stays as it is. seen (may be NULL) is told each plain text.
 */
cdz_val cdz_crypt_open_all(cdz_str key, cdz_val v, struct cdz_arena *arena,
                           void (*seen)(void *ctx, cdz_str plain), void *ctx);

#endif
