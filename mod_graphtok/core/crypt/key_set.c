/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A set lies in a pool of its own, which the last holder destroys, on any thread. Each key is made
 * into libcjose's form once, here; verifying only reads it.
 */

#include "crypt/key_set.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/jwk.h"

#define JWKS_MAX ((apr_size_t)1 << 20)

struct gt_key_set_t {
    apr_pool_t *pool; /* unmanaged */
    atomic_int holders;
    apr_array_header_t *keys; /* gt_jwk_t */
    int is_secret;            /* 1: the one key is a shared secret */
    unsigned char digest[32];
};

/* ---- life ---- */

/* libcjose frees a secret without wiping it. */
static void release_key(const gt_jwk_t *key)
{
    cjose_jwk_t *usable = (cjose_jwk_t *)key->usable;
    cjose_err error;

    EVP_PKEY_free(key->okp);
    if (usable == NULL)
        return;
    if (key->secret_bytes != 0)
        OPENSSL_cleanse(cjose_jwk_get_keydata(usable, &error), key->secret_bytes);
    cjose_jwk_release(usable);
}

void gt_key_set_keep(gt_key_set_t *set)
{
    atomic_fetch_add(&set->holders, 1);
}

void gt_key_set_release(gt_key_set_t *set)
{
    if (set == NULL || atomic_fetch_sub(&set->holders, 1) > 1)
        return;
    for (int i = 0; i < set->keys->nelts; i++)
        release_key(&APR_ARRAY_IDX(set->keys, i, gt_jwk_t));
    apr_pool_destroy(set->pool);
}

static apr_status_t release_with_pool(void *set)
{
    gt_key_set_release(set);
    return APR_SUCCESS;
}

void gt_key_set_hold(gt_key_set_t *set, apr_pool_t *p)
{
    gt_key_set_keep(set);
    apr_pool_cleanup_register(p, set, release_with_pool, apr_pool_cleanup_null);
}

/* An empty set, held by `p`. */
static gt_key_set_t *make_set(apr_pool_t *p)
{
    gt_key_set_t *set;
    apr_pool_t *own;

    /* No child of another pool: holders go in any order, on any thread. */
    if (apr_pool_create_unmanaged_ex(&own, apr_pool_abort_get(p), NULL) != APR_SUCCESS)
        abort();
    apr_pool_tag(own, "gt_key_set");
    set = apr_pcalloc(own, sizeof(*set));
    set->pool = own;
    set->keys = apr_array_make(own, 8, sizeof(gt_jwk_t));
    gt_wipe_with_pool(set->digest, sizeof(set->digest), own);
    gt_key_set_hold(set, p);
    return set;
}

/* ---- from a JWKS ---- */

/* NULL: its numbers are no key. */
static EVP_PKEY *make_okp(const json_t *jwk, apr_pool_t *p)
{
    const char *x = gt_json_text(jwk, "x");
    apr_size_t len;
    const unsigned char *bytes = gt_jose_decode(&len, x, strlen(x), p);

    return bytes != NULL ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, len) : NULL;
}

static void add_key(gt_key_set_t *set, const json_t *jwk, apr_pool_t *scratch)
{
    cjose_err error;
    gt_jwk_t key;

    if (!gt_jwk_read(&key, jwk, set->pool, scratch))
        return;
    if (strcmp(key.kty, "OKP") == 0)
        key.okp = make_okp(jwk, scratch);
    else
        key.usable = cjose_jwk_import(key.bare, strlen(key.bare), &error);
    if (key.usable == NULL && key.okp == NULL)
        ERR_clear_error();
    APR_ARRAY_PUSH(set->keys, gt_jwk_t) = key;
}

/* The keys of a JWKS, or NULL when it is none. */
static const json_t *keys_of(const char *text, apr_size_t len, apr_pool_t *p)
{
    const json_t *keys;
    json_t *set;

    if (text == NULL || len > JWKS_MAX || gt_json_parse_answer(&set, text, len, p) != GT_OK)
        return NULL;
    keys = json_object_get(set, "keys");
    return json_is_array(keys) ? keys : NULL;
}

/* Of every member that a key is chosen by. */
static void take_digest(gt_key_set_t *set, apr_pool_t *scratch)
{
    json_t *all = gt_json_object(scratch), *keys = json_array();
    const char *text;

    json_object_set_new(all, "keys", keys);
    for (int i = 0; i < set->keys->nelts; i++) {
        const gt_jwk_t *key = &APR_ARRAY_IDX(set->keys, i, gt_jwk_t);

        json_array_append_new(
            keys, json_pack("[s?s?s?s?s?]", key->kid, key->crv, key->alg, key->issuer, key->bare));
    }
    text = gt_json_dump(all, scratch);
    gt_sha256(set->digest, text, strlen(text));
}

gt_key_set_t *gt_key_set_parse(const char *text, apr_size_t len, apr_pool_t *p)
{
    gt_key_set_t *set = NULL;
    apr_pool_t *scratch;
    const json_t *keys, *jwk;
    size_t i;

    apr_pool_create(&scratch, p);
    keys = keys_of(text, len, scratch);
    if (keys != NULL)
        set = make_set(p);
    json_array_foreach (keys, i, jwk)
        add_key(set, jwk, scratch);
    if (set != NULL)
        take_digest(set, scratch);
    apr_pool_destroy(scratch);
    return set;
}

