/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Compact JWS against a key set. What may be wrong is looked at here, before libcjose sees a byte:
 * the form, the header, the one key that fits, the length of the signature. libcjose then gets a
 * key of bare numbers and does the arithmetic. Each rule has a word, which goes into the log; the
 * outside sees one refusal. Sources: RFC 7515, 7517, 7518, 7519, 8725.
 */

#include "crypt/jwt.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <cjose/cjose.h>
#include <openssl/err.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

#define TOKEN_MAX 65536
#define JWKS_MAX (1024 * 1024)
#define KID_MAX 256
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/* Largest number a claim may hold: beyond it neither double nor a time is exact. */
#define SECONDS_MAX 9007199254740992.0

/* What an algorithm demands of its key and signature. HMAC is not here, and so never accepted. */
typedef struct algorithm_t {
    const char *name;
    const char *kty;
    const char *crv;              /* EC: the one curve */
    apr_size_t signature_bytes;   /* EC; RSA: as many as the modulus */
} algorithm_t;

static const algorithm_t algorithms[] = {
    {"RS256", "RSA", NULL, 0},       {"RS384", "RSA", NULL, 0},
    {"RS512", "RSA", NULL, 0},       {"PS256", "RSA", NULL, 0},
    {"PS384", "RSA", NULL, 0},       {"PS512", "RSA", NULL, 0},
    {"ES256", "EC", "P-256", 64},    {"ES384", "EC", "P-384", 96},
    {"ES512", "EC", "P-521", 132},
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

/* A token taken apart; nothing in it is trusted before its signature holds. */
typedef struct parts_t {
    const char *text; /* the whole token */
    apr_size_t len;
    json_t *header;
    json_t *payload;
    apr_size_t signature_len; /* bytes */
    const algorithm_t *algorithm;
    const char *kid; /* NULL: none */
} parts_t;

/* A part's bytes; padding, which the decoder would take, is no part of a JWS. NULL when wrong. */
static unsigned char *decode_part(apr_size_t *len, const char *text, apr_size_t text_len,
                                  apr_pool_t *p)
{
    unsigned char *bytes;

    if (text_len == 0 || memchr(text, '=', text_len) != NULL ||
        !gt_base64_decode(&bytes, len, text, text_len, 0, p))
        return NULL;
    gt_wipe_with_pool(bytes, *len, p);
    return bytes;
}

static json_t *decode_object(const char *text, apr_size_t text_len, apr_pool_t *p)
{
    json_t *object;
    apr_size_t len;
    unsigned char *bytes = decode_part(&len, text, text_len, p);

    if (bytes == NULL || gt_json_parse(&object, (const char *)bytes, len, p) != GT_OK ||
        !json_is_object(object))
        return NULL;
    return object;
}

/* A member that must be a text when it is there. 0 when it is something else. */
static int take_optional_text(const char **text, const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);

    *text = json_string_value(member);
    return member == NULL || *text != NULL;
}

/* Take a token apart. @return the rule that fails, or NULL */
static const char *take_apart(parts_t *parts, const gt_secret_t *token, apr_pool_t *p)
{
    const char *payload, *signature;

    memset(parts, 0, sizeof(*parts));
    parts->text = gt_secret_text(token);
    parts->len = gt_secret_len(token);
    if (parts->len > TOKEN_MAX || strlen(parts->text) != parts->len)
        return "size";
    payload = strchr(parts->text, '.');
    signature = payload == NULL ? NULL : strchr(++payload, '.');
    if (signature == NULL || strchr(++signature, '.') != NULL)
        return "three-parts";
    parts->header = decode_object(parts->text, (apr_size_t)(payload - 1 - parts->text), p);
    if (parts->header == NULL)
        return "header";
    if (!take_optional_text(&parts->kid, parts->header, "kid") ||
        (parts->kid != NULL && (*parts->kid == '\0' || strlen(parts->kid) > KID_MAX)))
        return "kid";
    parts->payload = decode_object(payload, (apr_size_t)(signature - 1 - payload), p);
    if (parts->payload == NULL)
        return "payload";
    if (decode_part(&parts->signature_len, signature, strlen(signature), p) == NULL)
        return "signature-form";
    return NULL;
}

