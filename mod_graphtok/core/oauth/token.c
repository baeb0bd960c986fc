/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token.c
 * The token endpoint: one form out, one answer in. A refresh may rotate the refresh token, and a
 * rotation that happened must be heard of (oauth/endpoint.h). Source: RFC 6749 5.1; Microsoft,
 * "OAuth 2.0 authorization code flow".
 */

#include "oauth/token.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "net/upstream.h"
#include "net/url.h"
#include "oauth/claims.h"
#include "oauth/kind.h"
#include "oauth/resource.h"

#define ANSWER_MAX (256 * 1024)
#define TOKEN_MAX (64 * 1024)
#define SCOPE_MAX (16 * 1024)
#define LIFE_DEFAULT 3600
#define LIFE_MAX (366 * 86400)
#define STEP apr_time_from_sec(10) /* clocks are slewed by less */

/* ---- the answer ---- */

/** The copies that jansson made would otherwise stay in freed memory. */
static void wipe_member(json_t *answer, const char *name)
{
    json_t *member = json_object_get(answer, name);

    if (json_is_string(member))
        OPENSSL_cleanse((char *)json_string_value(member), json_string_length(member));
}

/** A token of visible ASCII: it becomes a header or a form field. NULL: none that can be used. */
static gt_secret_t *read_token(json_t *answer, const char *name, apr_pool_t *p)
{
    const char *text = gt_json_text(answer, name);
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || len > TOKEN_MAX)
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f)
            return NULL;
    return gt_secret_make(text, len, p);
}

static const char *read_scope(const json_t *answer, apr_pool_t *p)
{
    const char *scope = gt_json_text(answer, "scope");

    if (scope == NULL || scope[0] == '\0' || strlen(scope) > SCOPE_MAX ||
        gt_has_control(scope, strlen(scope)))
        return NULL;
    return apr_pstrdup(p, scope);
}

static int is_bearer(const json_t *answer)
{
    const char *type = gt_json_text(answer, "token_type");

    return type == NULL || strcasecmp(type, "Bearer") == 0;
}

/* An answer is read leniently: an absurd number, or an access token that cannot be used, must not
 * cost a rotated refresh token. */
static void read_tokens(gt_tokens_t *tokens, json_t *answer, apr_time_t now, apr_pool_t *p)
{
    apr_int64_t life;

    tokens->access = is_bearer(answer) ? read_token(answer, "access_token", p) : NULL;
    tokens->refresh = read_token(answer, "refresh_token", p);
    tokens->id_token = read_token(answer, "id_token", p);
    tokens->scope = read_scope(answer, p);
    if (!gt_json_number(&life, answer, "expires_in") || life < 1 || life > LIFE_MAX)
        life = LIFE_DEFAULT;
    if (tokens->refresh == NULL ||
        !gt_json_number(&tokens->refresh_life, answer, "refresh_token_expires_in") ||
        tokens->refresh_life < 1 || tokens->refresh_life > LIFE_MAX)
        tokens->refresh_life = 0;
    tokens->received = now;
    tokens->expires_at = now + (tokens->access != NULL ? apr_time_from_sec(life) : 0);
}

apr_int64_t gt_tokens_left(const gt_tokens_t *tokens)
{
    apr_time_t now = gt_now();

    if (now + STEP < tokens->received)
        return 0;
    return apr_time_sec(tokens->expires_at) - apr_time_sec(now);
}

gt_err_t *gt_token_parse(gt_tokens_t *tokens, const char *body, apr_size_t len, apr_time_t now,
                         apr_pool_t *p)
{
    json_t *answer;

    memset(tokens, 0, sizeof(*tokens));
    if (body == NULL || gt_json_parse_answer(&answer, body, len, p) != GT_OK ||
        !json_is_object(answer))
        return gt_err(p, GT_UPSTREAM, "GT0510", "the token endpoint's answer is not JSON");
    read_tokens(tokens, answer, now, p);
    wipe_member(answer, "access_token");
    wipe_member(answer, "refresh_token");
    wipe_member(answer, "id_token");
    return tokens->refresh != NULL ? GT_OK : gt_tokens_usable(tokens, p);
}

gt_err_t *gt_tokens_usable(const gt_tokens_t *tokens, apr_pool_t *p)
{
    if (tokens->access == NULL)
        return gt_err(p, GT_UPSTREAM, "GT0511",
                      "the token endpoint's answer has no bearer token that can be used");
    return GT_OK;
}

/* ---- the exchange ---- */