/* ---- from a secret ---- */

gt_key_set_t *gt_key_set_of_secret(const gt_secret_t *secret, apr_pool_t *p)
{
    apr_size_t len = gt_secret_len(secret);
    gt_jwk_t key = {.kty = "oct", .secret_bytes = len};
    gt_key_set_t *set;
    cjose_err error;

    if (len < GT_SHARED_SECRET_MIN)
        return NULL;
    key.usable = cjose_jwk_create_oct_spec((const uint8_t *)gt_secret_text(secret), len, &error);
    if (key.usable == NULL)
        abort(); /* no memory */
    set = make_set(p);
    set->is_secret = 1;
    gt_sha256(set->digest, gt_secret_text(secret), len);
    APR_ARRAY_PUSH(set->keys, gt_jwk_t) = key;
    return set;
}

/* ---- which key ---- */

const unsigned char *gt_key_set_digest(const gt_key_set_t *set)
{
    return set->digest;
}

int gt_key_set_size(const gt_key_set_t *set)
{
    return set->keys->nelts;
}

gt_algorithm_kind_t gt_algorithm_kind(apr_size_t *hash_bytes, const char *name)
{
    const gt_jws_algorithm_t *row = gt_jws_algorithm(name);
    int is_secret = row != NULL && strcmp(row->kty, "oct") == 0;

    *hash_bytes = is_secret ? row->signature_bytes : 0;
    if (row == NULL)
        return GT_ALGORITHM_UNKNOWN;
    return is_secret ? GT_ALGORITHM_SECRET : GT_ALGORITHM_PUBLIC;
}

int gt_key_set_serves(const gt_key_set_t *set, const char *algorithm)
{
    const gt_jws_algorithm_t *row = gt_jws_algorithm(algorithm);

    for (int i = 0; row != NULL && i < set->keys->nelts; i++)
        if (gt_jwk_fits(&APR_ARRAY_IDX(set->keys, i, gt_jwk_t), row) != 0)
            return 1;
    return 0;
}

/* A shared secret has no id: the token's says nothing, since there is no other key. */
static int has_kid(const gt_jwk_t *key, const char *kid)
{
    return kid == NULL || key->secret_bytes != 0 ||
           (key->kid != NULL && strcmp(key->kid, kid) == 0);
}

static int is_same(const gt_jwk_t *key, const gt_jwk_t *other)
{
    return key == other ||
           (key->bare != NULL && other->bare != NULL && strcmp(key->bare, other->bare) == 0);
}

int gt_key_set_has(const gt_key_set_t *set, const char *kid)
{
    const gt_jwk_t *first = NULL;
    int others = 0;

    for (int i = 0; set != NULL && i < set->keys->nelts; i++) {
        const gt_jwk_t *key = &APR_ARRAY_IDX(set->keys, i, gt_jwk_t);

        if (!has_kid(key, kid))
            continue;
        first = first != NULL ? first : key;
        others += !is_same(first, key);
    }
    return first != NULL && (kid != NULL || others == 0);
}

/* 1 when a key's own issuer, of which {tenantid} stands for any tenant, is the one claimed. A key
 * that names none serves all. */
static int is_of_issuer(const gt_jwk_t *key, const char *iss)
{
    const char *own = key->issuer;
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

static const char *choose(gt_jwk_t *chosen, const gt_key_set_t *set, const wanted_t *wanted)
{
    int n = 0;

    for (int i = 0; i < set->keys->nelts; i++) {
        const gt_jwk_t *key = &APR_ARRAY_IDX(set->keys, i, gt_jwk_t);
        const char *issuer = n > 0 ? chosen->issuer : NULL;

        if (!has_kid(key, wanted->kid) || !is_of_issuer(key, wanted->iss) ||
            gt_jwk_fits(key, wanted->algorithm) == 0)
            continue;
        /* The token's maker must not have the choice between two. */
        if (n++ > 0 && !is_same(chosen, key))
            return "two-keys";
        *chosen = *key;
        if (issuer != NULL)
            chosen->issuer = issuer;
    }
    return n == 0 ? "no-key" : NULL;
}

const char *gt_key_set_choose(gt_jwk_t *chosen, const gt_key_set_t *set, const char *kid,
                              const char *iss, const gt_jws_algorithm_t *algorithm)
{
    wanted_t wanted = {kid, iss, algorithm};
    const char *fault;

    memset(chosen, 0, sizeof(*chosen));
    if (set == NULL)
        return "key-set";
    /* A published key, taken for a secret, would let each of its readers sign (RFC 8725 section
     * 3.1). */
    if (set->is_secret != (strcmp(algorithm->kty, "oct") == 0))
        return "alg";
    fault = choose(chosen, set, &wanted);
    if (fault == NULL || strcmp(fault, "no-key") != 0)
        return fault;
    /* No key is of that issuer: whose key it is then is the caller's to judge. */
    wanted.iss = NULL;
    return choose(chosen, set, &wanted);
}
