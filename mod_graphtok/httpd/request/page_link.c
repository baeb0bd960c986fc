/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file page_link.c
 * Sealed with the cookies' key; the place is the realm, the store and the route, not a table. Names
 * of stores hold no blanks.
 */

#include "request/page_link.h"

#include <apr_strings.h>

#include "base/secret.h"
#include "crypt/seal.h"
#include "graph/next_link.h"
#include "graph/prefer.h"
#include "net/url.h"
#include "request/own_origin.h"
#include "request/realm.h"
#include "translate/ask.h"

#define LONGEST_PAGE 12288

static gt_place_t place_of(const gtm_request_t *x)
{
    const char *other = x->group != NULL ? x->group : x->mailbox;

    return (gt_place_t){
        .table = apr_pstrcat(x->r->pool, "page of ", x->dir->store, " at ", gtm_realm(x), NULL),
        .column = apr_pstrcat(x->r->pool, x->route->name, other != NULL ? " " : "", other, NULL),
        .user = x->owner.user,
        .provider = x->owner.provider};
}

static const char *base_of(const gtm_request_t *x)
{
    return gt_calendar_base(gt_provider_conf(x->provider));
}

/* Preferences are told in a header, so Graph's own link does not hold them. */
static const char *page_query(const gtm_request_t *x, const char *sealed)
{
    gt_form_t *form = gt_form_make(x->r->pool);

    gt_form_add(form, "page", sealed);
    for (int i = 0; gt_preferences[i].name; i++)
        gt_form_add(form, gt_preferences[i].name, apr_table_get(x->query, gt_preferences[i].name));
    return gt_form_text(form);
}

gt_err_t *gtm_page_link(const char **ours, void *baton, const char *next_link, apr_pool_t *p)
{
    gtm_request_t *x = baton;
    const char *url, *sealed;
    gt_place_t place;

    GT_TRY(gt_next_link(&url, next_link, base_of(x), x->r->pool));
    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    GT_TRY(gt_seal(&sealed, gt_store_ring(x->store), GT_KEY_COOKIE, GT_AES_256_GCM, &place,
                   gt_secret_from(url, x->r->pool), x->r->pool));
    *ours = gt_url_with_query(apr_pstrcat(p, x->base, x->r->uri, NULL), page_query(x, sealed), p);
    return GT_OK;
}

gt_err_t *gtm_page_open(const char **next_link, gtm_request_t *x, const char *page)
{
    gt_secret_t *clear;
    gt_place_t place;
    gt_err_t *err;

    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    if (strlen(page) <= LONGEST_PAGE && gt_unseal(&clear, gt_store_ring(x->store), GT_KEY_COOKIE,
                                                  &place, page, x->r->pool) == GT_OK) {
        *next_link = gt_secret_text(clear);
        if (gt_url_is_below(*next_link, base_of(x), x->r->pool))
            return GT_OK;
    }
    err = gt_err(x->r->pool, GT_INVALID, "GT0836", "this page is not known");
    gt_err_field(err, "page", "the link of an answer of this route, unchanged");
    return err;
}
