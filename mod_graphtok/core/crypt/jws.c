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

#define TOKEN_MAX 65536
#define KID_MAX 256

static json_t *decode_header(const char *text, apr_size_t text_len, apr_pool_t *p)
{
    json_t *header;
    apr_size_t len;
    const unsigned char *bytes = gt_jose_decode(&len, text, text_len, p);

    if (bytes == NULL || gt_json_parse(&header, (const char *)bytes, len, p) != GT_OK)
        return NULL;
    return json_is_object(header) ? header : NULL;
}

static const char *take_header(json_t **header, gt_jws_t *jws, apr_size_t text_len, apr_pool_t *p)
{
    *header = decode_header(jws->text, text_len, p);
    if (*header == NULL)
        return "header";
    if (!gt_json_optional_text(&jws->kid, *header, "kid") ||
        (jws->kid != NULL && (*jws->kid == '\0' || strlen(jws->kid) > KID_MAX)))
        return "kid";
    return NULL;
}

/* Take a token apart. @return the rule that fails, or NULL */
static const char *take_apart(json_t **header, gt_jws_t *jws, const gt_secret_t *token,
                              apr_pool_t *p)
{
    const char *payload, *signature, *broken;

    memset(jws, 0, sizeof(*jws));
    jws->text = gt_secret_text(token);
    jws->len = gt_secret_len(token);
    if (jws->len > TOKEN_MAX || strlen(jws->text) != jws->len)
        return "size";
    payload = strchr(jws->text, '.');
    signature = payload == NULL ? NULL : strchr(++payload, '.');
    if (signature == NULL || strchr(++signature, '.') != NULL)
        return "three-parts";
    broken = take_header(header, jws, (apr_size_t)(payload - 1 - jws->text), p);
    if (broken != NULL)
        return broken;
    jws->payload =
        gt_jose_decode(&jws->payload_len, payload, (apr_size_t)(signature - 1 - payload), p);
    if (jws->payload == NULL)
        return "payload-form";
    jws->signature = gt_jose_decode(&jws->signature_len, signature, strlen(signature), p);
    jws->signed_len = (apr_size_t)(signature - 1 - jws->text);
    return jws->signature == NULL ? "signature-form" : NULL;
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
static int verify_okp(const gt_jws_t *jws, const gt_jwk_t *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int holds = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->okp) == 1 &&
                EVP_DigestVerify(ctx, jws->signature, jws->signature_len,
                                 (const unsigned char *)jws->text, jws->signed_len) == 1;

    EVP_MD_CTX_free(ctx);
    return holds;
}

static int verify_with_cjose(const gt_jws_t *jws, const gt_jwk_t *key)
{
    cjose_err error;
    cjose_jws_t *own = cjose_jws_import(jws->text, jws->len, &error);
    int holds = key->usable != NULL && own != NULL && cjose_jws_verify(own, key->usable, &error);

    cjose_jws_release(own);
    return holds;
}

static const char *judge_signature(const gt_jws_t *jws, const gt_jwk_t *key)
{
    if (jws->signature_len != gt_jwk_fits(key, jws->algorithm))
        return "signature-length";
    if (key->okp != NULL ? verify_okp(jws, key) : verify_with_cjose(jws, key))
        return NULL;
    ERR_clear_error();
    return "signature";
}

/* They may be forged: the caller says why it takes them. */
static json_t *claims_of(const gt_jws_t *jws, apr_pool_t *p)
{
    json_t *claims = NULL;

    if (gt_json_parse(&claims, (const char *)jws->payload, jws->payload_len, p) != GT_OK ||
        !json_is_object(claims))
        return NULL;
    return claims;
}

const char *gt_jws_open(gt_jws_t *jws, const gt_secret_t *token, const gt_jws_rules_t *rules,
                        apr_pool_t *p)
{
    json_t *header;
    const char *broken = take_apart(&header, jws, token, p);

    if (broken == NULL)
        broken = judge_header(&jws->algorithm, header, rules);
    if (broken == NULL)
        jws->claims = claims_of(jws, p);
    return broken;
}

/* The issuer that the token claims says which keys come into question; they verify the claim. */
const char *gt_jws_verify(gt_jws_t *jws, const gt_key_set_t *keys, int is_verified)
{
    const char *iss = jws->claims != NULL ? gt_json_text(jws->claims, "iss") : NULL;
    gt_jwk_t key;
    const char *broken = gt_key_set_choose(&key, keys, jws->kid, iss, jws->algorithm);

    if (broken == NULL && !is_verified)
        broken = judge_signature(jws, &key);
    if (broken == NULL)
        jws->key_issuer = key.issuer;
    return broken;
}

json_t *gt_jwt_claims(const gt_secret_t *token, apr_pool_t *p)
{
    json_t *header;
    gt_jws_t jws;

    return take_apart(&header, &jws, token, p) == NULL ? claims_of(&jws, p) : NULL;
}

const char *gt_jwt_kid(const gt_secret_t *token, apr_pool_t *p)
{
    json_t *header;
    gt_jws_t jws;

    return take_apart(&header, &jws, token, p) == NULL ? jws.kid : NULL;
}