static const char *token_endpoint(const gt_endpoints_t *endpoints)
{
    return endpoints->token;
}

/** OpenID Connect has the parameter for sign-ins only; Microsoft takes it here, too. */
static void add_claims(gt_form_t *form, const gt_token_params_t *params, apr_pool_t *p)
{
    const gt_provider_conf_t *conf = gt_provider_conf(params->provider);

    if (gt_provider_kind(conf)->capability != NULL)
        gt_form_add(form, "claims", gt_claims_for(conf, params->claims, params->declares, p));
}

/** NULL: none, which stands for all that was granted (RFC 6749 section 6). */
static const char *scope_of(const gt_token_params_t *params, apr_pool_t *p)
{
    const gt_provider_conf_t *conf = gt_provider_conf(params->provider);

    if (params->scope != NULL)
        return params->scope;
    return gt_provider_kind(conf)->omits_scope ? NULL
                                               : gt_provider_token_scope(conf, params->resource, p);
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_token_params_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_form_t *form = gt_form_make(p);

    params->was_sent = 0;
    params->began = gt_ticks();
    memset(&params->tokens, 0, sizeof(params->tokens));
    gt_form_add(form, "grant_type", params->flow->grant_type);
    gt_form_add(form, "scope", scope_of(params, p));
    add_claims(form, params, p);
    params->flow->add(form, params->params);
    params->post = (gt_endpoint_post_t){.provider = params->provider,
                                        .url = token_endpoint,
                                        .tenant = params->tenant,
                                        .form = form,
                                        .answer_max = ANSWER_MAX,
                                        .purpose = params->flow->purpose,
                                        .trace = params->trace};
    gt_then(task, &gt_endpoint_post, &params->post);
    return GT_OK;
}

static int has_own_client(const gt_token_params_t *params)
{
    return gt_provider_conf_client(gt_provider_conf(params->provider), params->tenant) != NULL;
}

/** Where an application is in testing all grants end after days, and users sign in again. */
static void tell_of_life(const gt_token_params_t *params)
{
    apr_int64_t life = params->tokens.refresh_life;

    if (life > 0 && gt_provider_kind(gt_provider_conf(params->provider))->consents_for_refresh)
        gt_log(GT_LOG_WARNING, "GT0577",
               "provider %s gives a refresh token for %d days alone: the publishing status of the "
               "application is Testing, or the user allows access for a limited time",
               gt_provider_conf(params->provider)->name, (int)((life + 86399) / 86400));
}

static gt_err_t *judge(gt_token_params_t *params, apr_pool_t *p)
{
    const gt_answer_t *answer;
    apr_interval_time_t retry_after;
    const gt_provider_kind_t *kind = gt_provider_kind(gt_provider_conf(params->provider));
    gt_err_t *err = gt_transfer_error(params->post.transfer, p);

    if (err != GT_OK) {
        params->was_sent = gt_transfer_was_sent(params->post.transfer);
        return err;
    }
    answer = gt_transfer_answer(params->post.transfer);
    gt_provider_dated(params->provider, answer->date);
    if (answer->status == 200) {
        err = gt_token_parse(&params->tokens, answer->body, answer->body_len, gt_now(), p);
        params->tokens.asked = params->began;
        params->was_sent = err != GT_OK;
        tell_of_life(params);
        return err;
    }
    retry_after = gt_retry_after(apr_table_get(answer->headers, "Retry-After"));
    err = gt_token_verdict(kind->refusals, answer->status, answer->body, answer->body_len,
                           retry_after, p);
    err = params->flow->refused != NULL ? params->flow->refused(err) : err;
    /* A registration that a tenant has to itself is no other tenant's business. */
    if (has_own_client(params) && err->extent == GT_EXTENT_REGISTRATION)
        err->extent = GT_EXTENT_TENANT;
    return err;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_token_params_t *params = state;
    const char *provider = gt_provider_conf(params->provider)->name;
    gt_err_t *err;

    gt_upstream_tell(params->post.transfer, provider, "token", gt_task_pool(task));
    err = judge(params, gt_task_pool(task));

    params->post.transfer = NULL;
    gt_provider_heard(params->provider, err);
    if (err == GT_OK)
        return GT_OK;
    return has_own_client(params)
               ? gt_err_in(err, "provider %s, tenant %s", provider, params->tenant)
               : gt_err_in(err, "provider %s", provider);
}

static gt_step_fn *const post_steps[] = {post, take, NULL};
const gt_work_t gt_token_post = {"token", post_steps, NULL};
