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
#include "base/text.h"
#include "caller/caller.h"
#include "caller/client.h"
#include "child/bearers.h"
#include "oauth/resource.h"
#include "request/answer.h"
#include "request/rate_limit.h"
#include "routes/route_sets.h"

APLOG_USE_MODULE(graphtok);

#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define JWT "urn:ietf:params:oauth:token-type:jwt"
#define USER_ID "urn:mod_graphtok:token-type:user-id"
#define LONGEST_TOKEN (16 * 1024)

/* A failure about the subject is answered at a multiple of this from the exchange's begin. */
#define BEAT apr_time_from_msec(250)

typedef struct exchange_t {
    apr_time_t began; /* ticks */
    gtm_client_auth_t auth;
    const gt_client_conf_t *client;
    const char *resource;
    gt_bearer_check_t bearer; /* the subject's JWT; token NULL: none */
    gt_secret_t *assertion; /* the provider's token of the subject; NULL: the subject has a grant */
    gt_token_for_t token;
    gt_err_t *failure;   /* of the subject, or of what its token needed */
    apr_time_t answered; /* ticks at which a failure is told; 0: not decided yet */
} exchange_t;

/** A text of the form; an empty one is none (RFC 6749 3.2). */
static const char *given(const gtm_request_t *x, const char *name)
{
    const char *value = apr_table_get(x->form, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static gt_err_t *invalid(const gtm_request_t *x, const char *oauth_error, const char *tag,
                         const char *detail)
{
    gt_err_t *err = gt_err(x->r->pool, GT_INVALID, tag, "%s", detail);

    err->oauth_error = oauth_error;
    return err;
}

/* ---- the client ---- */

static gt_err_t *authenticate(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    exchange_t *own = apr_pcalloc(x->r->pool, sizeof(*own));

    x->own = own;
    own->began = gt_ticks();
    if (x->r->args != NULL && *x->r->args != '\0')
        return invalid(x, NULL, "GT0887", "the parameters belong in the body, not in the address");
    own->auth.x = x;
    gt_then(task, &gtm_client_authenticate, &own->auth);
    return GT_OK;
}

/** From here on the client is the caller. Its address was counted for what it might have tried. */
static gt_err_t *admit(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    exchange_t *own = x->own;

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
    const char *grant_type = given(x, "grant_type");
    const char *wanted = given(x, "requested_token_type");

    if (grant_type == NULL)
        return invalid(x, NULL, "GT0886", "grant_type is missing");
    if (strcmp(grant_type, GRANT_TYPE) != 0)
        return invalid(x, "unsupported_grant_type", "GT0886", "the grant_type here is " GRANT_TYPE);
    if (wanted != NULL && strcmp(wanted, ACCESS_TOKEN) != 0)
        return invalid(x, NULL, "GT0887", "the requested_token_type here is " ACCESS_TOKEN);
    if (given(x, "actor_token") != NULL || given(x, "actor_token_type") != NULL)
        return invalid(x, NULL, "GT0887",
                       "the client itself is the actor, and no actor_token is taken");
    return GT_OK;
}

/** 1 when a client's entry names a resource, in whichever way. */
static int may_have(const gtm_request_t *x, const char *resource)
{
    const exchange_t *own = x->own;
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    apr_pool_t *p = x->r->pool;
    const apr_array_header_t *list = gt_split(own->client->resources, " ", p);

    for (int i = 0; i < list->nelts; i++) {
        const char *named =
            gt_provider_resource_named(conf, APR_ARRAY_IDX(list, i, const char *), p);

        if (named != NULL && strcmp(named, resource) == 0)
            return 1;
    }
    return 0;
}

/** `resource` (RFC 8707) or `audience`; both may name the same. Without one it is the first of the
 * client's. */
static gt_err_t *find_resource(gtm_request_t *x)
{
    exchange_t *own = x->own;
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    const char *names[] = {given(x, "resource"), given(x, "audience")};
    const char *first = own->client->resources;
    apr_pool_t *p = x->r->pool;

    for (int i = 0; i < 2; i++) {
        const char *named = names[i] != NULL ? gt_provider_resource_named(conf, names[i], p) : NULL;

        if (names[i] != NULL && (named == NULL || !may_have(x, named) ||
                                 (own->resource != NULL && strcmp(own->resource, named) != 0)))
            return invalid(x, "invalid_target", "GT0888",
                           "this client may have no token for this resource");
        own->resource = named != NULL ? named : own->resource;
    }
    if (own->resource == NULL)
        own->resource = gt_provider_resource_named(conf, ap_getword_white(p, &first), p);
    return own->resource != NULL ? GT_OK
                                 : invalid(x, "invalid_target", "GT0888",
                                           "this client may have no token for this resource");
}

static gt_err_t *check_scope(const gtm_request_t *x)
{
    const exchange_t *own = x->own;
    const char *asked = given(x, "scope");

    if (asked == NULL || gt_provider_scopes_beyond(gt_provider_conf(x->provider), asked,
                                                   own->client->scopes, x->r->pool) == NULL)
        return GT_OK;
    return invalid(x, "invalid_scope", "GT0889", "this client may not have all of these scopes");
}

static gt_err_t *check_request(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;

    (void)task;
    GT_TRY(check_kind(x));
    GT_TRY(find_resource(x));
    return check_scope(x);
}

/* ---- the subject ---- */

static gt_err_t *too_long(const gtm_request_t *x)
{
    return gt_err(x->r->pool, GT_TOO_LARGE, "GT0892", "a subject_token has %d bytes at most",
                  LONGEST_TOKEN);
}

/** The name behind "jwt=" of a client's entry, or NULL. */
static const char *jwt_of(const gt_client_conf_t *client, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(client->subjects, " ", p);
    apr_size_t len = strlen(GT_SUBJECT_JWT);

    for (int i = 0; i < words->nelts; i++)
        if (strncmp(APR_ARRAY_IDX(words, i, const char *), GT_SUBJECT_JWT, len) == 0)
            return APR_ARRAY_IDX(words, i, const char *) + len;
    return NULL;
}

static int may_name_by(const gt_client_conf_t *client, const char *word, apr_pool_t *p)
{
    return strcmp(word, GT_SUBJECT_JWT) == 0 ? jwt_of(client, p) != NULL
                                             : gt_has_word(client->subjects, word);
}

/** A plain user id. */
static void take_user(gtm_request_t *x, const char *token)
{
    exchange_t *own = x->own;

    own->failure = gtm_caller_check_id(x, token);
    x->owner.user = token;
}

/** A token of the provider for our registration; its user is known when it was judged. */
static void take_assertion(gtm_request_t *x, const char *token)
{
    exchange_t *own = x->own;

    own->assertion = gt_secret_from(token, x->r->pool);
}

/** A JWT of an issuer that the client's entry names. */
static void take_jwt(gtm_request_t *x, const char *token)
{
    exchange_t *own = x->own;

    own->bearer.token = gt_secret_from(token, x->r->pool);
    own->bearer.bearer = gtm_bearers_find(x->child, jwt_of(own->client, x->r->pool));
}

static gt_err_t *find_subject(gt_task_t *task, void *state)
{
    static const struct {
        const char *type, *word;
        void (*take)(gtm_request_t *x, const char *token);
    } kinds[] = {{USER_ID, GT_SUBJECT_USER, take_user},
                 {JWT, GT_SUBJECT_JWT, take_jwt},
                 {ACCESS_TOKEN, GT_SUBJECT_BEHALF, take_assertion}};

    gtm_request_t *x = state;
    const exchange_t *own = x->own;
    const char *token = given(x, "subject_token");
    const char *type = given(x, "subject_token_type");
    apr_size_t kind = 0;

    (void)task;
    if (token == NULL || type == NULL)
        return invalid(x, NULL, "GT0887", "subject_token and subject_token_type are needed");
    if (strlen(token) > LONGEST_TOKEN)
        return too_long(x);
    while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].type, type) != 0)
        kind++;
    if (kind == sizeof(kinds) / sizeof(kinds[0]))
        return invalid(x, NULL, "GT0887", "this subject_token_type is not taken here");
    if (!may_name_by(own->client, kinds[kind].word, x->r->pool))
        return invalid(x, "unauthorized_client", "GT0891",
                       "this client may not name users in this way (GraphTokClientSubject)");
    kinds[kind].take(x, token);
    return GT_OK;
}

