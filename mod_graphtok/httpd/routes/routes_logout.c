/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_logout.c
 * Sign-out: this browser's session ends on all nodes, and the grant stays. The route is a POST,
 * which passes the gate against cross-site requests: another site can sign no user out. With
 * provider=1 the browser goes on to the provider, whose session ends as well (OpenID Connect
 * RP-Initiated Logout 1.0), and comes back to a page of ours or the administrator's. No id_token
 * goes there: it would stand in an address. The page proves nothing, so that no state is needed.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "caller/session.h"
#include "oauth/logout.h"
#include "request/answer.h"
#include "request/own_origin.h"
#include "request/pages.h"
#include "routes/routes_auth.h"

typedef struct logout_t {
    const char *target; /* address to go on to; "": none */
    const char *hint;   /* for the provider, or NULL */
    int ended;
    int at_provider; /* 1: its session is to end, too */
    gt_discover_t discover;
} logout_t;

/* Where the browser goes: what the request says, else the administrator. */
static gt_err_t *take_target(logout_t *own, gtm_request_t *x)
{
    const char *given = apr_table_get(x->query, "return_to"), *target;

    GT_TRY(gtm_origin_return_to(&target, x, given != NULL ? given : ""));
    if (!*target && x->dir->logout_return_to != NULL)
        target = x->dir->logout_return_to;
    own->target = gtm_origin_address(x, target);
    return GT_OK;
}

static gt_err_t *end_session(logout_t *own, gtm_request_t *x)
{
    const gtm_session_t *session = x->session;
    const gt_owner_t owner = {session != NULL ? session->user : "", x->owner.provider};

    if (own->at_provider && session != NULL)
        GT_TRY(gt_grant_logout_hint(&own->hint, session->name.grant, &owner, x->store, x->r->pool));
    GT_TRY(gtm_session_sign_out(&own->ended, x));
    gtm_session_forget(x);
    return GT_OK;
}

static gt_err_t *sign_out(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const char *provider = apr_table_get(x->query, "provider");
    logout_t *own = apr_pcalloc(x->r->pool, sizeof(*own));

    x->own = own;
    own->at_provider = provider != NULL && strcmp(provider, "1") == 0;
    GT_TRY(gtm_origin_find(x));
    GT_TRY(take_target(own, x));
    if (x->dir->caller_from == GT_CALLER_SESSION)
        GT_TRY(end_session(own, x));
    own->discover.provider = x->provider;
    if (own->at_provider)
        gt_then(task, &gt_discover, &own->discover);
    return GT_OK;
}

/* A form of a page is sent on to an address; a script reads the outcome. */
static gt_err_t *answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const logout_t *own = x->own;
    const char *address = own->target, *url = NULL;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    if (own->at_provider) {
        if (!*address)
            address = apr_pstrcat(x->r->pool, x->base, x->mount->path, "/logout/done", NULL);
        url = gt_logout_url(&own->discover.endpoints, gt_provider_conf(x->provider), own->hint,
                            address, x->r->pool);
        address = url != NULL ? url : own->target;
    }
    if (gtm_answer_is_form(x->r) && *address) {
        gtm_answer_redirect(x, HTTP_SEE_OTHER, address);
        return GT_OK;
    }
    if (gtm_answer_is_form(x->r)) {
        gtm_answer_page(x, HTTP_OK, gtm_page_signed_out(x));
        return GT_OK;
    }
    gt_json_set(value, "status", own->ended > 0 ? "signed_out" : "none");
    if (url != NULL)
        gt_json_set(value, "logout_url", url);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_err_t *show_done(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;

    (void)task;
    GT_TRY(gtm_origin_find(x));
    gtm_answer_page(x, HTTP_OK, gtm_page_signed_out(x));
    return GT_OK;
}

static gt_step_fn *const logout_steps[] = {sign_out, answer, NULL};
const gt_work_t gtm_logout = {"logout", logout_steps, NULL};

static gt_step_fn *const done_steps[] = {show_done, NULL};
const gt_work_t gtm_logout_done = {"signed out", done_steps, NULL};
