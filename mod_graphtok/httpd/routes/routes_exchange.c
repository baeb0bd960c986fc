/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_exchange.c
 * Token exchange (RFC 8693): a client authenticates, names the user whose token it wants, and gets
 * an access token of a resource and with scopes that its entry names. Every fault of the subject
 * gets the same answer, at one of a few moments, so that neither tells whether there is such a
 * user.
 */

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "base/clock.h"
#include "base/secret.h"
#include "caller/caller.h"
#include "request/answer.h"
#include "request/rate_limit.h"
#include "routes/exchange.h"
#include "routes/route_sets.h"

APLOG_USE_MODULE(graphtok);

#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:token-exchange"

/* A failure about the subject is answered at a multiple of this from the exchange's begin. */
#define BEAT apr_time_from_msec(250)

/* ---- the client ---- */

static gt_err_t *authenticate(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = apr_pcalloc(x->r->pool, sizeof(*own));

    x->own = own;
    own->began = gt_ticks();
    if (x->r->args != NULL && *x->r->args != '\0')
        return gtm_exchange_wrong(x, "the parameters belong in the body, not in the address");
    own->auth.x = x;
    gt_then(task, &gtm_client_authenticate, &own->auth);
    return GT_OK;
}

/** From here on the client is the caller. Its address was counted for what it might have tried. */
static gt_err_t *admit(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = x->own;

    (void)task;
    own->client = own->auth.conf;
    gtm_limit_give_back(x, GTM_LIMIT_EXCHANGE);
    x->caller.id = own->client->name;
    x->asker.client = own->client->name;
    x->is_known = 1;
    gtm_caller_show(x);
    return gtm_limit_check(x);
}

/* ---- the request ---- */

static gt_err_t *check_kind(const gtm_request_t *x)
{
    const char *grant_type = gtm_exchange_given(x, "grant_type");
    const char *wanted = gtm_exchange_given(x, "requested_token_type");

    if (grant_type == NULL)
        return gtm_exchange_invalid(x, NULL, "GT0886", "grant_type is missing");
    if (strcmp(grant_type, GRANT_TYPE) != 0)
        return gtm_exchange_invalid(x, "unsupported_grant_type", "GT0886",
                                    "the grant_type here is " GRANT_TYPE);
    if (wanted != NULL && strcmp(wanted, GTM_TYPE_ACCESS_TOKEN) != 0)
        return gtm_exchange_wrong(x, "the requested_token_type here is " GTM_TYPE_ACCESS_TOKEN);
    if (gtm_exchange_given(x, "actor_token") != NULL ||
        gtm_exchange_given(x, "actor_token_type") != NULL)
        return gtm_exchange_wrong(x, "the client itself is the actor, and no actor_token is taken");
    return GT_OK;
}

static gt_err_t *check_request(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;

    (void)task;
    GT_TRY(check_kind(x));
    return gtm_exchange_find_target(x);
}

static gt_err_t *find_subject(gt_task_t *task, void *state)
{
    gt_then(task, &gtm_exchange_subject, state);
    return GT_OK;
}

/* ---- the token ---- */

/** Looked at only: it leaves when its scopes have been judged, and not at all where a token of ours
 * is wanted. */
static gt_err_t *ask_vault(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = x->own;

    if (own->failure != GT_OK)
        return GT_OK;
    own->token = (gt_token_for_t){
        .vault = x->child->vault,
        .key = {gt_grant_key(x->store, &x->owner), own->is_for_routes ? NULL : own->resource},
        .use = GT_USE_LOOK,
        .asker = &x->asker,
        .assertion = own->assertion};
    gt_then_try(task, &gt_token_for, &own->token, &own->failure);
    return GT_OK;
}

static gt_err_t *judge_token(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = x->own;

    (void)task;
    if (own->failure != GT_OK)
        return GT_OK;
    x->owner.user = own->token.key.grant.owner.user;
    own->failure = gtm_exchange_judge(x);
    return GT_OK;
}

/* ---- the outcome ---- */

static gt_notice_t notice_of(const gtm_request_t *x, const gt_err_t *err)
{
    return (gt_notice_t){.kind = GT_NOTICE_EXCHANGE,
                         .store = x->dir->store,
                         .provider = x->owner.provider,
                         .user = *x->owner.user != '\0' ? x->owner.user : NULL,
                         .asker = &x->asker,
                         .err = err};
}

/** 1 for a fault of the subject, and not of the server or the provider. A row that cannot be opened
 * is the subject's, too. */
static int is_about_subject(const gt_err_t *err)
{
    switch (err->cls) {
    case GT_INVALID:
    case GT_FORBIDDEN:
    case GT_NOT_FOUND:
    case GT_CONFLICT:
    case GT_SIGN_IN:
    case GT_INTERACTION:
    case GT_REFUSED:
    case GT_DAMAGED:
        return 1;
    default:
        return 0;
    }
}

