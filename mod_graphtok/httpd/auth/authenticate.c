/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The hook answers by itself, as the module's routes do, and returns DONE: the answer that was
 * written must never be followed by what it protects. Sub-requests, and the pages that
 * ErrorDocument names, get the bare status, and httpd goes on.
 */

#include "auth/authenticate.h"

#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "caller/bearer_token.h"
#include "caller/caller.h"
#include "child/signals.h"
#include "config/mounts.h"
#include "park/blocking.h"
#include "request/answer.h"
#include "request/own_origin.h"
#include "request/target.h"

#define TYPE "GraphTok"

static const gtm_route_t authentication = {.name = "authentication", .limit = GTM_LIMIT_NONE};

static int is_ours(const char *type)
{
    return type != NULL && strcasecmp(type, TYPE) == 0;
}

/* The location's settings, but for the source of its caller. */
static const gtm_dir_t *settings_of(const gtm_request_t *x)
{
    gtm_dir_t *dir = apr_pmemdup(x->r->pool, x->dir, sizeof(*dir));

    if (dir->use_jwt != NULL)
        dir->caller_jwt = dir->use_jwt;
    dir->caller_from = dir->use_jwt != NULL || dir->caller_from == GT_CALLER_JWT
                           ? GT_CALLER_JWT
                           : GT_CALLER_SESSION;
    return dir;
}

static gt_err_t *find_by_token(gtm_request_t *x)
{
    gt_err_t *err;

    GT_TRY(gtm_caller_find(x));
    if (x->bearer_waits) {
        x->bearer_waits = 0;
        err = gtm_blocking_run(x, &gt_check_bearer, x->bearer);
        if (err != GT_OK)
            return gtm_bearer_refused(x, err);
        GT_TRY(gtm_caller_find(x));
    }
    x->is_known = 1;
    /* A browser sends a cookie along with the requests that other sites make. */
    return x->bearer_in_cookie ? gtm_origin_check(x) : GT_OK;
}

/* The path of the sign-in that a request is a part of, or NULL. httpd has chosen no handler yet. */
static const char *sign_in_of(const request_rec *r)
{
    const gtm_mount_t *mount = gtm_mount(r);
    const char *rest;

    if (mount == NULL || strcmp(mount->handler, "graphtok-auth") != 0)
        return NULL;
    rest = r->uri + strlen(mount->path);
    return strcmp(rest, "") == 0 || strcmp(rest, "/") == 0 || gtm_mounts_is_below(rest, "/login") ||
                   gtm_mounts_is_below(rest, "/callback")
               ? mount->path
               : NULL;
}

/* A browser without a session would be sent to the sign-in, and from there once more. */
static gt_err_t *refuse_at_sign_in(gtm_request_t *x, gt_err_t *err)
{
    const char *path = err != GT_OK && err->cls == GT_SIGN_IN ? sign_in_of(x->r) : NULL;

    if (path == NULL)
        return err;
    return gt_err(x->r->pool, GT_INTERNAL, "GT0896",
                  "the sign-in at %s stands behind AuthType GraphTok, which lets in users with a "
                  "session alone: write Require all granted in its <Location>",
                  path);
}

static gt_err_t *find_by_session(gtm_request_t *x)
{
    GT_TRY(gtm_find_target(x));
    GT_TRY(gtm_origin_check(x));
    GT_TRY(gtm_caller_find(x));
    return gtm_caller_confirm(x);
}

static gt_err_t *identify(gtm_request_t *x)
{
    sigset_t before;
    gt_err_t *err;

    gtm_signals_hold(&before, x->child);
    err = gtm_caller_name(x);
    if (err == GT_OK)
        err = x->dir->caller_from == GT_CALLER_JWT ? find_by_token(x)
                                                   : refuse_at_sign_in(x, find_by_session(x));
    gtm_signals_release(&before, x->child);
    return err;
}

static int must_not_answer(const request_rec *r)
{
    return r->main != NULL || (r->prev != NULL && ap_is_HTTP_ERROR(r->prev->status));
}

static int refuse(gtm_request_t *x, const gt_err_t *err)
{
    if (must_not_answer(x->r))
        return gt_err_status(err);
    ap_run_insert_error_filter(x->r);
    gtm_answer_error(x, err);
    gtm_answer_send(x);
    return DONE;
}

int gtm_authenticate(request_rec *r)
{
    gtm_request_t *x;
    gt_err_t *err;

    if (!is_ours(ap_auth_type(r)))
        return DECLINED;
    r->ap_auth_type = (char *)TYPE;
    x = gtm_request_make(r);
    if (x == NULL)
        return HTTP_SERVICE_UNAVAILABLE;
    x->route = &authentication;
    x->dir = settings_of(x);
    x->caller.from = x->dir->caller_from;
    err = identify(x);
    if (err != GT_OK)
        return refuse(x, err);
    r->user = apr_pstrdup(r->pool, x->caller.id);
    gtm_kept(r)->caller = apr_pmemdup(r->pool, &x->caller, sizeof(x->caller));
    /* An application's answer to it is this user's alone. */
    r->no_cache = 1;
    return OK;
}

/* RFC 6750 section 3.1: the token is good, and not for this. */
int gtm_note_auth_failure(request_rec *r, const char *auth_type)
{
    const gtm_kept_t *own = gtm_kept_find(r);
    int has_token = own != NULL && own->caller != NULL && own->caller->from == GT_CALLER_JWT;

    if (!is_ours(auth_type))
        return DECLINED;
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   has_token ? "Bearer realm=\"graphtok\", error=\"insufficient_scope\""
                             : "Bearer realm=\"graphtok\"");
    return OK;
}
