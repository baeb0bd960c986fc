/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Giving applications the caller's token. A token is given to one request at one place, for as long
 * as the request is handled. Sub-requests inherit header fields and variables from their main
 * request: one that goes to a place with other settings must not have them.
 */

#include "pass/pass.h"

#include <string.h>

#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "base/clock.h"
#include "caller/caller.h"
#include "config/given_names.h"
#include "config/route_set.h"
#include "pass/strip.h"
#include "pass/token_request.h"
#include "request/answer.h"

APLOG_USE_MODULE(graphtok);

/** 1 when something of ours was given to a request. */
static int was_given(const request_rec *r)
{
    const gtm_kept_t *own = gtm_kept_find(r);

    return own != NULL && own->given != NULL;
}

static void give(request_rec *r, const gtm_dir_t *dir, gtm_pass_part_t part, const char *value)
{
    int is_variable = dir->pass_to == GTM_PASS_ENV;
    apr_table_t *table = is_variable ? r->subprocess_env : r->headers_in;
    const char *name = gtm_given_name(dir->pass_name, part, is_variable, r->pool);

    apr_table_setn(table, name, value);
    gtm_kept(r)->given = dir;
}

/** Requests that have no application behind them, or none that may see a token. */
static int is_exempt(const request_rec *r)
{
    /* TRACE would show it to the client; a forward proxy would send it anywhere. */
    if (r->method_number == M_TRACE || r->proxyreq == PROXYREQ_PROXY)
        return 1;
    /* mod_rewrite redirects at once: the settings of the new place count. */
    if (r->handler != NULL && strcmp(r->handler, "redirect-handler") == 0)
        return 1;
    /* An error's page must not fail itself. */
    if (r->prev != NULL && ap_is_HTTP_ERROR(r->prev->status))
        return 1;
    return gtm_route_is_set(r->handler);
}

/** Answer instead of the application. */
static int refuse(gtm_request_t *x, const gt_err_t *err)
{
    x->stays = x->dir->pass_missing == GTM_MISSING_REFUSE;
    /* `Header always set` holds for this answer, too. */
    ap_run_insert_error_filter(x->r);
    gtm_answer_error(x, err);
    gtm_answer_send(x);
    return DONE;
}

/** The application is asked without a token, and told why. */
static int go_without(gtm_request_t *x, const gt_err_t *err)
{
    const gt_class_row_t *row = gt_class_row(err->cls);

    if (err->cls != GT_SIGN_IN)
        ap_log_rerror(APLOG_MARK, gt_err_level(err), 0, x->r,
                      "%s: the application gets no token: %s", err->tag, err->detail);
    give(x->r, x->dir, GTM_PART_REASON, row->name);
    if (x->is_known && err->cls != GT_FORBIDDEN)
        give(x->r, x->dir, GTM_PART_USER, x->owner.user);
    return OK;
}

static int pass(gtm_request_t *x)
{
    const gtm_dir_t *dir = x->dir;
    request_rec *r = x->r;
    gt_token_for_t params;
    const char *text;
    gt_err_t *err = gtm_token_request_token(&text, x, &params);

    gtm_caller_show(x);
    if (err != GT_OK)
        return dir->pass_missing == GTM_MISSING_NONE ? go_without(x, err) : refuse(x, err);
    give(r, dir, GTM_PART_TOKEN, text);
    give(r, dir, GTM_PART_EXPIRES, gt_rfc3339(params.token.expires_at, r->pool));
    give(r, dir, GTM_PART_USER, params.key.grant.owner.user);
    return OK;
}

/** 1 when both texts are the same, or both are NULL. */
static int is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/** 1 when two places are given the same token in the same way. */
static int are_alike(const gtm_dir_t *a, const gtm_dir_t *b)
{
    return a->pass_to == b->pass_to && a->caller_from == b->caller_from &&
           is_same(a->pass_name, b->pass_name) && is_same(a->caller_name, b->caller_name) &&
           is_same(a->caller_text, b->caller_text) && is_same(a->caller_jwt, b->caller_jwt) &&
           is_same(a->provider, b->provider) && is_same(a->store, b->store) &&
           is_same(a->account, b->account);
}

/** A sub-request is given nothing of its own; it keeps what it inherits where that is the same. */
static void part(request_rec *r)
{
    const request_rec *top = r->main;
    const gtm_dir_t *dir = gtm_dir(r);

    while (top->main != NULL)
        top = top->main;
    if (was_given(top) && (dir == NULL || !are_alike(dir, gtm_dir(r->main))))
        gtm_strip(r);
}

int gtm_pass(request_rec *r)
{
    const gtm_dir_t *dir = gtm_dir(r);
    gtm_request_t *x;

    if (r->main != NULL) {
        part(r);
        return DECLINED;
    }
    if (dir == NULL || dir->pass_to <= GTM_PASS_OFF || is_exempt(r))
        return DECLINED;
    /* The application's answer is for this caller alone. */
    r->no_cache = 1;
    x = gtm_request_beside(r);
    if (x == NULL)
        return dir->pass_missing == GTM_MISSING_NONE ? DECLINED : HTTP_SERVICE_UNAVAILABLE;
    return pass(x);
}

int gtm_pass_forget(request_rec *r)
{
    while (r->prev != NULL)
        r = r->prev;
    for (; r != NULL; r = r->next) {
        if (was_given(r))
            gtm_strip(r);
    }
    return DECLINED;
}
