/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The signature of a compact JWS. Form, header, the one key that fits and the signature's length
 * are checked here, before libcjose sees a byte; libcjose then does the arithmetic with a key that
 * was made of bare numbers. Sources: RFC 7515, RFC 8725.
 */

#include "crypt/jws.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <cjose/cjose.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypt/jwk.h"
#include "crypt/jwt.h"

#define TOKEN_MAX 65536
#define KID_MAX 256

/* A token taken apart; nothing in it is trusted before its signature holds. */
typedef struct parts_t {
    const char *text; /* the whole token */
    apr_size_t len;
    json_t *header;
    const char *kid; /* NULL: none */
    const unsigned char *payload;
    apr_size_t payload_len;
    const unsigned char *signature;
    apr_size_t signature_len; /* bytes */
    apr_size_t signed_len;    /* of `text`: what the signature is about */
} parts_t;

static json_t *decode_header(const char *text, apr_size_t text_len, apr_pool_t *p)
{
    json_t *header;
    apr_size_t len;
    const unsigned char *bytes = gt_jose_decode(&len, text, text_len, p);

    if (bytes == NULL || gt_json_parse(&header, (const char *)bytes, len, p) != GT_OK)
        return NULL;
    return json_is_object(header) ? header : NULL;
}

static const char *take_header(parts_t *parts, apr_size_t text_len, apr_pool_t *p)
{
    parts->header = decode_header(parts->text, text_len, p);
    if (parts->header == NULL)
        return "header";
    if (!gt_json_optional_text(&parts->kid, parts->header, "kid") ||
        (parts->kid != NULL && (*parts->kid == '\0' || strlen(parts->kid) > KID_MAX)))
        return "kid";
    return NULL;
}

/* Take a token apart. @return the rule that fails, or NULL */
static const char *take_apart(parts_t *parts, const gt_secret_t *token, apr_pool_t *p)
{
    const char *payload, *signature, *broken;

    memset(parts, 0, sizeof(*parts));
    parts->text = gt_secret_text(token);
    parts->len = gt_secret_len(token);
    if (parts->len > TOKEN_MAX || strlen(parts->text) != parts->len)
        return "size";
    payload = strchr(parts->text, '.');
    signature = payload == NULL ? NULL : strchr(++payload, '.');
    if (signature == NULL || strchr(++signature, '.') != NULL)
        return "three-parts";
    broken = take_header(parts, (apr_size_t)(payload - 1 - parts->text), p);
    if (broken != NULL)
        return broken;
    parts->payload =
        gt_jose_decode(&parts->payload_len, payload, (apr_size_t)(signature - 1 - payload), p);
    if (parts->payload == NULL)
        return "payload-form";
    parts->signature = gt_jose_decode(&parts->signature_len, signature, strlen(signature), p);
    parts->signed_len = (apr_size_t)(signature - 1 - parts->text);
    return parts->signature == NULL ? "signature-form" : NULL;
}

static int is_listed(const char *word, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, word) == 0)
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

/* Keys that a token brings, or says where to fetch, would verify all that its maker signs (RFC
 * 8725 section 3.10). A known issuer sends none of these. */
static const char *judge_brought(const json_t *header)
{
    static const char *const brought[] = {"jku", "x5u", "jwk"};

    for (size_t i = 0; i < sizeof(brought) / sizeof(brought[0]); i++)
        if (json_object_get(header, brought[i]) != NULL)
            return brought[i];
    return NULL;
}

static const char *judge_header(const gt_jws_algorithm_t **algorithm, const json_t *header,
                                const gt_jws_rules_t *rules)
{
    const char *alg = gt_json_text(header, "alg");
    const char *type;

    *algorithm = NULL;
    if (alg != NULL && is_listed(alg, rules->algorithms))
        *algorithm = gt_jws_algorithm(alg);
    if (*algorithm == NULL)
        return "alg";
    /* No extension is supported here, and an ignored one would change the meaning of the
     * signature. */
    if (json_object_get(header, "crit") != NULL)
        return "crit";
    if (json_object_get(header, "b64") != NULL)
        return "b64";
    if (!gt_json_optional_text(&type, header, "typ") ||
        !(is_type(type, rules->type) || (rules->also != NULL && is_type(type, rules->also))))
        return "typ";
    return judge_brought(header);
}

