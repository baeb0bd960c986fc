/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Reading the members of a key. Key sets come over the network and mix keys of all uses: a key is
 * taken when none of its members (type, use, key_ops, alg, size) speaks against it, and only its
 * numbers are kept. Sources: RFC 7517, 7518, 8725.
 */

#include "crypt/jwk.h"

#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "base/text.h"

#define RSA_BYTES_MIN (2048 / 8)
#define RSA_BYTES_MAX (8192 / 8)
#define EXPONENT_BYTES_MAX 8
#define ED25519_BYTES 32

static const gt_jws_algorithm_t algorithms[] = {
    {"RS256", "RSA", NULL, 0},       {"RS384", "RSA", NULL, 0},    {"RS512", "RSA", NULL, 0},
    {"PS256", "RSA", NULL, 0},       {"PS384", "RSA", NULL, 0},    {"PS512", "RSA", NULL, 0},
    {"ES256", "EC", "P-256", 64},    {"ES384", "EC", "P-384", 96}, {"ES512", "EC", "P-521", 132},
    {"HS256", "oct", NULL, 32},      {"HS384", "oct", NULL, 48},   {"HS512", "oct", NULL, 64},
    {"EdDSA", "OKP", "Ed25519", 64},
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

const gt_jws_algorithm_t *gt_jws_algorithm(const char *name)
{
    size_t i;

    for (i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

unsigned char *gt_jose_decode(apr_size_t *len, const char *text, apr_size_t text_len, apr_pool_t *p)
{
    unsigned char *bytes;

    *len = 0;
    if (memchr(text, '=', text_len) != NULL || !gt_base64_decode(&bytes, len, text, text_len, 0, p))
        return NULL;
    gt_wipe_with_pool(bytes, *len, p);
    return bytes;
}

/* Bytes of a number of a key, or NULL. */
static unsigned char *take_number(apr_size_t *len, const json_t *key, const char *name,
                                  apr_pool_t *p)
{
    const char *text = gt_json_text(key, name);

    *len = 0;
    return text == NULL ? NULL : gt_jose_decode(len, text, strlen(text), p);
}

/* The same without leading zero bytes. */
static unsigned char *take_integer(apr_size_t *len, const json_t *key, const char *name,
                                   apr_pool_t *p)
{
    unsigned char *bytes = take_number(len, key, name, p);

    for (; bytes != NULL && *len > 0 && *bytes == 0; (*len)--)
        bytes++;
    return bytes;
}

/* With exponent 1 every text is its own signature; an even one has no inverse. */
static int is_exponent(const unsigned char *e, apr_size_t len)
{
    return e != NULL && len > 0 && len <= EXPONENT_BYTES_MAX && (e[len - 1] & 1) == 1 &&
           (len > 1 || e[0] >= 3);
}

/* Bytes of an RSA key's modulus, 0 when modulus or exponent are unsound. */
static apr_size_t modulus_bytes(const json_t *key, apr_pool_t *p)
{
    apr_size_t n_len, e_len;
    const unsigned char *n = take_integer(&n_len, key, "n", p);
    const unsigned char *e = take_integer(&e_len, key, "e", p);

    if (n == NULL || !is_exponent(e, e_len) || n_len < RSA_BYTES_MIN || n_len > RSA_BYTES_MAX ||
        (n[n_len - 1] & 1) == 0)
        return 0;
    return n_len == RSA_BYTES_MIN && (n[0] & 0x80) == 0 ? 0 : n_len;
}

/* The points of Ed25519 whose eightfold is the neutral one, without their sign, and the two that
 * are no smallest remainders. A signature by such a key can be made without a secret (RFC 8725
 * section 3.5); OpenSSL takes them. */
static int is_of_small_order(unsigned char *point, apr_pool_t *p)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    const char *hex;

    point[ED25519_BYTES - 1] &= 0x7F;
    hex = gt_hex(point, ED25519_BYTES, p);
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        if (strcmp(points[i], hex) == 0)
            return 1;
    return 0;
}

/* A point has as many bytes for x and y as the curve's field, leading zeros included. One of
 * Edwards' curves is told by x alone (RFC 8037). */
static int is_point(const json_t *jwk, const gt_jws_algorithm_t *row, apr_pool_t *p)
{
    apr_size_t x_len, y_len, field_bytes = row->signature_bytes / 2;
    unsigned char *x = take_number(&x_len, jwk, "x", p);

    if (x == NULL || x_len != field_bytes)
        return 0;
    if (strcmp(row->kty, "OKP") == 0)
        return !is_of_small_order(x, p);
    return take_number(&y_len, jwk, "y", p) != NULL && y_len == field_bytes;
}

/* 1 when no member of a key speaks against verifying signatures. @param alg  out */
static int may_verify(const char **alg, const json_t *jwk)
{
    const json_t *ops = json_object_get(jwk, "key_ops");
    const char *use;

    /* Private members in a published set: each reader can sign with them. */
    if (json_object_get(jwk, "d") != NULL || json_object_get(jwk, "k") != NULL)
        return 0;
    if (!gt_json_optional_text(&use, jwk, "use") || (use != NULL && strcmp(use, "sig") != 0))
        return 0;
    if (ops != NULL && !gt_json_holds(ops, "verify"))
        return 0;
    return gt_json_optional_text(alg, jwk, "alg");
}

/* The algorithm that the key's type and curve stand for, the first of those that it may serve;
 * NULL: there is none. Of `alg` the key's own word is held against it. */
static const gt_jws_algorithm_t *serves(const json_t *jwk, const char *alg)
{
    const char *kty = gt_json_text(jwk, "kty");
    const char *crv = gt_json_text(jwk, "crv");
    size_t i;

    for (i = 0; kty != NULL && i < ALGORITHMS; i++) {
        const gt_jws_algorithm_t *row = &algorithms[i];

        if (strcmp(row->kty, kty) != 0 || strcmp(row->kty, "oct") == 0)
            continue;
        if (row->crv != NULL && (crv == NULL || strcmp(row->crv, crv) != 0))
            continue;
        if (alg == NULL || strcmp(row->name, alg) == 0)
            return row;
    }
    return NULL;
}

static const char *bare_key(const json_t *jwk, const gt_jws_algorithm_t *row, apr_pool_t *p)
{
    static const char *const rsa[] = {"kty", "n", "e", NULL};
    static const char *const ec[] = {"kty", "crv", "x", "y", NULL};
    static const char *const okp[] = {"kty", "crv", "x", NULL};
    const char *const *name = row->crv == NULL ? rsa : strcmp(row->kty, "OKP") == 0 ? okp : ec;
    json_t *bare = gt_json_object(p);

    for (; *name != NULL; name++)
        gt_json_set(bare, *name, gt_json_text(jwk, *name));
    return gt_json_dump(bare, p);
}

int gt_jwk_read(gt_jwk_t *key, const json_t *jwk, apr_pool_t *p, apr_pool_t *scratch)
{
    const gt_jws_algorithm_t *row;
    const char *alg;

    memset(key, 0, sizeof(*key));
    row = may_verify(&alg, jwk) ? serves(jwk, alg) : NULL;
    if (row == NULL)
        return 0;
    if (row->crv == NULL)
        key->modulus_bytes = modulus_bytes(jwk, scratch);
    if (row->crv == NULL ? key->modulus_bytes == 0 : !is_point(jwk, row, scratch))
        return 0;
    key->kty = row->kty;
    key->crv = row->crv;
    key->alg = alg != NULL ? row->name : NULL;
    key->kid = apr_pstrdup(p, gt_json_text(jwk, "kid"));
    key->issuer = apr_pstrdup(p, gt_json_text(jwk, "issuer"));
    key->bare = apr_pstrdup(p, bare_key(jwk, row, scratch));
    return 1;
}

apr_size_t gt_jwk_fits(const gt_jwk_t *key, const gt_jws_algorithm_t *algorithm)
{
    if (strcmp(key->kty, algorithm->kty) != 0 ||
        (key->alg != NULL && strcmp(key->alg, algorithm->name) != 0))
        return 0;
    if (key->secret_bytes != 0)
        return algorithm->signature_bytes;
    if (algorithm->crv == NULL)
        return key->modulus_bytes;
    return strcmp(key->crv, algorithm->crv) == 0 ? algorithm->signature_bytes : 0;
}
