/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The claims of a token whose signature holds. Each rule has a word, which goes into the log; the
 * caller gets one refusal. Numbers are judged as doubles, so that neither a fraction nor 1e300
 * needs a conversion that could overflow. Sources: RFC 7519, RFC 8725.
 */

#include "crypt/jwt.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "crypt/jws.h"

const char *const gt_jwt_any[] = {NULL};

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

apr_time_t gt_jwt_ends_at(const json_t *claims)
{
    double exp;

    if (take_seconds(&exp, claims, "exp") != 1)
        return 0;
    return exp < (double)apr_time_sec(APR_INT64_MAX) ? (apr_time_t)(exp * APR_USEC_PER_SEC)
                                                     : APR_INT64_MAX;
}

static const char *judge_times(const json_t *claims, const gt_jwt_rules_t *rules)
{
    double now = (double)rules->now / APR_USEC_PER_SEC;
    double leeway = (double)rules->profile->leeway / APR_USEC_PER_SEC;
    double ahead = (double)rules->profile->ahead / APR_USEC_PER_SEC;
    double exp, nbf, iat;

    if (take_seconds(&exp, claims, "exp") != 1 || !(now < exp + leeway))
        return "exp";
    if (take_seconds(&nbf, claims, "nbf") < 0 || nbf > now + leeway)
        return "nbf";
    if (take_seconds(&iat, claims, "iat") < 0 || iat > now + leeway + ahead || iat > exp)
        return "iat";
    return NULL;
}

/* 1 when a claim is one of the allowed texts, or a list that has one of them. */
static int is_allowed(const json_t *claim, const char *const *allowed, int may_be_list)
{
    for (; allowed != NULL && *allowed != NULL; allowed++)
        if (json_is_string(claim) ? strcmp(json_string_value(claim), *allowed) == 0
                                  : may_be_list && gt_json_holds(claim, *allowed))
            return 1;
    return 0;
}

/* The first claim that is demanded and missing, or NULL. */
static const char *find_missing(const json_t *claims, const char *const *required)
{
    for (; required != NULL && *required != NULL; required++) {
        const json_t *claim = json_object_get(claims, *required);

        if (claim == NULL || json_is_null(claim))
            return *required;
    }
    return NULL;
}

static const char *judge_claims(const json_t *claims, const gt_jwt_rules_t *rules)
{
    const gt_jwt_profile_t *profile = rules->profile;
    const char *missing = find_missing(claims, profile->required);

    if (missing != NULL)
        return missing;
    if (profile->issuers != gt_jwt_any &&
        !is_allowed(json_object_get(claims, "iss"), profile->issuers, 0))
        return "iss";
    if (profile->audiences != gt_jwt_any &&
        !is_allowed(json_object_get(claims, "aud"), profile->audiences, 1))
        return "aud";
    if (rules->nonce != NULL && !gt_equal_ct(gt_json_text(claims, "nonce"), rules->nonce))
        return "nonce";
    return judge_times(claims, rules);
}

const char *gt_jwt_open(gt_jws_t **opened, const gt_secret_t *token,
                        const gt_jwt_profile_t *profile, apr_pool_t *p)
{
    const gt_jws_rules_t header = {profile->algorithms, profile->type, profile->also};

    *opened = apr_palloc(p, sizeof(**opened));
    return gt_jws_open(*opened, token, &header, p);
}

const char *gt_jwt_opened_kid(const gt_jws_t *opened)
{
    return opened->kid;
}

/* One detail for every reason; `code` has the reason. */
static gt_err_t *refuse(const char *broken, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_REFUSED, "GT0212", "the token is not valid");

    err->code = broken;
    return err;
}

gt_err_t *gt_jwt_judge(gt_jwt_t *jwt, gt_jws_t *opened, const gt_key_set_t *keys, int is_verified,
                       const gt_jwt_rules_t *rules, apr_pool_t *p)
{
    const char *broken = gt_jws_verify(opened, keys, is_verified);

    assert(rules->profile->leeway >= 0);
    memset(jwt, 0, sizeof(*jwt));
    if (broken == NULL)
        broken = opened->claims == NULL ? "payload" : judge_claims(opened->claims, rules);
    if (broken != NULL)
        return refuse(broken, p);
    jwt->claims = opened->claims;
    jwt->key_issuer = opened->key_issuer;
    return GT_OK;
}

gt_err_t *gt_jwt_verify(gt_jwt_t *jwt, const gt_secret_t *token, const gt_key_set_t *keys,
                        const gt_jwt_rules_t *rules, apr_pool_t *p)
{
    gt_jws_t *opened;
    const char *broken = gt_jwt_open(&opened, token, rules->profile, p);

    memset(jwt, 0, sizeof(*jwt));
    return broken != NULL ? refuse(broken, p) : gt_jwt_judge(jwt, opened, keys, 0, rules, p);
}