static gt_err_t *verify_subject(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    exchange_t *own = x->own;

    if (own->bearer.token != NULL)
        gt_then_try(task, &gt_check_bearer, &own->bearer, &own->failure);
    return GT_OK;
}

/** An issuer may say which client may act for a user (RFC 8693 4.4). */
static int may_act(const gt_client_conf_t *client, const json_t *claims)
{
    const json_t *actor = json_object_get(claims, "may_act");
    const char *name = actor != NULL ? gt_json_text(actor, "sub") : NULL;

    return actor == NULL || (name != NULL && strcmp(name, client->name) == 0);
}

static gt_err_t *take_verified(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    exchange_t *own = x->own;

    (void)task;
    if (own->bearer.token == NULL || own->failure != GT_OK)
        return GT_OK;
    if (!may_act(own->client, own->bearer.claims))
        own->failure = gt_err(x->r->pool, GT_FORBIDDEN, "GT0895",
                              "the subject's token names another client that may act (may_act)");
    else
        take_user(x, own->bearer.user);
    return GT_OK;
}

/** Looked at only: it leaves when its scopes have been judged. */
static gt_err_t *ask_vault(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    exchange_t *own = x->own;

    if (own->failure != GT_OK)
        return GT_OK;
    own->token = (gt_token_for_t){.vault = x->child->vault,
                                  .key = {gt_grant_key(x->store, &x->owner), own->resource},
                                  .use = GT_USE_LOOK,
                                  .asker = &x->asker,
                                  .assertion = own->assertion};
    gt_then_try(task, &gt_token_for, &own->token, &own->failure);
    return GT_OK;
}

