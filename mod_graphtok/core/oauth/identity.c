/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file identity.c
 * An id_token becomes a person. Signature, audience, times and nonce are crypt/jwt's. An issuer may
 * hold the tenant, and keys may belong to an issuer; other rules of a kind stand there
 * (oauth/kind.h). Outward there is one refusal; the log has the reason. Source: OpenID Connect Core
 * 3.1.3.7; Microsoft, "ID token claims reference", "Access tokens", section on validating the
 * issuer.
 */

#include "oauth/identity.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/jwt.h"
#include "net/url.h"
#include "oauth/kind.h"

#define LEEWAY apr_time_from_sec(120) /* as Microsoft's own libraries allow */
#define ID_MAX 255
#define TEXT_MAX 320
#define ISSUER_MAX 512
#define TEMPLATE "{tenantid}"

static gt_err_t *find_issuer(gt_task_t *task, void *state)
{
    gt_identify_t *identify = state;

    memset(&identify->identity, 0, sizeof(identify->identity));
    identify->discover = (gt_discover_t){.provider = identify->provider};
    gt_then(task, &gt_discover, &identify->discover);
    return GT_OK;
}

static gt_err_t *find_keys(gt_task_t *task, void *state)
{
    gt_identify_t *identify = state;

    identify->keys = (gt_find_keys_t){.source = gt_provider_keys(identify->provider),
                                      .kid = gt_jwt_kid(identify->id_token, gt_task_pool(task))};
    gt_then(task, &gt_find_keys, &identify->keys);
    return GT_OK;
}

/** A claim that may be stored and shown: not empty, bounded, no control characters. A kind without
 * such a claim has no name for it. */
static const char *claim(const json_t *claims, const char *name, size_t longest)
{
    const char *text = name != NULL ? gt_json_text(claims, name) : NULL;

    return text != NULL && text[0] != '\0' && strlen(text) <= longest &&
                   !gt_has_control(text, strlen(text))
               ? text
               : NULL;
}

/** The issuer with the token's tenant in the template's place. */
static const char *fill(const char *issuer, const char *tenant, apr_pool_t *p)
{
    const char *place = strstr(issuer, TEMPLATE);

    if (place == NULL)
        return issuer;
    return apr_pstrcat(p, apr_pstrmemdup(p, issuer, (apr_size_t)(place - issuer)), tenant,
                       place + sizeof(TEMPLATE) - 1, NULL);
}

/** The issuer of a token in the form that the discovery document has. */
static const char *issuer_of(const json_t *claims, const gt_provider_kind_t *kind, apr_pool_t *p)
{
    const char *issuer = claim(claims, "iss", ISSUER_MAX);

    return issuer != NULL && kind->issuer_in_full != NULL ? kind->issuer_in_full(issuer, p)
                                                          : issuer;
}

/** Why the token's issuer or its key's is not the provider's, or NULL. The key's own issuer stops
 * a key for personal accounts from signing for a company. */
static const char *issuer_fault(const json_t *claims, const gt_id_rules_t *rules, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(rules->conf);
    const char *issuer = issuer_of(claims, kind, p);
    const char *tenant = claim(claims, kind->tenant_claim, ID_MAX);

    if (issuer == NULL)
        return "no issuer";
    if (kind->tenant_claim != NULL && (tenant == NULL || !kind->is_tenant(tenant)))
        return "its tenant is no GUID";
    if (tenant == NULL)
        tenant = "";
    if (strcmp(issuer, fill(rules->issuer, tenant, p)) != 0)
        return "another issuer";
    if (rules->key_issuer != NULL && strcmp(issuer, fill(rules->key_issuer, tenant, p)) != 0)
        return "its key belongs to another issuer";
    return NULL;
}

static const char *tenant_fault(const json_t *claims, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);

    if (kind->tenant_fault == NULL)
        return NULL;
    return kind->tenant_fault(gt_json_text(claims, kind->organisation_claim), conf, p);
}

/** The token must have been made for us (azp), which it says where it has several audiences. A
 * token that is shown to us was made for the application that shows it. */
static const char *audience_fault(const json_t *claims, const gt_id_rules_t *rules)
{
    const char *party = gt_json_text(claims, "azp");
    int names_party = !rules->is_shown && json_object_get(claims, "azp") != NULL;

    if (!names_party && json_array_size(json_object_get(claims, "aud")) <= 1)
        return NULL;
    return party != NULL && strcmp(party, rules->conf->client_id) == 0 ? NULL
                                                                       : "made for another client";
}

/** An address that the provider does not vouch for may be another person's. */
static const char *email_of(const json_t *claims)
{
    const json_t *verified = json_object_get(claims, "email_verified");
    const char *word = json_string_value(verified);

    if (verified != NULL && !json_is_true(verified) && (word == NULL || strcmp(word, "true") != 0))
        return NULL;
    return claim(claims, "email", TEXT_MAX);
}

static void read_person(gt_identity_t *identity, const json_t *claims,
                        const gt_provider_kind_t *kind, apr_pool_t *p)
{
    const char *subject = claim(claims, kind->subject_claim, ID_MAX);
    const char *tenant = claim(claims, kind->tenant_claim, ID_MAX);
    const char *email = email_of(claims);

    if (email == NULL)
        email = claim(claims, "preferred_username", TEXT_MAX);
    identity->issuer = apr_pstrdup(p, issuer_of(claims, kind, p));
    identity->tenant = tenant != NULL ? apr_pstrdup(p, tenant) : "";
    identity->subject = apr_pstrdup(p, subject != NULL ? subject : claim(claims, "sub", ID_MAX));
    identity->email = apr_pstrdup(p, email);
    identity->name = apr_pstrdup(p, claim(claims, "name", TEXT_MAX));
    identity->sid = apr_pstrdup(p, claim(claims, "sid", ID_MAX));
}

