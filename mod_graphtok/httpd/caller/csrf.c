/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file csrf.c A token is the second of its making, sealed (AES-256-GCM) for its place: a tag that
 * does not verify, in constant time, is none of ours or another administrator's. */

#include "caller/csrf.h"

#include <apr_strings.h>
#include <httpd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/seal.h"
#include "request/own_origin.h"
#include "request/realm.h"

#define LIFE (12 * 3600) /* s */
#define CLOCKS_APART 300 /* s, of two nodes */
#define LONGEST_TOKEN 512

static gt_place_t place_of(const gtm_request_t *x)
{
    return (gt_place_t){.table = "token of a page",
                        .column = gtm_realm(x),
                        .user = x->dir->store,
                        .provider = x->caller.id};
}

gt_err_t *gtm_csrf_make(const char **token, gtm_request_t *x)
{
    gt_secret_t *clear = gt_secret_from(
        apr_psprintf(x->r->pool, "%" APR_INT64_T_FMT, apr_time_sec(gt_now())), x->r->pool);
    gt_place_t place;

    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    return gt_seal(token, gt_store_ring(x->store), GT_KEY_COOKIE, GT_AES_256_GCM, &place, clear,
                   x->r->pool);
}

static gt_err_t *refuse(const gtm_request_t *x, const char *tag, const char *why)
{
    return gt_err(x->r->pool, GT_FORBIDDEN, tag,
                  "%s: reload the page of administration and act from there", why);
}

static int changes_something(const request_rec *r)
{
    return r->method_number != M_GET && r->method_number != M_OPTIONS;
}

gt_err_t *gtm_csrf_check(gtm_request_t *x)
{
    const char *token = apr_table_get(x->r->headers_in, GTM_CSRF_HEADER);
    apr_int64_t made, now = apr_time_sec(gt_now());
    gt_secret_t *clear;
    gt_place_t place;

    if (gtm_route_set_find(x->r->handler)->api == NULL || !changes_something(x->r))
        return GT_OK;
    if (token == NULL && x->form != NULL)
        token = apr_table_get(x->form, GTM_CSRF_FIELD);
    if (token == NULL)
        return refuse(x, "GT1250", "the request lacks the token of a page (" GTM_CSRF_HEADER ")");
    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    if (strlen(token) > LONGEST_TOKEN ||
        gt_unseal(&clear, gt_store_ring(x->store), GT_KEY_COOKIE, &place, token, x->r->pool) !=
            GT_OK ||
        !gt_number(&made, gt_secret_text(clear), 0, now + CLOCKS_APART))
        return refuse(x, "GT1251",
                      "the token of the page is not this administrator's, or of another place");
    return made + LIFE > now ? GT_OK : refuse(x, "GT1252", "the page is older than 12 hours");
}
