/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The one key that may verify a signature. Key sets come over the network and mix keys of all
 * uses; a key is taken when nothing it says of itself speaks against it, and only when no other
 * fits as well. Of what it holds only its numbers go on. Sources: RFC 7517, 7518, 8725.
 */

#include "crypt/jwks.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/jwt.h"

#define JWKS_MAX ((apr_size_t)1 << 20)
#define RSA_BYTES_MIN (2048 / 8)
#define RSA_BYTES_MAX (8192 / 8)
#define EXPONENT_BYTES_MAX 8

static const gt_jws_algorithm_t algorithms[] = {
    {"RS256", "RSA", NULL, 0},    {"RS384", "RSA", NULL, 0},    {"RS512", "RSA", NULL, 0},
    {"PS256", "RSA", NULL, 0},    {"PS384", "RSA", NULL, 0},    {"PS512", "RSA", NULL, 0},
    {"ES256", "EC", "P-256", 64}, {"ES384", "EC", "P-384", 96}, {"ES512", "EC", "P-521", 132},
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

/* A point has as many bytes for x and y as the curve's field, leading zeros included. */
static int is_on(const json_t *key, const gt_jws_algorithm_t *algorithm, apr_pool_t *p)
{
    const char *crv = gt_json_text(key, "crv");
    apr_size_t x_len, y_len;

    return crv != NULL && strcmp(crv, algorithm->crv) == 0 &&
           take_number(&x_len, key, "x", p) != NULL && take_number(&y_len, key, "y", p) != NULL &&
           x_len == algorithm->signature_bytes / 2 && y_len == x_len;
}

/* 1 when nothing a key says of itself speaks against verifying this algorithm's signatures. */
static int is_meant_for(const json_t *key, const gt_jws_algorithm_t *algorithm)
{
    const json_t *ops = json_object_get(key, "key_ops");
    const char *kty = gt_json_text(key, "kty");
    const char *use, *alg;

    if (kty == NULL || strcmp(kty, algorithm->kty) != 0)
        return 0;
    /* Private members in a published set: every reader of the set can sign. */
    if (json_object_get(key, "d") != NULL || json_object_get(key, "k") != NULL)
        return 0;
    if (!gt_json_optional_text(&use, key, "use") || (use != NULL && strcmp(use, "sig") != 0))
        return 0;
    if (ops != NULL && !gt_json_holds(ops, "verify"))
        return 0;
    return gt_json_optional_text(&alg, key, "alg") &&
           (alg == NULL || strcmp(alg, algorithm->name) == 0);
}

/* Bytes a signature of this key has, 0 when the key does not fit the algorithm. */
static apr_size_t fits(const json_t *key, const gt_jws_algorithm_t *algorithm, apr_pool_t *p)
{
    if (!is_meant_for(key, algorithm))
        return 0;
    if (algorithm->crv == NULL)
        return modulus_bytes(key, p);
    return is_on(key, algorithm, p) ? algorithm->signature_bytes : 0;
}

static int has_kid(const json_t *key, const char *kid)
{
    const char *own = gt_json_text(key, "kid");

    return kid == NULL || (own != NULL && strcmp(own, kid) == 0);
}

/* The keys of a key set, or NULL when it is none. */
static const json_t *keys_of(const char *jwks, apr_pool_t *p)
{
    json_t *set;
    const json_t *keys;

    if (jwks == NULL || strlen(jwks) > JWKS_MAX ||
        gt_json_parse_answer(&set, jwks, strlen(jwks), p) != GT_OK)
        return NULL;
    keys = json_object_get(set, "keys");
    return json_is_array(keys) ? keys : NULL;
}

static const char *bare_key(const json_t *key, const gt_jws_algorithm_t *algorithm, apr_pool_t *p)
{
    static const char *const rsa[] = {"kty", "n", "e", NULL};
    static const char *const ec[] = {"kty", "crv", "x", "y", NULL};
    const char *const *name = algorithm->crv == NULL ? rsa : ec;
    json_t *bare = gt_json_object(p);

    for (; *name != NULL; name++)
        gt_json_set(bare, *name, gt_json_text(key, *name));
    return gt_json_dump(bare, p);
}

/* 1 when a key's own issuer, of which {tenantid} stands for any tenant, is the one claimed. A key
 * that names none serves all. */
static int is_of_issuer(const json_t *key, const char *iss)
{
    const char *own = gt_json_text(key, "issuer");
    const char *hole = own != NULL ? strstr(own, "{tenantid}") : NULL;
    apr_size_t head = hole != NULL ? (apr_size_t)(hole - own) : 0;
    const char *tail = hole != NULL ? hole + strlen("{tenantid}") : "";

    if (own == NULL || iss == NULL)
        return 1;
    if (hole == NULL)
        return strcmp(own, iss) == 0;
    return strlen(iss) >= head + strlen(tail) && strncmp(own, iss, head) == 0 &&
           strcmp(iss + strlen(iss) - strlen(tail), tail) == 0;
}

/** Which key is looked for; NULL: any. */
typedef struct wanted_t {
    const char *kid;
    const char *iss;
    const gt_jws_algorithm_t *algorithm;
} wanted_t;

static const char *choose(gt_jwk_t *chosen, const json_t *keys, const wanted_t *wanted,
                          apr_pool_t *p)
{
    const json_t *key;
    size_t i;

    memset(chosen, 0, sizeof(*chosen));
    json_array_foreach (keys, i, key) {
        int is_candidate = has_kid(key, wanted->kid) && is_of_issuer(key, wanted->iss);
        apr_size_t signature_bytes = is_candidate ? fits(key, wanted->algorithm, p) : 0;
        const char *bare;

        if (signature_bytes == 0)
            continue;
        bare = bare_key(key, wanted->algorithm, p);
        /* The token's maker must not have the choice between two. */
        if (chosen->bare != NULL && strcmp(chosen->bare, bare) != 0)
            return "two-keys";
        if (chosen->bare == NULL || chosen->issuer == NULL)
            chosen->issuer = apr_pstrdup(p, gt_json_text(key, "issuer"));
        chosen->bare = bare;
        chosen->signature_bytes = signature_bytes;
    }
    return chosen->bare == NULL ? "no-key" : NULL;
}

const char *gt_jwks_choose(gt_jwk_t *chosen, const char *jwks, const char *kid, const char *iss,
                           const gt_jws_algorithm_t *algorithm, apr_pool_t *p)
{
    const json_t *keys = keys_of(jwks, p);
    wanted_t wanted = {kid, iss, algorithm};
    const char *fault = keys != NULL ? choose(chosen, keys, &wanted, p) : "key-set";

    if (keys == NULL || fault == NULL || chosen->bare != NULL)
        return fault;
    /* No key is of that issuer: whose key it is then is the caller's to judge. */
    wanted.iss = NULL;
    return choose(chosen, keys, &wanted, p);
}

/* The numbers of a key that verifies anything at all, or NULL. */
static const char *usable_key(const json_t *key, apr_pool_t *p)
{
    size_t i;

    for (i = 0; i < ALGORITHMS; i++)
        if (fits(key, &algorithms[i], p) > 0)
            return bare_key(key, &algorithms[i], p);
    return NULL;
}

int gt_jwks_has(const char *jwks, const char *kid, apr_pool_t *p)
{
    const json_t *keys = keys_of(jwks, p);
    const json_t *key;
    const char *first = NULL;
    int others = 0;
    size_t i;

    json_array_foreach (keys, i, key) {
        const char *usable = has_kid(key, kid) ? usable_key(key, p) : NULL;

        others += first != NULL && usable != NULL && strcmp(first, usable) != 0;
        first = first != NULL ? first : usable;
    }
    return first != NULL && (kid != NULL || others == 0);
}