const char *gt_identity_read(gt_identity_t *identity, const json_t *claims,
                             const gt_id_rules_t *rules, apr_pool_t *p)
{
    const char *fault = issuer_fault(claims, rules, p);

    memset(identity, 0, sizeof(*identity));
    if (fault == NULL)
        fault = tenant_fault(claims, rules->conf, p);
    if (fault == NULL)
        fault = audience_fault(claims, rules);
    if (fault != NULL)
        return fault;
    read_person(identity, claims, gt_provider_kind(rules->conf), p);
    if (identity->subject != NULL)
        return NULL;
    memset(identity, 0, sizeof(*identity));
    return "no subject";
}

/** A token that the provider gave is good as a rule; anyone may send us another one. */
static gt_err_t *refuse(const gt_identify_t *identify, const char *reason, apr_pool_t *p)
{
    const char *name = gt_provider_conf(identify->provider)->name;

    if (identify->shown_by != NULL)
        gt_log(GT_LOG_INFO, NULL, "%s: a token of provider %s is refused: %s", identify->shown_by,
               name, reason);
    else
        gt_log(GT_LOG_WARNING, "GT0531", "id_token of provider %s refused: %s", name, reason);
    return gt_err(p, GT_REFUSED, "GT0530", "the provider's id_token is not accepted");
}

/** Signature, audience, times and nonce. The issuer is judged later, with the tenant. */
static gt_err_t *verify_token(gt_jwt_t *jwt, const gt_identify_t *identify,
                              const gt_provider_conf_t *conf, apr_pool_t *p)
{
    static const char *const required[] = {"iss", NULL};
    const char *const audiences[] = {conf->client_id, NULL};
    const gt_jwt_profile_t profile = {.algorithms = gt_provider_kind(conf)->algorithms,
                                      .issuers = gt_jwt_any,
                                      .audiences = audiences,
                                      .required = required,
                                      .leeway = LEEWAY};
    /* By the provider's clock: ours may be the wrong one. */
    const gt_jwt_rules_t rules = {&profile, identify->nonce,
                                  gt_now() - gt_provider_skew(identify->provider)};

    return gt_jwt_verify(jwt, identify->id_token, identify->keys.keys, &rules, p);
}

/** An id_token may name the access token that it came with, by the left half of the digest that its
 * signature has; that is SHA-256 in every kind. Source: OpenID Connect Core 3.1.3.6. */
static const char *access_fault(const gt_identify_t *identify, const json_t *claims, apr_pool_t *p)
{
    const json_t *named = json_object_get(claims, "at_hash");
    unsigned char digest[32];

    if (named == NULL || identify->access == NULL)
        return NULL;
    gt_secret_digest(digest, identify->access);
    if (json_is_string(named) &&
        strcmp(json_string_value(named), gt_base64url(digest, sizeof(digest) / 2, p)) == 0)
        return NULL;
    return "its at_hash is of another access token";
}

/** A tenant that was asked for by its id signs for itself. */
static const char *asked_fault(const gt_identify_t *identify)
{
    const char *asked = identify->tenant;

    if (asked == NULL || !gt_is_guid(asked) || strcasecmp(asked, identify->identity.tenant) == 0)
        return NULL;
    return "another tenant than was asked for";
}

static gt_err_t *verify(gt_task_t *task, void *state)
{
    gt_identify_t *identify = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_provider_conf_t *conf =
        gt_provider_conf_for(gt_provider_conf(identify->provider), identify->tenant, p);
    gt_id_rules_t id_rules = {conf, identify->discover.endpoints.issuer, NULL,
                              identify->shown_by != NULL};
    const char *fault;
    gt_jwt_t jwt;
    gt_err_t *err = verify_token(&jwt, identify, conf, p);

    if (err != GT_OK)
        return refuse(identify, err->code != NULL ? err->code : err->detail, p);
    id_rules.key_issuer = jwt.key_issuer;
    fault = gt_identity_read(&identify->identity, jwt.claims, &id_rules, p);
    identify->claims = jwt.claims;
    if (fault == NULL)
        fault = asked_fault(identify);
    if (fault == NULL)
        fault = access_fault(identify, jwt.claims, p);
    if (fault == NULL)
        return GT_OK;
    if (issuer_fault(jwt.claims, &id_rules, p) == NULL && tenant_fault(jwt.claims, conf, p) != NULL)
        return gt_provider_forbid_tenant(conf, fault, p);
    return refuse(identify, fault, p);
}

static gt_step_fn *const identify_steps[] = {find_issuer, find_keys, verify, NULL};
const gt_work_t gt_identify = {"identify", identify_steps, NULL};

char *gt_identity_user(const gt_identity_t *identity, apr_pool_t *p)
{
    const char *home = identity->tenant;
    const char *origin;

    if (home == NULL || home[0] == '\0') {
        origin = gt_url_origin(identity->issuer, p);
        home = origin != NULL ? strstr(origin, "://") + 3 : "";
    }
    return apr_pstrcat(p, identity->subject, "@", home, NULL);
}

/** 1 when a stored field is unknown or equal. */
static int field_fits(const char *stored, const char *now,
                      int (*compare)(const char *, const char *))
{
    if (stored == NULL || stored[0] == '\0')
        return 1;
    return now != NULL && compare(stored, now) == 0;
}

int gt_identity_same(const gt_identity_t *stored, const gt_identity_t *now)
{
    return field_fits(stored->issuer, now->issuer, strcmp) &&
           field_fits(stored->tenant, now->tenant, strcasecmp) &&
           field_fits(stored->subject, now->subject, strcmp);
}
