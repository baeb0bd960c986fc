/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file session.c The clear text is "<end, Unix seconds> <user>". */

#include "session.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "cookies.h"
#include "crypt/seal.h"
#include "origin.h"

#define LONGEST_COOKIE 3500

/* Two mounts of one host with other stores keep their sessions apart. */
static const char *name_of(const gtm_exchange_t *x)
{
    unsigned char digest[32];
    const char *bound =
        apr_pstrcat(x->r->pool, x->base, "\n", x->dir->store, "\n", x->owner.provider, NULL);

    gt_sha256(digest, bound, strlen(bound));
    return gtm_cookie_name(
        x, apr_pstrcat(x->r->pool, "graphtok-", gt_hex(digest, 4, x->r->pool), NULL));
}

static gt_place_t place_of(const gtm_exchange_t *x)
{
    return (gt_place_t){.table = "session",
                        .column = x->base,
                        .user = x->dir->store,
                        .provider = x->owner.provider};
}

gt_err_t *gtm_session_read(gtm_exchange_t *x)
{
    const gt_keyring_t *ring = gt_vault_parts(x->child->vault)->ring;
    gt_place_t place;
    gt_secret_t *clear;
    const char *sealed, *text, *user;
    apr_int64_t end;

    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    sealed = gtm_cookie_get(x->r, name_of(x));
    if (!sealed || strlen(sealed) > LONGEST_COOKIE)
        return GT_OK;
    /* A cookie that cannot be opened is no session, whatever the reason. */
    if (gt_unseal(&clear, ring, GT_KEY_COOKIE, &place, sealed, x->r->pool))
        return GT_OK;
    text = gt_secret_text(clear);
    user = strchr(text, ' ');
    if (!user || !gt_number(&end, apr_pstrmemdup(x->r->pool, text, (apr_size_t)(user - text)), 0,
                            APR_INT64_MAX))
        return GT_OK;
    if (end > apr_time_sec(gt_now()) && user[1])
        x->session = apr_pstrdup(x->r->pool, user + 1);
    return GT_OK;
}

gt_err_t *gtm_session_begin(gtm_exchange_t *x, const char *user)
{
    const gt_keyring_t *ring = gt_vault_parts(x->child->vault)->ring;
    apr_int64_t age = apr_time_sec(x->child->config->session_time);
    gt_place_t place = place_of(x);
    gt_secret_t *clear = gt_secret_from(
        apr_psprintf(x->r->pool, "%" APR_INT64_T_FMT " %s", apr_time_sec(gt_now()) + age, user),
        x->r->pool);
    const char *sealed;

    GT_TRY(gt_seal(&sealed, ring, GT_KEY_COOKIE, GT_AES_256_GCM, &place, clear, x->r->pool));
    gtm_cookie_set(x, name_of(x), sealed, age);
    return GT_OK;
}

void gtm_session_end(gtm_exchange_t *x)
{
    gtm_cookie_set(x, name_of(x), "", 0);
}
