/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file state_cookie.c Names: graphtok-s-<seconds, 8 hex digits>-<hash of the state, 16>. */

#include "state_cookie.h"

#include <apr_strings.h>

#include "base/text.h"
#include "cookies.h"

#define STEM "graphtok-s-"
#define TIME_DIGITS 8
#define HASH_BYTES 8

static const char *hash_of(const char *state, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, state, strlen(state));
    return gt_hex(digest, HASH_BYTES, p);
}

/* A state cookie's name ends well for us: stem, time, '-', hash. */
static int is_state_name(const char *name, const char *stem)
{
    apr_size_t len = strlen(stem);

    return strncmp(name, stem, len) == 0 &&
           strlen(name) == len + TIME_DIGITS + 1 + (apr_size_t)HASH_BYTES * 2;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gtm_cookie_t *)a)->name, ((const gtm_cookie_t *)b)->name);
}

/* Names begin with the time, so they sort by age. */
static apr_array_header_t *find_all(gtm_exchange_t *x)
{
    const char *stem = gtm_cookie_name(x, STEM);
    apr_array_header_t *all = gtm_cookies(x->r);
    apr_array_header_t *states = apr_array_make(x->r->pool, 4, sizeof(gtm_cookie_t));

    for (int i = 0; i < all->nelts; i++)
        if (is_state_name(APR_ARRAY_IDX(all, i, gtm_cookie_t).name, stem))
            APR_ARRAY_PUSH(states, gtm_cookie_t) = APR_ARRAY_IDX(all, i, gtm_cookie_t);
    if (states->nelts > 1)
        qsort(states->elts, (size_t)states->nelts, sizeof(gtm_cookie_t), by_name);
    return states;
}

gt_err_t *gtm_state_keep(gtm_exchange_t *x, const gt_login_t *login)
{
    apr_pool_t *p = x->r->pool;
    apr_array_header_t *states = find_all(x);
    const char *sealed;

    GT_TRY(gt_login_seal(&sealed, login, gt_vault_parts(x->child->vault)->ring, p));
    for (int i = 0; i <= states->nelts - GTM_MOST_STATES; i++)
        gtm_cookie_set(x, APR_ARRAY_IDX(states, i, gtm_cookie_t).name, "", 0);
    gtm_cookie_set(x,
                   apr_psprintf(p, "%s%08x-%s", gtm_cookie_name(x, STEM),
                                (unsigned)apr_time_sec(login->started),
                                hash_of(gt_login_state(login, p), p)),
                   sealed, apr_time_sec(x->child->config->state_time));
    return GT_OK;
}

const char *gtm_state_take(gtm_exchange_t *x, const char *state)
{
    apr_array_header_t *states = find_all(x);
    const char *hash = hash_of(state, x->r->pool);

    for (int i = 0; i < states->nelts; i++) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(states, i, gtm_cookie_t);

        if (strcmp(cookie->name + strlen(cookie->name) - HASH_BYTES * 2, hash) != 0)
            continue;
        gtm_cookie_set(x, cookie->name, "", 0);
        return cookie->value;
    }
    return NULL;
}
