/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file revoke.c
 * The end of a grant (mission A4): the row goes first, then the cache, and a moment later the
 * cache once more, because another call may have read the row before it went and have put its token
 * into the cache after we had emptied it. The provider is asked to revoke it, too (discard.c).
 */

#include "base/clock.h"
#include "vault/discard.h"
#include "vault/publish.h"
#include "vault/vault_struct.h"

#define SETTLES apr_time_from_msec(100)

static void announce(const gt_revoke_t *revoke, const gt_err_t *err)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REVOKE,
                             .store = revoke->key.store,
                             .provider = revoke->key.owner.provider,
                             .user = revoke->key.owner.user,
                             .asker = revoke->asker,
                             .err = err});
}

static gt_err_t *delete_row(gt_task_t *task, void *state)
{
    gt_revoke_t *revoke = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_grant_t *grant;
    gt_store_t *store;

    revoke->had_grant = 0;
    GT_TRY(gt_vault_exact(&revoke->key, revoke->vault, p));
    store = gt_vault_store(revoke->vault, revoke->key.store);
    /* A row that cannot be opened is deleted all the same. */
    if (gt_grant_find(&grant, store, &revoke->key.owner, p) != GT_OK)
        grant = NULL;
    GT_TRY(gt_grant_delete(&revoke->had_grant, store, &revoke->key.owner, p));
    gt_vault_forget(revoke->vault, &revoke->key, GT_ALL_GENERATIONS, p);
    if (revoke->had_grant && grant != NULL)
        gt_discard(revoke->vault, gt_vault_provider(revoke->vault, revoke->key.owner.provider),
                   grant->refresh, p);
    if (revoke->had_grant)
        announce(revoke, GT_OK);
    if (revoke->had_grant && revoke->vault->parts.cache != NULL)
        gt_await_time(task, gt_ticks() + SETTLES);
    else
        gt_done(task);
    return GT_OK;
}

static gt_err_t *forget_again(gt_task_t *task, void *state)
{
    gt_revoke_t *revoke = state;

    gt_vault_forget(revoke->vault, &revoke->key, GT_ALL_GENERATIONS, gt_task_pool(task));
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_revoke_t *revoke = state;

    (void)task;
    /* Once the row is gone the grant is revoked, also when the caller hangs up before the second
     * look. */
    if (err != GT_OK && !revoke->had_grant)
        announce(revoke, err);
}

static gt_step_fn *const revoke_steps[] = {delete_row, forget_again, NULL};
const gt_work_t gt_revoke = {"revoke", revoke_steps, finish};
