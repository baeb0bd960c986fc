/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_login.c
 * The first half of a sign-in: out to the provider. routes_callback.c has the second.
 */

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "base/secret.h"
#include "base/text.h"
#include "caller/caller.h"
#include "caller/state_cookie.h"
#include "net/url.h"
#include "oauth/kind.h"
#include "oauth/login.h"
#include "request/answer.h"
#include "request/login_link.h"
#include "request/own_origin.h"
#include "request/rate_limit.h"
#include "request/realm.h"
#include "routes/routes_auth.h"
#include "vault/challenge.h"

APLOG_USE_MODULE(graphtok);

#define LONGEST_PARAM 2048
#define SENT_HOME "moved" /* in the query of a sign-in that was begun by another name of ours */

typedef struct login_t {
    gt_login_t *login;
    gt_login_extra_t extra;
    const char *redirect_uri;
    gt_discover_t discover;
} login_t;

const char *gtm_redirect_uri(const gtm_request_t *x)
{
    if (gt_provider_conf(x->provider)->redirect_uri != NULL)
        return gt_provider_conf(x->provider)->redirect_uri;
    return apr_pstrcat(x->r->pool, x->base, x->mount->path, "/callback",
                       x->param != NULL ? "/" : "", x->param != NULL ? x->param : "", NULL);
}

/* An optional parameter; blank counts as not given. */
static gt_err_t *take_param(const char **value, const gtm_request_t *x, const char *name)
{
    gt_err_t *err;

    *value = apr_table_get(x->query, name);
    if (*value && !**value)
        *value = NULL;
    if (!*value || strlen(*value) <= LONGEST_PARAM)
        return GT_OK;
    err = gt_err(x->r->pool, GT_INVALID, "GT0832", "a parameter is too long");
    gt_err_field(err, name, "at most 2048 bytes");
    return err;
}

/* The page that the browser goes to afterwards; "": the one that GraphTokReturnTo names then. */
static gt_err_t *take_return_to(const char **value, const gtm_request_t *x)
{
    const char *given = apr_table_get(x->query, "return_to");

    return gtm_origin_return_to(value, x, given != NULL ? given : gtm_login_kept_target(x));
}

/* The tenant to sign in at; "": the configured one. */
static gt_err_t *take_tenant(const char **value, const gtm_request_t *x)
{
    GT_TRY(take_param(value, x, "tenant"));
    if (*value == NULL) {
        *value = "";
        return GT_OK;
    }
    return gt_provider_check_tenant(gt_provider_conf(x->provider), *value, x->r->pool);
}

static gt_err_t *take_extra(gt_login_extra_t *extra, const gtm_request_t *x)
{
    GT_TRY(take_param(&extra->login_hint, x, "login_hint"));
    GT_TRY(take_param(&extra->prompt, x, "prompt"));
    GT_TRY(take_param(&extra->domain_hint, x, "domain_hint"));
    return take_param(&extra->claims, x, "claims");
}

const char *const gtm_sign_in_fields[] = {"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz", NULL};

int gtm_answer_look_ahead(gtm_request_t *x)
{
    int is_ahead = x->r->header_only;

    for (int i = 0; gtm_sign_in_fields[i]; i++) {
        const char *value = apr_table_get(x->fields, gtm_sign_in_fields[i]);

        if (value != NULL && (strstr(value, "prefetch") || strstr(value, "preview")))
            is_ahead = 1;
    }
    if (!is_ahead)
        return 0;
    gtm_limit_give_back(x, x->route->limit);
    gtm_answer_empty(x, HTTP_NO_CONTENT);
    return 1;
}

/* With sessions the provider's answer names the owner of the grant; everywhere else the owner is
 * the caller, who must be known before. */
gt_err_t *gtm_owner_of_sign_in(gtm_request_t *x)
{
    if (x->caller.from == GT_CALLER_SESSION)
        return GT_OK;
    x->owner.user = x->caller.id;
    return *x->caller.id ? GT_OK : gtm_caller_missing(x);
}

gt_err_t *gtm_owner_of_callback(gtm_request_t *x)
{
    return x->caller.from == GT_CALLER_JWT ? GT_OK : gtm_owner_of_sign_in(x);
}

/* A cookie belongs to the host that sets it, and the callback comes to the public address: a
 * browser that came by another name goes there first. Once, since a proxy may hide the name it came
 * by. */
static int send_home(gtm_request_t *x)
{
    const char *args = x->r->args != NULL && *x->r->args ? x->r->args : NULL;

    if (gtm_origin_is_here(x) || apr_table_get(x->query, SENT_HOME) != NULL)
        return 0;
    gtm_limit_give_back(x, x->route->limit);
    gtm_answer_redirect(x, HTTP_MOVED_TEMPORARILY,
                        apr_pstrcat(x->r->pool, x->base, x->mount->path, "/", x->route->name,
                                    x->param != NULL ? "/" : "", x->param != NULL ? x->param : "",
                                    "?", args != NULL ? args : "", args != NULL ? "&" : "",
                                    SENT_HOME "=1", NULL));
    return 1;
}

/* A link of an application knows of no demands on its user, and a sign-in without them would be
 * followed by another one. They are none of another person's, who is about to be chosen. */
