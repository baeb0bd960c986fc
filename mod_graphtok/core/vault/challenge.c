/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file challenge.c
 * Of a storm of calls with the same refused token, the first one to come changes the row, and all
 * of them join one refresh. A token that came by a refresh with demands leaves none in the row: if
 * it is challenged in turn, another refresh would be the beginning of a circle.
 */

#include "vault/challenge.h"

#include "base/clock.h"
#include "base/log.h"
#include "oauth/claims.h"
#include "vault/publish.h"
#include "vault/history.h"
#include "vault/vault_struct.h"

#define REFRESHES_MAX 2 /* of one call: the first may have begun before the demands were known */

static void announce(const gt_challenge_t *challenge, gt_store_t *store, const char *next,
                     apr_pool_t *p)
{
    const gt_grant_key_t *key = &challenge->key->grant;
    const gt_notice_t notice = {.kind = GT_NOTICE_CHALLENGE,
                                .store = key->store,
                                .provider = key->owner.provider,
                                .user = key->owner.user,
                                .asker = challenge->asker,
                                .detail = next};

    gt_notice(&notice);
    gt_history_note(store, &notice, p);
}

/** 1 when another call's challenge has changed the row already. */
static int is_noted(const gt_grant_t *grant)
{
    return grant->claims != NULL && grant->expires_at <= gt_now();
}

gt_err_t *gt_vault_challenged(gt_remedy_t *remedy, gt_vault_t *vault,
                              const gt_challenge_t *challenge, apr_pool_t *p)
{
    const gt_token_key_t *key = challenge->key;
    gt_store_t *store = gt_vault_store(vault, key->grant.store);
    gt_grant_t *grant;
    int is_circle, noted;

    *remedy = GT_REMEDY_NEWER;
    gt_vault_forget(vault, &key->grant, challenge->refused, p);
    GT_TRY(gt_vault_find(&grant, vault, key, 1, p));
    /* The refresh will tell how the grant has changed meanwhile. */
    if (grant == NULL || grant->status == GT_INACTIVE ||
        grant->access_generation > challenge->refused)
        return GT_OK;
    is_circle = challenge->refreshes > 0 &&
                (grant->claims == NULL || challenge->refreshes >= REFRESHES_MAX);
    *remedy = is_circle ? GT_REMEDY_SIGN_IN : GT_REMEDY_REFRESH;
    gt_vault_forget(vault, &key->grant, grant->generation, p);
    if (is_noted(grant) && !is_circle)
        return GT_OK;
    GT_TRY(gt_grant_challenged(store, grant, challenge->refusal->claims, p));
    announce(challenge, store, is_circle ? "sign-in" : "refresh", p);
    if (!is_circle)
        return GT_OK;
    return gt_grant_failed(&noted, store, grant, challenge->refusal, GT_EFFECT_INTERACT, p);
}

const char *gt_vault_demands(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p)
{
    gt_grant_t *grant;
    gt_err_t *err = gt_grant_find(&grant, gt_vault_store(vault, key->store), &key->owner, p);

    if (err != GT_OK) {
        gt_log(GT_LOG_DEBUG, NULL, "the demands on the sign-in of user %s are not known: %s (%s)",
               key->owner.user, err->detail, err->tag);
        return NULL;
    }
    return grant != NULL ? gt_claims_read(grant->claims, p) : NULL;
}
