/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file logout.c
 * A logout token is judged as an id_token is, by the same keys and the same clock, and beyond that
 * by Back-Channel Logout 1.0, section 2.6: the event is there, a nonce is not, so that no id_token
 * passes for one. An id_token in the other direction fails by its events.
 */

#include "oauth/logout.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "crypt/jwt.h"
#include "net/url.h"
#include "oauth/kind.h"

#define EVENT "http://schemas.openid.net/event/backchannel-logout"
#define TENANT "{tenantid}"
#define LEEWAY apr_time_from_sec(60)
#define OLDEST apr_time_from_sec(300) /* a provider calls when it happens */

int gt_logout_issuer_fits(const char *issuer, const char *template)
{
    const char *hole = template != NULL ? strstr(template, TENANT) : NULL;
    apr_size_t before, after, len = strlen(issuer);

    if (hole == NULL)
        return template != NULL && strcmp(issuer, template) == 0;
    before = (apr_size_t)(hole - template);
    hole += strlen(TENANT);
    after = strlen(hole);
    return len > before + after && strncmp(issuer, template, before) == 0 &&
           strcmp(issuer + len - after, hole) == 0 &&
           memchr(issuer + before, '/', len - before - after) == NULL;
}

const char *gt_logout_url(const gt_endpoints_t *endpoints, const gt_provider_conf_t *conf,
                          const char *hint, const char *target, apr_pool_t *p)
{
    gt_form_t *form = gt_form_make(p);

    if (endpoints->end_session == NULL)
        return NULL;
    gt_form_add(form, "client_id", conf->client_id);
    gt_form_add(form, "logout_hint", hint);
    gt_form_add(form, "post_logout_redirect_uri", target);
    return gt_url_with_query(endpoints->end_session, gt_form_text(form), p);
}

/* ---- a logout token ---- */

static gt_err_t *discover(gt_task_t *task, void *state)
{
    gt_logout_token_t *token = state;

    token->discover.provider = token->provider;
    gt_then(task, &gt_discover, &token->discover);
    return GT_OK;
}

static gt_err_t *find_keys(gt_task_t *task, void *state)
{
    gt_logout_token_t *token = state;

    token->keys.source = gt_provider_keys(token->provider);
    token->keys.kid = gt_jwt_kid(token->token, gt_task_pool(task));
    gt_then(task, &gt_find_keys, &token->keys);
    return GT_OK;
}

static gt_err_t *refuse(const gt_logout_token_t *token, const char *reason, apr_pool_t *p)
{
    gt_log(GT_LOG_WARNING, "GT0533", "logout token of provider %s refused: %s",
           gt_provider_conf(token->provider)->name, reason);
    return gt_err(p, GT_INVALID, "GT0534", "the provider's logout token is not accepted");
}

static const char *text_of(const json_t *claims, const char *name)
{
    const char *text = gt_json_text(claims, name);

    return text != NULL && *text && strlen(text) <= GT_SID_MAX ? text : NULL;
}

/* NULL, or the fault. */
static const char *read_claims(gt_logout_token_t *token, const json_t *claims, apr_time_t now,
                               apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(gt_provider_conf(token->provider));
    const char *issuer = gt_json_text(claims, "iss");
    const char *subject = kind->subject_claim != NULL ? text_of(claims, kind->subject_claim) : NULL;
    const json_t *issued = json_object_get(claims, "iat");

    if (issuer == NULL || !gt_logout_issuer_fits(issuer, token->discover.endpoints.issuer))
        return "issuer";
    if (!json_is_object(json_object_get(json_object_get(claims, "events"), EVENT)))
        return "no logout event";
    if (json_object_get(claims, "nonce") != NULL)
        return "a nonce, as an id_token has";
    if (!json_is_integer(issued) ||
        apr_time_from_sec(json_integer_value(issued)) < now - OLDEST - LEEWAY)
        return "too old";
    token->id = apr_pstrdup(p, text_of(claims, "jti"));
    token->sid = apr_pstrdup(p, text_of(claims, "sid"));
    token->subject = apr_pstrdup(p, subject != NULL ? subject : text_of(claims, "sub"));
    token->age = now - apr_time_from_sec(json_integer_value(issued) + 1);
    token->age = token->age > 0 ? token->age : 0;
    if (token->id == NULL)
        return "no jti";
    return token->sid != NULL || token->subject != NULL ? NULL : "neither sid nor sub";
}

static gt_err_t *verify(gt_task_t *task, void *state)
{
    static const char *const required[] = {"iss", "iat", "jti", "events", NULL};
    gt_logout_token_t *token = state;
    const gt_provider_conf_t *conf = gt_provider_conf(token->provider);
    const char *const audiences[] = {conf->client_id, NULL};
    const gt_jwt_profile_t profile = {.algorithms = gt_provider_kind(conf)->algorithms,
                                      .issuers = gt_jwt_any,
                                      .audiences = audiences,
                                      .also = "logout+jwt",
                                      .required = required,
                                      .leeway = LEEWAY};
    const gt_jwt_rules_t rules = {&profile, NULL, gt_now() - gt_provider_skew(token->provider)};
    apr_pool_t *p = gt_task_pool(task);
    const char *fault;
    gt_jwt_t jwt;
    gt_err_t *err = gt_jwt_verify(&jwt, token->token, token->keys.keys, &rules, p);

    if (err != GT_OK)
        return refuse(token, err->code != NULL ? err->code : err->detail, p);
    fault = read_claims(token, jwt.claims, rules.now, p);
    return fault != NULL ? refuse(token, fault, p) : GT_OK;
}

static gt_step_fn *const steps[] = {discover, find_keys, verify, NULL};
const gt_work_t gt_read_logout_token = {"logout token", steps, NULL};