static void add_demands(gt_login_extra_t *extra, const gtm_request_t *x)
{
    const gt_owner_t owner = {x->caller.id, x->owner.provider};
    const gt_grant_key_t key = gt_grant_key(x->store, &owner);

    if (extra->claims == NULL && *owner.user &&
        (extra->prompt == NULL || strcmp(extra->prompt, "select_account") != 0))
        extra->claims = gt_vault_demands(x->child->vault, &key, x->r->pool);
}

/* Where the owner is known before, and has no refresh token that can be used, one sign-in does. */
static int lacks_refresh(const gtm_request_t *x)
{
    gt_grant_t *grant = NULL;

    return *x->owner.user && gt_grant_find(&grant, x->store, &x->owner, x->r->pool) == GT_OK &&
           (grant == NULL || grant->refresh == NULL || grant->status == GT_INACTIVE);
}

/* A provider that gives refresh tokens with a consent alone is asked for one where it is missing,
 * or where an earlier callback found none (needs_consent). */
static void ask_for_consent(login_t *own, const gtm_request_t *x)
{
    const char *prompt = own->extra.prompt;

    if (own->login->is_for != GT_LOGIN_SIGN_IN ||
        !gt_provider_kind(gt_provider_conf(x->provider))->consents_for_refresh ||
        (prompt != NULL && strcmp(prompt, "none") == 0))
        return;
    own->extra.wants_consent =
        (prompt != NULL && strcmp(prompt, "consent") == 0) || lacks_refresh(x);
    if (own->extra.wants_consent)
        own->login->is_for = GT_LOGIN_WITH_CONSENT;
}

static gt_err_t *begin(gt_task_t *task, gtm_request_t *x, gt_login_for_t is_for)
{
    login_t *own = apr_pcalloc(x->r->pool, sizeof(*own));

    if (gtm_answer_look_ahead(x)) {
        gt_done(task);
        return GT_OK;
    }
    GT_TRY(gtm_origin_find(x));
    if (send_home(x)) {
        gt_done(task);
        return GT_OK;
    }
    x->own = own;
    own->login = gt_login_make(x->r->pool);
    own->login->store = x->dir->store;
    own->login->provider = x->owner.provider;
    own->login->host = gtm_realm_of_sign_in(x);
    own->login->user = x->owner.user;
    own->login->carries_user = x->caller.from == GT_CALLER_JWT;
    own->login->is_for = is_for;
    GT_TRY(take_tenant(&own->login->tenant, x));
    GT_TRY(take_return_to(&own->login->return_to, x));
    x->target = own->login->return_to;
    GT_TRY(take_extra(&own->extra, x));
    add_demands(&own->extra, x);
    ask_for_consent(own, x);
    own->redirect_uri = gtm_redirect_uri(x);
    own->discover.provider = x->provider;
    gt_then(task, &gt_discover, &own->discover);
    return GT_OK;
}

/* A script that shows its token in a field cannot take the browser along by a redirect: it gets the
 * address, and sends the browser there itself. */
static void tell_address(gtm_request_t *x, const char *url)
{
    json_t *value = gt_json_object(x->r->pool);

    gt_json_set(value, "authorization_url", url);
    gt_json_set_number(value, "expires_in", apr_time_sec(x->child->config->state_time));
    gtm_answer_json(x, HTTP_OK, value);
}

static gt_err_t *begin_login(gt_task_t *task, void *state)
{
    return begin(task, state, GT_LOGIN_SIGN_IN);
}

static gt_err_t *begin_consent(gt_task_t *task, void *state)
{
    return begin(task, state, GT_LOGIN_ADMIN_CONSENT);
}

static gt_err_t *address_at_provider(const char **url, const login_t *own, const gtm_request_t *x)
{
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    const gt_endpoints_t *endpoints = &own->discover.endpoints;

    if (own->login->is_for == GT_LOGIN_ADMIN_CONSENT)
        return gt_login_consent_url(url, own->login, conf, endpoints, own->redirect_uri,
                                    x->r->pool);
    return gt_login_url(url, own->login, conf, endpoints, own->redirect_uri, &own->extra,
                        x->r->pool);
}

static gt_err_t *send_away(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    login_t *own = x->own;
    const char *url;

    (void)task;
    GT_TRY(address_at_provider(&url, own, x));
    GT_TRY(gtm_state_keep(x, own->login));
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, x->r,
                  "sign-in at %s begins: redirect_uri %s, goes to %s", x->owner.provider,
                  own->redirect_uri, own->discover.endpoints.authorize);
    if (x->caller.from == GT_CALLER_JWT && !gtm_answer_is_page(x->r))
        tell_address(x, url);
    else
        gtm_answer_redirect(x, HTTP_MOVED_TEMPORARILY, url);
    return GT_OK;
}

static gt_step_fn *const login_steps[] = {begin_login, send_away, NULL};
const gt_work_t gtm_login = {"login", login_steps, NULL};

static gt_step_fn *const consent_steps[] = {begin_consent, send_away, NULL};
const gt_work_t gtm_admin_consent = {"administrator's consent", consent_steps, NULL};
