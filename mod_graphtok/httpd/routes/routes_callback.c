/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_callback.c
 * The second half of a sign-in: back from the provider (A2). These must hold: the state is ours,
 * of this browser, for this place, not older than ten minutes and never used before; every
 * parameter that is read came once; an answer that names its issuer, or must, is that provider's
 * (RFC 9207).
 */

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "admin/grant_view.h"
#include "base/secret.h"
#include "caller/caller.h"
#include "caller/session.h"
#include "caller/state_cookie.h"
#include "net/url.h"
#include "oauth/login.h"
#include "request/answer.h"
#include "request/login_link.h"
#include "request/own_origin.h"
#include "request/pages.h"
#include "request/rate_limit.h"
#include "request/realm.h"
#include "routes/routes_auth.h"
#include "vault/cache.h"
#include "vault/flow/flows.h"

APLOG_USE_MODULE(graphtok);

#define LONGEST_STATE 2048
#define LONGEST_CODE 8192

typedef struct callback_t {
    gt_login_t *login; /* NULL: answered already */
    gt_discover_t discover;
    gt_flow_code_t code;
    gt_sign_in_t sign_in;
    gt_err_t *failure; /* of the sign-in */
} callback_t;

static gt_err_t *refuse_state(const gtm_request_t *x)
{
    return gt_err(x->r->pool, GT_OVER, "GT0834",
                  "this sign-in was not begun in this browser, is older than allowed, or was "
                  "finished before: sign in again");
}

static gt_err_t *open_state(gtm_request_t *x, gt_login_t **login)
{
    const gt_vault_parts_t *parts = gt_vault_parts(x->child->vault);
    const char *state = apr_table_get(x->query, "state"), *sealed;
    gt_login_t expect = {.store = x->dir->store,
                         .provider = x->owner.provider,
                         .host = gtm_realm_of_sign_in(x),
                         .user = x->owner.user,
                         .carries_user = x->caller.from == GT_CALLER_JWT};

    if (state == NULL || !*state || strlen(state) > LONGEST_STATE)
        return refuse_state(x);
    sealed = gtm_state_take(x, state);
    if (sealed == NULL || gt_login_open(login, sealed, state, &expect, parts->config->state_time,
                                        gt_store_ring(x->store), x->r->pool) != GT_OK)
        return refuse_state(x);
    /* The cookie is deleted in this browser; the note here holds for every copy of it that was
     * kept. */
    if (parts->cache != NULL && !gt_cache_once(parts->cache, state, parts->config->state_time))
        return refuse_state(x);
    return GT_OK;
}

static void show_signed_in(gtm_request_t *x, const gt_grant_t *grant, const gt_identity_t *who,
                           const char *address)
{
    json_t *value = gt_json_object(x->r->pool);

    if (gtm_answer_is_page(x->r)) {
        gtm_answer_page(x, HTTP_OK,
                        gtm_page_signed_in(x, gt_person(who->name, who->email, x->r->pool)));
        return;
    }
    gt_json_set(value, "status", "signed_in");
    gt_json_set(value, "user", grant->owner.user);
    gt_json_set(value, "provider", x->owner.provider);
    gt_json_set(value, "email", who->email);
    gt_json_set_time(value, "expires_at", grant->expires_at, x->r->pool);
    if (*address)
        gt_json_set(value, "return_to", address);
    gtm_answer_json(x, HTTP_OK, value);
}

/* The administrator's address for sign-ins without a target; "": a page of ours. */
static const char *default_address(const gtm_request_t *x)
{
    return gtm_origin_address(x, x->dir->return_to != NULL ? x->dir->return_to : "");
}

/* A callback that is no sign-in's any more, of a browser that is signed in: the back button, a
 * reload, one of too many tabs. It goes where a sign-in would have led. */
static gt_err_t *go_on(gtm_request_t *x, gt_err_t *refusal)
{
    const gt_owner_t own = {x->caller.id, x->owner.provider};
    const char *address = default_address(x);
    gt_grant_t *grant = NULL;

    if (!gtm_answer_is_page(x->r) || !*own.user)
        return refusal;
    GT_TRY(gt_grant_find(&grant, x->store, &own, x->r->pool));
    if (grant == NULL || grant->status != GT_ACTIVE)
        return refusal;
    if (*address) {
        gtm_answer_redirect(x, HTTP_SEE_OTHER, address);
        return GT_OK;
    }
    GT_TRY(gt_grant_take_name(grant, x->store, x->r->pool));
    gtm_answer_page(
        x, HTTP_OK,
        gtm_page_signed_in(x, gt_person(grant->account.name, grant->account.email, x->r->pool)));
    return GT_OK;
}