/* ---- the outcome ---- */

/** The provider decides about a token's scopes: a token with more than the entry allows does not
 * leave. That is known of users alone who have a grant, so it is told as all faults of a subject
 * are. */
static gt_err_t *judge_scope(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    exchange_t *own = x->own;
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    apr_pool_t *p = x->r->pool;
    const char *beyond;

    (void)task;
    if (own->failure != GT_OK)
        return GT_OK;
    x->owner.user = own->token.key.grant.owner.user;
    if (own->token.token.scope == NULL || *own->token.token.scope == '\0')
        own->token.token.scope = gt_provider_resource_scope(conf, own->resource, p);
    beyond = gt_provider_scopes_beyond(conf, own->token.token.scope, own->client->scopes, p);
    if (beyond != NULL)
        own->failure = gt_err(p, GT_FORBIDDEN, "GT0893",
                              "the user's token has the scopes %s, too, which GraphTokClientScope "
                              "does not allow",
                              beyond);
    return GT_OK;
}

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
    const exchange_t *own = x->own;
    const gt_err_t *why = own->failure;

    ap_log_rerror(APLOG_MARK, level_of(why), 0, x->r, "%s: exchange: client %s gets no token: %s",
                  why->tag, own->client->name, why->detail);
    return invalid(x, NULL, "GT0890",
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
    exchange_t *own = x->own;

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
    const exchange_t *own = x->own;
    const gt_notice_t notice = notice_of(x, GT_OK);

    (void)task;
    GT_TRY(gt_notice_before(&notice, x->r->pool));
    if (own->assertion == NULL)
        gt_vault_used(x->child->vault, &own->token.key.grant);
    return GT_OK;
}

static gt_err_t *answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const exchange_t *own = x->own;
    const gt_token_t *token = &own->token.token;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "access_token", gt_secret_text(token->access));
    gt_json_set(value, "issued_token_type", ACCESS_TOKEN);
    gt_json_set(value, "token_type", "Bearer");
    gt_json_set_number(value, "expires_in", apr_time_sec(token->expires_at - gt_now()));
    gt_json_set(value, "scope", token->scope);
    apr_table_setn(x->r->err_headers_out, "Pragma", "no-cache");
    gtm_answer_json(x, HTTP_OK, value);
    gt_wipe_with_pool((void *)(apr_uintptr_t)x->reply.text, x->reply.len, x->r->pool);
    return GT_OK;
}

/** A failure is recorded, also one of the client's own; the audit then has the name that the client
 * gave. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gtm_request_t *x = state;
    const exchange_t *own = x->own;
    gt_notice_t notice;

    (void)task;
    if (err == GT_OK || err->cls == GT_CANCELLED || err->cls == GT_LIMITED)
        return;
    if (own->auth.claimed != NULL)
        x->asker.client = own->auth.claimed->name;
    notice = notice_of(x, own->failure != GT_OK ? own->failure : err);
    gt_notice(&notice);
}

static gt_step_fn *const steps[] = {authenticate,   admit,         check_request, find_subject,
                                    verify_subject, take_verified, ask_vault,     judge_scope,
                                    settle,         announce,      answer,        NULL};
static const gt_work_t exchange = {"exchange", steps, finish};

const gtm_route_t gtm_exchange_routes[] = {{"exchange", "POST", "/", GTM_LIMIT_EXCHANGE,
                                            .demands = GTM_CLIENT_CALLS, .body = GTM_BODY_FORM,
                                            .fields = gtm_client_fields, .work = &exchange},
                                           {.name = NULL}};
