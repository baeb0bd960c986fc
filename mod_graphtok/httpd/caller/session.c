/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file session.c
 * The clear text is "<end, Unix seconds> <id of the grant> <user>". Cookies of a version that knew
 * no grants have another name, so that both versions can serve side by side.
 */

#include "caller/session.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "caller/cookies.h"
#include "crypt/seal.h"
#include "request/own_origin.h"
#include "request/realm.h"

#define LONGEST_COOKIE 3500

/* Two mounts of one host with other stores keep their sessions apart. */
static const char *name_of(const gtm_request_t *x)
{
    unsigned char digest[32];
    const char *bound = apr_pstrcat(x->r->pool, "grant\n", gtm_realm(x), "\n", x->dir->store, "\n",
                                    x->owner.provider, NULL);

    gt_sha256(digest, bound, strlen(bound));
    return gtm_cookie_name(x,
                           apr_pstrcat(x->r->pool, GTM_COOKIE_STEM,
                                       gt_hex(digest, GTM_SESSION_DIGITS / 2, x->r->pool), NULL));
}

static gt_place_t place_of(const gtm_request_t *x)
{
    return (gt_place_t){.table = "session of a grant",
                        .column = gtm_realm(x),
                        .user = x->dir->store,
                        .provider = x->owner.provider};
}

/* What is not as it was written is no session. */
static void read_clear(gtm_request_t *x, const char *text)
{
    apr_pool_t *p = x->r->pool;
    const char *grant = strchr(text, ' ');
    const char *user = grant != NULL ? strchr(grant + 1, ' ') : NULL;
    apr_int64_t end;

    if (user == NULL || !user[1] ||
        !gt_number(&end, apr_pstrmemdup(p, text, (apr_size_t)(grant - text)), 0, APR_INT64_MAX) ||
        end <= apr_time_sec(gt_now()))
        return;
    x->caller.id = apr_pstrdup(p, user + 1);
    x->session_grant = apr_pstrmemdup(p, grant + 1, (apr_size_t)(user - grant - 1));
}

gt_err_t *gtm_session_read(gtm_request_t *x)
{
    const gt_keyring_t *ring = gt_vault_parts(x->child->vault)->ring;
    gt_place_t place;
    gt_secret_t *clear;
    const char *sealed;

    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    sealed = gtm_cookie_get(x->r, name_of(x));
    if (sealed == NULL || strlen(sealed) > LONGEST_COOKIE)
        return GT_OK;
    /* A cookie that cannot be opened is no session, for any reason. */
    if (gt_unseal(&clear, ring, GT_KEY_COOKIE, &place, sealed, x->r->pool) == GT_OK)
        read_clear(x, gt_secret_text(clear));
    return GT_OK;
}

gt_err_t *gtm_session_begin(gtm_request_t *x, const gt_grant_t *grant)
{
    const gt_keyring_t *ring = gt_vault_parts(x->child->vault)->ring;
    apr_int64_t age = apr_time_sec(x->child->config->session_time);
    gt_place_t place = place_of(x);
    gt_secret_t *clear =
        gt_secret_from(apr_psprintf(x->r->pool, "%" APR_INT64_T_FMT " %s %s",
                                    apr_time_sec(gt_now()) + age, grant->id, grant->owner.user),
                       x->r->pool);
    const char *sealed;

    GT_TRY(gt_seal(&sealed, ring, GT_KEY_COOKIE, GT_AES_256_GCM, &place, clear, x->r->pool));
    gtm_cookie_set(x, name_of(x), sealed, age);
    return GT_OK;
}

void gtm_session_end(gtm_request_t *x)
{
    gtm_cookie_set(x, name_of(x), "", 0);
}