static gt_err_t *begin_callback(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    callback_t *own = apr_pcalloc(x->r->pool, sizeof(*own));
    gt_err_t *err;

    x->own = own;
    if (gtm_answer_look_ahead(x)) {
        gt_done(task);
        return GT_OK;
    }
    GT_TRY(gtm_origin_find(x));
    err = open_state(x, &own->login);
    if (gtm_consent_is_told(x, err == GT_OK ? own->login : NULL)) {
        gt_done(task);
        return gtm_consent_show(x, err == GT_OK ? own->login : NULL);
    }
    if (err != GT_OK) {
        gt_done(task);
        return go_on(x, err);
    }
    x->target = gtm_state_target(x, own->login);
    x->owner.user = own->login->user;
    own->discover.provider = x->provider;
    gt_then(task, &gt_discover, &own->discover);
    return GT_OK;
}

static gt_err_t *exchange_code(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    callback_t *own = x->own;
    const char *error = apr_table_get(x->query, "error");
    const char *code = apr_table_get(x->query, "code");
    const gt_owner_t owner = {own->login->user, x->owner.provider};

    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, x->r,
                  "sign-in at %s comes back with %s: redirect_uri %s", x->owner.provider,
                  error != NULL  ? "an error"
                  : code != NULL ? "a code"
                                 : "no code",
                  gtm_redirect_uri(x));
    GT_TRY(gt_login_check_issuer(&own->discover.endpoints, apr_table_get(x->query, "iss"),
                                 x->r->pool));
    if (error != NULL)
        return gt_login_error(gt_provider_conf(x->provider), error,
                              apr_table_get(x->query, "error_subcode"),
                              apr_table_get(x->query, "error_description"), x->r->pool);
    if (code == NULL || !*code || strlen(code) > LONGEST_CODE)
        return gt_err(x->r->pool, GT_INVALID, "GT0835", "the provider sent no code");
    own->code = (gt_flow_code_t){.code = gt_secret_from(code, x->r->pool),
                                 .verifier = gt_login_verifier(own->login, x->r->pool),
                                 .redirect_uri = gtm_redirect_uri(x)};
    own->sign_in = (gt_sign_in_t){.vault = x->child->vault,
                                  .key = gt_grant_key(x->store, &owner),
                                  .asker = &x->asker,
                                  .flow = &gt_flow_authorization_code,
                                  .params = &own->code,
                                  .nonce = gt_login_nonce(own->login, x->r->pool),
                                  .tenant = own->login->tenant,
                                  .may_ask_again = own->login->is_for == GT_LOGIN_SIGN_IN};
    gt_then_try(task, &gt_sign_in, &own->sign_in, &own->failure);
    return GT_OK;
}

/* A page of another program has brought the answer: it reads what came of it, and sends the browser
 * on by itself. */
static int is_brought(const gtm_request_t *x)
{
    return gt_provider_conf(x->provider)->redirect_uri != NULL && !gtm_answer_is_page(x->r);
}

/* The same sign-in once more: with a question for consent, or by the registration that the person's
 * tenant has to itself. The provider knows the person by now, and shows nothing else as a rule. */
static gt_err_t *move_on(gtm_request_t *x)
{
    callback_t *own = x->own;
    gt_err_t *err = gt_err_dup(own->failure, x->r->pool);
    gt_form_t *form = gt_form_make(x->r->pool);
    const char *link;

    err->tenant = own->sign_in.at_tenant;
    link = gtm_login_link(x, err);
    if (link == NULL || is_brought(x))
        return err;
    gt_form_add(form, "login_hint", own->sign_in.identity.email);
    link = gt_url_with_query(link, gt_form_text(form), x->r->pool);
    gtm_limit_give_back(x, GTM_LIMIT_CALLBACK);
    gtm_answer_redirect(x, HTTP_SEE_OTHER, link);
    return GT_OK;
}

static gt_err_t *end_callback(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    callback_t *own = x->own;
    const gt_grant_t *grant = own->sign_in.grant;
    const char *address;

    (void)task;
    if (own->sign_in.at_tenant != NULL || own->sign_in.needs_consent)
        return move_on(x);
    GT_TRY(own->failure);
    address = gtm_origin_address(x, x->target);
    if (!*address)
        address = default_address(x);
    if (x->caller.from == GT_CALLER_SESSION)
        GT_TRY(gtm_session_begin(x, grant, own->sign_in.identity.sid));
    gtm_limit_give_back(x, GTM_LIMIT_LOGIN);
    gtm_limit_give_back(x, GTM_LIMIT_CALLBACK);
    x->owner.user = x->caller.id = grant->owner.user;
    x->is_known = 1;
    gtm_caller_show(x);
    ap_log_rerror(
        APLOG_MARK, APLOG_DEBUG, 0, x->r, "user %s is signed in at %s: grant %s, goes on to %s",
        grant->owner.user, x->owner.provider, grant->id,
        *address ? apr_pstrmemdup(x->r->pool, address, strcspn(address, "?#")) : "a page of ours");
    if (*address && !is_brought(x))
        gtm_answer_redirect(x, HTTP_SEE_OTHER, address);
    else
        show_signed_in(x, grant, &own->sign_in.identity, address);
    return GT_OK;
}

static gt_step_fn *const callback_steps[] = {begin_callback, exchange_code, end_callback, NULL};
const gt_work_t gtm_callback = {"callback", callback_steps, NULL};