static const algorithm_t *find_algorithm(const char *name)
{
    size_t i;

    for (i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static int is_listed(const char *word, const char *list, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(list, " ", p);
    int i;

    for (i = 0; i < words->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(words, i, const char *), word) == 0)
            return 1;
    return 0;
}

/* Media types ignore case and may leave "application/" away (RFC 7515 section 4.1.9). */
static int is_type(const char *type, const char *wanted)
{
    if (type == NULL)
        return wanted == NULL;
    if (strncasecmp(type, "application/", 12) == 0)
        type += 12;
    return strcasecmp(type, wanted != NULL ? wanted : "JWT") == 0;
}

static const char *judge_header(parts_t *parts, const gt_jwt_rules_t *rules, apr_pool_t *p)
{
    const char *alg, *type;

    alg = gt_json_text(parts->header, "alg");
    if (alg == NULL || rules->algorithms == NULL || !is_listed(alg, rules->algorithms, p))
        return "alg";
    parts->algorithm = find_algorithm(alg);
    if (parts->algorithm == NULL)
        return "alg";
    /* We understand no extension, and one we ignore would change what was signed. */
    if (json_object_get(parts->header, "crit") != NULL)
        return "crit";
    if (json_object_get(parts->header, "b64") != NULL)
        return "b64";
    if (!take_optional_text(&type, parts->header, "typ") || !is_type(type, rules->type))
        return "typ";
    return NULL;
}

static int holds_text(const json_t *array, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach (array, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return 1;
    return 0;
}

/* Bytes of a base64url member of a key, or NULL. */
static unsigned char *key_number(apr_size_t *len, const json_t *key, const char *name,
                                 apr_pool_t *p)
{
    const char *text = gt_json_text(key, name);

    *len = 0;
    return text == NULL ? NULL : decode_part(len, text, strlen(text), p);
}

/* Bytes of a sound modulus, else 0. An even or tiny exponent makes signatures forgeable. */
static apr_size_t modulus_bytes(const json_t *key, apr_pool_t *p)
{
    apr_size_t n_len, e_len;
    unsigned char *n = key_number(&n_len, key, "n", p);
    unsigned char *e = key_number(&e_len, key, "e", p);

    if (n == NULL || e == NULL)
        return 0;
    for (; n_len > 0 && *n == 0; n_len--)
        n++;
    for (; e_len > 0 && *e == 0; e_len--)
        e++;
    if (e_len == 0 || e_len > 8 || (e[e_len - 1] & 1) == 0 || (e_len == 1 && e[0] < 3))
        return 0;
    if (n_len < RSA_BITS_MIN / 8 || n_len > RSA_BITS_MAX / 8 || (n[n_len - 1] & 1) == 0 ||
        (n_len == RSA_BITS_MIN / 8 && (n[0] & 0x80) == 0))
        return 0;
    return n_len;
}

/* What a key's own members say against verifying signatures with it. */
static int is_for_signatures(const json_t *key)
{
    const json_t *ops = json_object_get(key, "key_ops");
    const char *use, *alg;

    /* A key set with private keys in it is public knowledge: whoever reads it can sign. */
    if (json_object_get(key, "d") != NULL || json_object_get(key, "k") != NULL)
        return 0;
    if (!take_optional_text(&use, key, "use") || (use != NULL && strcmp(use, "sig") != 0))
        return 0;
    if (ops != NULL && !holds_text(ops, "verify"))
        return 0;
    return take_optional_text(&alg, key, "alg");
}

/* 1 when a key can serve an algorithm. */
static int fits_algorithm(const json_t *key, const algorithm_t *algorithm, apr_pool_t *p)
{
    const char *kty = gt_json_text(key, "kty");
    const char *crv = gt_json_text(key, "crv");
    const char *alg = gt_json_text(key, "alg");
    apr_size_t x, y;

    if (kty == NULL || strcmp(kty, algorithm->kty) != 0 || !is_for_signatures(key) ||
        (alg != NULL && strcmp(alg, algorithm->name) != 0))
        return 0;
    if (algorithm->crv == NULL)
        return modulus_bytes(key, p) > 0;
    return crv != NULL && strcmp(crv, algorithm->crv) == 0 &&
           key_number(&x, key, "x", p) != NULL && key_number(&y, key, "y", p) != NULL &&
           x == algorithm->signature_bytes / 2 && y == x;
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
        gt_json_parse(&set, jwks, strlen(jwks), p) != GT_OK)
        return NULL;
    keys = json_object_get(set, "keys");
    return json_is_array(keys) ? keys : NULL;
}

/* The one key that fits; two would leave the choice to whoever made the token. */
static const char *choose_key(const json_t **chosen, const parts_t *parts, const char *jwks,
                              apr_pool_t *p)
{
    const json_t *keys = keys_of(jwks, p);
    const json_t *key;
    size_t i;

    *chosen = NULL;
    if (keys == NULL)
        return "key-set";
    json_array_foreach (keys, i, key) {
        if (!has_kid(key, parts->kid) || !fits_algorithm(key, parts->algorithm, p))
            continue;
        if (*chosen != NULL)
            return "two-keys";
        *chosen = key;
    }
    return *chosen == NULL ? "no-key" : NULL;
}

/* The key with nothing but its numbers, for libcjose. */
static const char *bare_key(const json_t *key, const algorithm_t *algorithm, apr_pool_t *p)
{
    static const char *const rsa[] = {"kty", "n", "e", NULL};
    static const char *const ec[] = {"kty", "crv", "x", "y", NULL};
    const char *const *name = algorithm->crv == NULL ? rsa : ec;
    json_t *bare = gt_json_object(p);

    for (; *name != NULL; name++)
        gt_json_set(bare, *name, gt_json_text(key, *name));
    return gt_json_dump(bare, p);
}

static const char *judge_signature(const parts_t *parts, const json_t *key, apr_pool_t *p)
{
    apr_size_t expected = parts->algorithm->signature_bytes;
    const char *bare = bare_key(key, parts->algorithm, p);
    cjose_err error;
    cjose_jwk_t *jwk;
    cjose_jws_t *jws;
    int holds;

    if (parts->algorithm->crv == NULL)
        expected = modulus_bytes(key, p);
    if (parts->signature_len != expected)
        return "signature-length";
    jwk = cjose_jwk_import(bare, strlen(bare), &error);
    jws = cjose_jws_import(parts->text, parts->len, &error);
    holds = jwk != NULL && jws != NULL && cjose_jws_verify(jws, jwk, &error);
    cjose_jws_release(jws);
    cjose_jwk_release(jwk);
    if (holds)
        return NULL;
    ERR_clear_error();
    return "signature";
}

/* A claim in seconds, fractions allowed. 1 there, 0 absent, -1 no time. */
static int take_seconds(double *seconds, const json_t *claims, const char *name)
{
    const json_t *claim = json_object_get(claims, name);

    *seconds = 0;
    if (claim == NULL)
        return 0;
    *seconds = json_number_value(claim);
    return json_is_number(claim) && *seconds >= 0 && *seconds <= SECONDS_MAX ? 1 : -1;
}

static const char *judge_times(const json_t *claims, const gt_jwt_rules_t *rules)
{
    double now = (double)rules->now / APR_USEC_PER_SEC;
    double skew = (double)rules->skew / APR_USEC_PER_SEC;
    double exp, nbf, iat;
    int has_iat = take_seconds(&iat, claims, "iat");

    if (take_seconds(&exp, claims, "exp") != 1 || !(now < exp + skew))
        return "exp";
    if (take_seconds(&nbf, claims, "nbf") < 0 || nbf > now + skew)
        return "nbf";
    if (has_iat < 0 || iat > now + skew || (has_iat == 1 && iat > exp))
        return "iat";
    return NULL;
}

static const char *judge_claims(const json_t *claims, const gt_jwt_rules_t *rules)
{
    const json_t *aud = json_object_get(claims, "aud");
    const char *iss = gt_json_text(claims, "iss");

    if (iss == NULL || (rules->issuer != NULL && strcmp(iss, rules->issuer) != 0))
        return "iss";
    if (rules->audience == NULL ||
        !(json_is_string(aud) ? strcmp(json_string_value(aud), rules->audience) == 0
                              : holds_text(aud, rules->audience)))
        return "aud";
    if (rules->nonce != NULL && !gt_equal_ct(gt_json_text(claims, "nonce"), rules->nonce))
        return "nonce";
    return judge_times(claims, rules);
}

gt_err_t *gt_jwt_verify(json_t **claims, const char **key_issuer, const gt_secret_t *token,
                        const char *jwks, const gt_jwt_rules_t *rules, apr_pool_t *p)
{
    const json_t *key = NULL;
    parts_t parts;
    const char *broken;
    gt_err_t *err;

    *claims = NULL;
    *key_issuer = NULL;
    broken = take_apart(&parts, token, p);
    if (broken == NULL)
        broken = judge_header(&parts, rules, p);
    if (broken == NULL)
        broken = choose_key(&key, &parts, jwks, p);
    if (broken == NULL)
        broken = judge_signature(&parts, key, p);
    if (broken == NULL)
        broken = judge_claims(parts.payload, rules);
    if (broken == NULL) {
        *claims = parts.payload;
        *key_issuer = apr_pstrdup(p, gt_json_text(key, "issuer"));
        return GT_OK;
    }
    err = gt_err(p, GT_REFUSED, "GT0212", "the token is not valid");
    err->code = broken;
    return err;
}

const char *gt_jwt_kid(const gt_secret_t *token, apr_pool_t *p)
{
    parts_t parts;

    return take_apart(&parts, token, p) == NULL ? parts.kid : NULL;
}

int gt_jwks_has(const char *jwks, const char *kid, apr_pool_t *p)
{
    const json_t *keys = keys_of(jwks, p);
    const json_t *key;
    int usable = 0;
    size_t i, a;

    json_array_foreach (keys, i, key) {
        for (a = 0; has_kid(key, kid) && a < ALGORITHMS; a++)
            if (fits_algorithm(key, &algorithms[a], p)) {
                usable++;
                break;
            }
    }
    return kid == NULL ? usable == 1 : usable > 0;
}