/* Ed25519 (RFC 8037), which libcjose does not have. */
static int verify_okp(const parts_t *parts, const gt_jwk_t *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int holds = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->okp) == 1 &&
                EVP_DigestVerify(ctx, parts->signature, parts->signature_len,
                                 (const unsigned char *)parts->text, parts->signed_len) == 1;

    EVP_MD_CTX_free(ctx);
    return holds;
}

static int verify_with_cjose(const parts_t *parts, const gt_jwk_t *key)
{
    cjose_err error;
    cjose_jws_t *jws = cjose_jws_import(parts->text, parts->len, &error);
    int holds = key->usable != NULL && jws != NULL && cjose_jws_verify(jws, key->usable, &error);

    cjose_jws_release(jws);
    return holds;
}

static const char *judge_signature(const parts_t *parts, const gt_jwk_t *key,
                                   const gt_jws_algorithm_t *algorithm)
{
    if (parts->signature_len != gt_jwk_fits(key, algorithm))
        return "signature-length";
    if (key->okp != NULL ? verify_okp(parts, key) : verify_with_cjose(parts, key))
        return NULL;
    ERR_clear_error();
    return "signature";
}

/* They may be forged: the caller says why it takes them. */
static json_t *claims_of(const parts_t *parts, apr_pool_t *p)
{
    json_t *claims = NULL;

    if (gt_json_parse(&claims, (const char *)parts->payload, parts->payload_len, p) != GT_OK ||
        !json_is_object(claims))
        return NULL;
    return claims;
}

/* The issuer that the token claims. It says which keys come into question; they verify the
 * claim. */
static const char *claimed_issuer(const parts_t *parts, apr_pool_t *p)
{
    const json_t *claims = claims_of(parts, p);

    return claims != NULL ? gt_json_text(claims, "iss") : NULL;
}

json_t *gt_jwt_claims(const gt_secret_t *token, apr_pool_t *p)
{
    parts_t parts;

    return take_apart(&parts, token, p) == NULL ? claims_of(&parts, p) : NULL;
}

/** A token whose form and header are right, and the key that is to verify it. */
typedef struct opened_t {
    parts_t parts;
    gt_jwk_t key;
    const gt_jws_algorithm_t *algorithm;
} opened_t;

static const char *open_token(opened_t *opened, const gt_secret_t *token, const gt_key_set_t *keys,
                              const gt_jws_rules_t *rules, apr_pool_t *p)
{
    parts_t *parts = &opened->parts;
    const char *broken = take_apart(parts, token, p);

    if (broken == NULL)
        broken = judge_header(&opened->algorithm, parts->header, rules);
    if (broken == NULL)
        broken = gt_key_set_choose(&opened->key, keys, parts->kid, claimed_issuer(parts, p),
                                   opened->algorithm);
    return broken;
}

static void hand_out(gt_jws_t *jws, const opened_t *opened)
{
    jws->payload = opened->parts.payload;
    jws->payload_len = opened->parts.payload_len;
    jws->key_issuer = opened->key.issuer;
}

const char *gt_jws_verify(gt_jws_t *jws, const gt_secret_t *token, const gt_key_set_t *keys,
                          const gt_jws_rules_t *rules, apr_pool_t *p)
{
    opened_t opened;
    const char *broken;

    memset(jws, 0, sizeof(*jws));
    broken = open_token(&opened, token, keys, rules, p);
    if (broken == NULL)
        broken = judge_signature(&opened.parts, &opened.key, opened.algorithm);
    if (broken == NULL)
        hand_out(jws, &opened);
    return broken;
}

const char *gt_jws_open(gt_jws_t *jws, const gt_secret_t *token, const gt_key_set_t *keys,
                        const gt_jws_rules_t *rules, apr_pool_t *p)
{
    opened_t opened;
    const char *broken;

    memset(jws, 0, sizeof(*jws));
    broken = open_token(&opened, token, keys, rules, p);
    if (broken == NULL)
        hand_out(jws, &opened);
    return broken;
}

const char *gt_jws_look(const char **kid, const gt_secret_t *token, const gt_jws_rules_t *rules,
                        apr_pool_t *p)
{
    const gt_jws_algorithm_t *algorithm;
    parts_t parts;
    const char *broken = take_apart(&parts, token, p);

    *kid = broken == NULL ? parts.kid : NULL;
    return broken != NULL ? broken : judge_header(&algorithm, parts.header, rules);
}

const char *gt_jwt_kid(const gt_secret_t *token, apr_pool_t *p)
{
    parts_t parts;

    return take_apart(&parts, token, p) == NULL ? parts.kid : NULL;
}
