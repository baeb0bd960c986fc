/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file state_cookie.c
 * Names: graphtok-s-<µs since 1970, 14 hex digits>-<hash of the state, 16>. A version before this
 * one wrote seconds, 8 digits; a sign-in that it began is finished by this one.
 */

#include "caller/state_cookie.h"

#include <apr_strings.h>

#include "base/text.h"
#include "caller/cookies.h"
#include "net/url.h"
#include "vault/cache.h"

#define STEM GTM_COOKIE_STEM "s-"
#define HASH_DIGITS ((apr_size_t)GTM_STATE_HASH_DIGITS)
#define TARGET_BYTES 800 /* of a target in a cookie: three such sign-ins fit */

/** A sign-in that a cookie of the browser holds. */
typedef struct state_t {
    gtm_cookie_t cookie;
    apr_time_t began;
} state_t;

static const char *hash_of(const char *state, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, state, strlen(state));
    return gt_hex(digest, HASH_DIGITS / 2, p);
}

/* When the sign-in of a cookie began; -1: the cookie is no sign-in's. */
static apr_time_t began_at(const char *name, const char *stem)
{
    apr_size_t len = strlen(name), stem_len = strlen(stem);
    apr_size_t digits = len > stem_len + HASH_DIGITS ? len - stem_len - HASH_DIGITS - 1 : 0;
    apr_int64_t began;
    char *end;

    if (strncmp(name, stem, stem_len) != 0 ||
        (digits != GTM_STATE_SECONDS_DIGITS && digits != GTM_STATE_MICROS_DIGITS))
        return -1;
    began = apr_strtoi64(name + stem_len, &end, 16);
    if (end != name + stem_len + digits || *end != '-' || began < 0)
        return -1;
    return digits == GTM_STATE_SECONDS_DIGITS ? apr_time_from_sec(began) : began;
}

static int by_age(const void *a, const void *b)
{
    const state_t *one = a, *other = b;

    return one->began < other->began ? -1 : one->began > other->began;
}

/* The oldest first. */
static apr_array_header_t *find_all(const gtm_request_t *x)
{
    const char *stem = gtm_cookie_name(x, STEM);
    apr_array_header_t *all = gtm_cookies(x->r);
    apr_array_header_t *states = apr_array_make(x->r->pool, 4, sizeof(state_t));

    for (int i = 0; i < all->nelts; i++) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(all, i, gtm_cookie_t);
        apr_time_t began = began_at(cookie->name, stem);

        if (began >= 0)
            APR_ARRAY_PUSH(states, state_t) = (state_t){*cookie, began};
    }
    if (states->nelts > 1)
        qsort(states->elts, (size_t)states->nelts, sizeof(state_t), by_age);
    return states;
}

/* The bytes of a cookie in the Cookie field. */
static apr_size_t bytes_of(const char *name, const char *value)
{
    return strlen(name) + strlen(value) + sizeof("=; ") - 1;
}

/* Delete the oldest until there is room for `bytes` more. */
static void make_room(gtm_request_t *x, apr_size_t bytes)
{
    apr_array_header_t *states = find_all(x);
    int first = 0;

    for (int i = 0; i < states->nelts; i++) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(states, i, state_t).cookie;

        bytes += bytes_of(cookie->name, cookie->value);
    }
    while (first < states->nelts &&
           (bytes > GTM_STATES_BYTES || states->nelts - first >= GTM_MOST_STATES)) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(states, first++, state_t).cookie;

        bytes -= bytes_of(cookie->name, cookie->value);
        gtm_cookie_set(x, cookie->name, "", 0);
    }
}

/* A long target goes to shared memory, where the login's own name finds it again. */
static void move_target(const gtm_request_t *x, gt_login_t *login)
{
    gt_cache_t *cache = gt_vault_parts(x->child->vault)->cache;

    if (strlen(login->return_to) <= TARGET_BYTES)
        return;
    login->return_to =
        cache != NULL && gt_cache_keep_text(cache, gt_login_kept_name(login, x->r->pool),
                                            login->return_to, x->child->config->state_time)
            ? GT_RETURN_KEPT
            : "";
}

gt_err_t *gtm_state_keep(gtm_request_t *x, const gt_login_t *login)
{
    apr_pool_t *p = x->r->pool;
    gt_login_t kept = *login;
    const char *sealed, *name;

    move_target(x, &kept);
    GT_TRY(gt_login_seal(&sealed, &kept, gt_store_ring(x->store), p));
    name = apr_psprintf(p, "%s%014" APR_UINT64_T_HEX_FMT "-%s", gtm_cookie_name(x, STEM),
                        (apr_uint64_t)login->started, hash_of(gt_login_state(login, p), p));
    make_room(x, bytes_of(name, sealed));
    gtm_cookie_set(x, name, sealed, apr_time_sec(x->child->config->state_time));
    return GT_OK;
}

const char *gtm_state_take(gtm_request_t *x, const char *state)
{
    apr_array_header_t *states = find_all(x);
    const char *hash = hash_of(state, x->r->pool);

    for (int i = 0; i < states->nelts; i++) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(states, i, state_t).cookie;

        if (strcmp(cookie->name + strlen(cookie->name) - HASH_DIGITS, hash) != 0)
            continue;
        gtm_cookie_set(x, cookie->name, "", 0);
        return cookie->value;
    }
    return NULL;
}

const char *gtm_state_target(const gtm_request_t *x, const gt_login_t *login)
{
    gt_cache_t *cache = gt_vault_parts(x->child->vault)->cache;
    const char *kept = NULL;

    if (strcmp(login->return_to, GT_RETURN_KEPT) != 0)
        return login->return_to;
    if (cache != NULL)
        kept = gt_cache_text(cache, gt_login_kept_name(login, x->r->pool), x->r->pool);
    return kept != NULL && gt_is_local_path(kept) ? kept : "";
}
