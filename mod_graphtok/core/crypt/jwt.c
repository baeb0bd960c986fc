/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The claims of a token whose signature holds. Each rule has a word, which goes into the log; the
 * outside sees one refusal. Numbers are judged as doubles, so that neither a fraction nor 1e300
 * needs a conversion that could overflow. Sources: RFC 7519, RFC 8725.
 */

#include "crypt/jwt.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "crypt/jws.h"

/* Claims stay below it: whole numbers beyond are not exact. */
#define SECONDS_MAX 9007199254740992.0

/* A claim in seconds, fractions allowed. 1 there, 0 absent, -1 no time. */
static int take_seconds(double *seconds, const json_t *claims, const char *name)
{
    const json_t *claim = json_object_get(claims, name);

    *seconds = 0;
    if (claim == NULL)
        return 0;
    *seconds = json_number_value(claim);
    return json_is_number(claim) && *seconds >= 0 && *seconds < SECONDS_MAX ? 1 : -1;
}

static const char *judge_times(const json_t *claims, const gt_jwt_rules_t *rules)
{
    double now = (double)rules->now / APR_USEC_PER_SEC;
    double skew = (double)rules->skew / APR_USEC_PER_SEC;
    double exp, nbf, iat;

    if (take_seconds(&exp, claims, "exp") != 1 || !(now < exp + skew))
        return "exp";
    if (take_seconds(&nbf, claims, "nbf") < 0 || nbf > now + skew)
        return "nbf";
    if (take_seconds(&iat, claims, "iat") < 0 || iat > now + skew || iat > exp)
        return "iat";
    return NULL;
}

static const char *judge_claims(const json_t *claims, const gt_jwt_rules_t *rules)
{
    const json_t *aud = json_object_get(claims, "aud");
    const char *iss = gt_json_text(claims, "iss");

    if (iss == NULL || (rules->issuer != NULL && strcmp(iss, rules->issuer) != 0))
        return "iss";
    /* Without an audience of ours every token of the issuer would pass: that is no rule. */
    if (rules->audience == NULL)
        return "aud";
    if (json_is_string(aud) ? strcmp(json_string_value(aud), rules->audience) != 0
                            : !gt_json_holds(aud, rules->audience))
        return "aud";
    if (rules->nonce != NULL && !gt_equal_ct(gt_json_text(claims, "nonce"), rules->nonce))
        return "nonce";
    return judge_times(claims, rules);
}

gt_err_t *gt_jwt_verify(json_t **claims, const char **key_issuer, const gt_secret_t *token,
                        const char *jwks, const gt_jwt_rules_t *rules, apr_pool_t *p)
{
    json_t *payload = NULL;
    gt_jws_t jws;
    gt_err_t *err;
    const char *broken;

    assert(rules->skew >= 0);
    *claims = NULL;
    *key_issuer = NULL;
    broken = gt_jws_verify(&jws, token, jwks, rules->algorithms, rules->type, p);
    if (broken == NULL &&
        (gt_json_parse(&payload, (const char *)jws.payload, jws.payload_len, p) != GT_OK ||
         !json_is_object(payload)))
        broken = "payload";
    if (broken == NULL)
        broken = judge_claims(payload, rules);
    if (broken == NULL) {
        *claims = payload;
        *key_issuer = jws.key_issuer;
        return GT_OK;
    }
    err = gt_err(p, GT_REFUSED, "GT0212", "the token is not valid");
    err->code = broken;
    return err;
}

const char *gt_jwt_kid(const gt_secret_t *token, apr_pool_t *p)
{
    return gt_jws_kid(token, p);
}