static apr_time_t next_beat(apr_time_t began)
{
    apr_time_t passed = gt_ticks() - began;

    return began + (passed / BEAT + 1) * BEAT;
}

/** A user who has not signed in is everyday; the rest is the administrator's to see. */
static int level_of(const gt_err_t *why)
{
    return why->cls == GT_DAMAGED     ? APLOG_ERR
           : why->cls == GT_FORBIDDEN ? APLOG_WARNING
                                      : APLOG_INFO;
}

/** The one answer for all faults of a subject; the log has the reason. */
static gt_err_t *refuse_subject(const gtm_request_t *x)
{
    const gtm_exchange_t *own = x->own;
    const gt_err_t *why = own->failure;

    ap_log_rerror(APLOG_MARK, level_of(why), 0, x->r, "%s: exchange: client %s gets no token: %s",
                  why->tag, own->client->name, why->detail);
    return gtm_exchange_invalid(
        x, NULL, "GT0890",
        "the subject_token does not hold, its user must sign in (again), or the user's "
        "token has more than this client may have: the server's log says which");
}

/** A client that shows a token that holds learns nothing by a challenge, and needs it to go on. */
static gt_err_t *challenge(gt_err_t *err)
{
    err->oauth_error = "interaction_required";
    err->status = HTTP_BAD_REQUEST;
    return err;
}

static gt_err_t *settle(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = x->own;

    if (own->failure == GT_OK)
        return GT_OK;
    if (own->assertion != NULL && own->failure->cls == GT_INTERACTION)
        return challenge(own->failure);
    if (!is_about_subject(own->failure))
        return own->failure;
    if (own->answered == 0)
        own->answered = next_beat(own->began);
    if (gt_ticks() < own->answered) {
        gt_again_at(task, own->answered);
        return GT_OK;
    }
    return refuse_subject(x);
}

static gt_err_t *announce(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gtm_exchange_t *own = x->own;
    const gt_notice_t notice = notice_of(x, GT_OK);

    (void)task;
    GT_TRY(gt_notice_before(&notice, x->r->pool));
    if (own->assertion == NULL && own->issued == NULL)
        gt_vault_used(x->child->vault, &own->token.key.grant);
    return GT_OK;
}

/** 1 when a token means itself within quotes of JSON: all of it VSCHAR (RFC 6749 A.12), without '"'
 * and '\\'. */
static int is_plain(const char *token)
{
    for (const char *c = token; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
            return 0;
    return 1;
}

/** The text of the answer. A token is put in as it is, once: it is most of the text, and no other
 * copy of it is left in memory. */
static char *text_with(json_t *value, const char *token, apr_pool_t *p)
{
    if (!is_plain(token)) {
        gt_json_set(value, "access_token", token);
        return gt_json_dump(value, p);
    }
    return apr_pstrcat(p, "{\"access_token\":\"", token, "\",", gt_json_dump(value, p) + 1, NULL);
}

static gt_err_t *answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gtm_exchange_t *own = x->own;
    const gt_token_t *token = &own->token.token;
    const gt_secret_t *given = own->issued != NULL ? own->issued : token->access;
    const apr_interval_time_t left =
        own->issued != NULL ? own->client->token_time : token->expires_at - gt_now();
    json_t *value = gt_json_object(x->r->pool);
    char *text;

    (void)task;
    gt_json_set(value, "issued_token_type", GTM_TYPE_ACCESS_TOKEN);
    gt_json_set(value, "token_type", "Bearer");
    gt_json_set_number(value, "expires_in", apr_time_sec(left));
    if (own->issued == NULL)
        gt_json_set(value, "scope", token->scope);
    apr_table_setn(x->r->err_headers_out, "Pragma", "no-cache");
    text = text_with(value, gt_secret_text(given), x->r->pool);
    gt_wipe_with_pool(text, strlen(text), x->r->pool);
    gtm_answer_text(x, HTTP_OK, "application/json", text);
    return GT_OK;
}

/** A failure is recorded, also one of the client's own; the audit then has the name that the client
 * gave. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gtm_request_t *x = state;
    const gtm_exchange_t *own = x->own;
    gt_notice_t notice;

    (void)task;
    if (err == GT_OK || err->cls == GT_CANCELLED || err->cls == GT_LIMITED)
        return;
    if (own->auth.claimed != NULL)
        x->asker.client = own->auth.claimed->name;
    notice = notice_of(x, own->failure != GT_OK ? own->failure : err);
    gt_notice(&notice);
}

static gt_step_fn *const steps[] = {authenticate, admit,  check_request, find_subject, ask_vault,
                                    judge_token,  settle, announce,      answer,       NULL};
static const gt_work_t exchange = {"exchange", steps, finish};

const gtm_route_t gtm_exchange_routes[] = {{"exchange", "POST", "/", GTM_LIMIT_EXCHANGE,
                                            .demands = GTM_CLIENT_CALLS, .body = GTM_BODY_FORM,
                                            .fields = gtm_client_fields, .work = &exchange},
                                           {.name = NULL}};
