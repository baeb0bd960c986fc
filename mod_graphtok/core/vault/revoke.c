/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * An administrator's or the user's verdict on a grant: the row is deleted or
 * deactivated first, then the cache forgets, and a moment later once more, because another call
 * may have read the row before and have put its token into the cache after the cache had
 * forgotten. A provider is asked to revoke the tokens of a deleted grant, too (discard.c).
 */

#include "base/clock.h"
#include "vault/discard.h"
#include "vault/publish.h"
#include "vault/history.h"
#include "vault/vault_struct.h"

#define SETTLES apr_time_from_msec(100)

static gt_notice_t announce(const gt_revoke_t *revoke, gt_notice_kind_t kind, const gt_err_t *err)
{
    const gt_notice_t notice = {.kind = kind,
                                .store = revoke->key.store,
                                .provider = revoke->key.owner.provider,
                                .user = revoke->key.owner.user,
                                .asker = revoke->asker,
                                .err = err};

    gt_notice(&notice);
    return notice;
}

/* The row is changed: the caches forget at once, and again by the next step where the process has a
 * cache. */
static void carry_out(gt_task_t *task, const gt_revoke_t *revoke, gt_notice_kind_t kind)
{
    apr_pool_t *p = gt_task_pool(task);

    gt_vault_forget(revoke->vault, &revoke->key, GT_ALL_GENERATIONS, p);
    if (revoke->had_grant) {
        const gt_notice_t notice = announce(revoke, kind, GT_OK);

        if (kind != GT_NOTICE_REVOKE) /* with the grant goes its history */
            gt_history_note(gt_vault_store(revoke->vault, revoke->key.store), &notice, p);
    }
    if (revoke->had_grant && revoke->vault->parts.cache != NULL)
        gt_await_time(task, gt_ticks() + SETTLES);
    else
        gt_done(task);
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
    if (revoke->had_grant && grant != NULL)
        gt_discard(revoke->vault, gt_vault_provider(revoke->vault, revoke->key.owner.provider),
                   grant->refresh, p);
    carry_out(task, revoke, GT_NOTICE_REVOKE);
    return GT_OK;
}

static gt_err_t *deactivate_row(gt_task_t *task, void *state)
{
    gt_revoke_t *revoke = state;
    apr_pool_t *p = gt_task_pool(task);

    revoke->had_grant = 0;
    GT_TRY(gt_vault_exact(&revoke->key, revoke->vault, p));
    GT_TRY(gt_grant_deactivate(&revoke->had_grant, gt_vault_store(revoke->vault, revoke->key.store),
                               &revoke->key.owner, p));
    carry_out(task, revoke, GT_NOTICE_DEACTIVATE);
    return GT_OK;
}

static gt_err_t *activate_row(gt_task_t *task, void *state)
{
    gt_revoke_t *revoke = state;
    apr_pool_t *p = gt_task_pool(task);

    revoke->had_grant = 0;
    GT_TRY(gt_vault_exact(&revoke->key, revoke->vault, p));
    GT_TRY(gt_grant_activate(&revoke->had_grant, gt_vault_store(revoke->vault, revoke->key.store),
                             &revoke->key.owner, p));
    carry_out(task, revoke, GT_NOTICE_ACTIVATE);
    return GT_OK;
}

static gt_err_t *forget_again(gt_task_t *task, void *state)
{
    const gt_revoke_t *revoke = state;

    gt_vault_forget(revoke->vault, &revoke->key, GT_ALL_GENERATIONS, gt_task_pool(task));
    return GT_OK;
}

/* Once the row is changed the verdict stands, and was announced, also when the caller hangs up
 * before the caches forget again. */
static void announce_failure(const gt_revoke_t *revoke, gt_notice_kind_t kind, const gt_err_t *err)
{
    if (err != GT_OK && !revoke->had_grant)
        (void)announce(revoke, kind, err);
}

static void finish_revoke(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task;
    announce_failure(state, GT_NOTICE_REVOKE, err);
}

static void finish_deactivate(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task;
    announce_failure(state, GT_NOTICE_DEACTIVATE, err);
}

static void finish_activate(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task;
    announce_failure(state, GT_NOTICE_ACTIVATE, err);
}

static gt_step_fn *const revoke_steps[] = {delete_row, forget_again, NULL};
const gt_work_t gt_revoke = {"revoke", revoke_steps, finish_revoke};

static gt_step_fn *const deactivate_steps[] = {deactivate_row, forget_again, NULL};
const gt_work_t gt_deactivate = {"deactivate", deactivate_steps, finish_deactivate};

static gt_step_fn *const activate_steps[] = {activate_row, forget_again, NULL};
const gt_work_t gt_activate = {"activate", activate_steps, finish_activate};
