/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file cleanup.c
 * The cleanup job: expired grants are deactivated, long inactive ones removed. An access token ends
 * every hour, which alone makes no grant worthless. A grant is expired when its token has ended and
 * there is no refresh token to get another, or when its token was not refreshed for so long that
 * the provider has dropped the refresh token as well (Entra: 90 days).
 * Bulk jobs go 30 days after their last change, change notifications after their time.
 */

#include "jobs/cleanup.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/notice.h"
#include "jobs/job_kind.h"
#include "store/bulk_rows.h"
#include "store/mail_send.h"
#include "store/notification.h"
#include "vault/history.h"

#define BATCH 200
#define EVERY apr_time_from_sec(3600)
#define BULK_AGE apr_time_from_sec(30 * 86400) /* bulk jobs, since their last change */

/** @return what they leave in their histories: array of gt_history_t */
static apr_array_header_t *tell(const apr_array_header_t *picked, gt_store_t *store,
                                const char *what, apr_pool_t *p)
{
    apr_array_header_t *entries = apr_array_make(p, picked->nelts, sizeof(gt_history_t));

    for (int i = 0; i < picked->nelts; i++) {
        const gt_picked_t *one = &APR_ARRAY_IDX(picked, i, gt_picked_t);
        const gt_notice_t notice = {.kind = GT_NOTICE_CLEANUP,
                                    .store = gt_store_name(store),
                                    .provider = one->owner.provider,
                                    .user = one->owner.user,
                                    .detail = what};

        gt_notice(&notice);
        APR_ARRAY_PUSH(entries, gt_history_t) = gt_history_of(&notice, p);
    }
    return entries;
}

gt_err_t *gt_cleanup(gt_due_counts_t *counts, int *more, gt_store_t *store,
                     const gt_config_t *config, apr_pool_t *p)
{
    apr_array_header_t *picked, *entries;
    int has_bulk;

    GT_TRY(gt_due_expire(&picked, store, config->expire_after, BATCH, p));
    entries = tell(picked, store, "deactivated", p);
    gt_history_note_all(store, (const gt_history_t *)entries->elts, entries->nelts, p);
    counts->expired += picked->nelts;
    *more = picked->nelts == BATCH;
    GT_TRY(gt_due_remove(&picked, store, config->cleanup_after, BATCH, p));
    (void)tell(picked, store, "removed", p);
    counts->removable += picked->nelts;
    *more |= picked->nelts == BATCH;
    GT_TRY(gt_bulk_purge(&has_bulk, store, BULK_AGE, p));
    *more |= has_bulk;
    GT_TRY(gt_send_purge(&has_bulk, store, p));
    *more |= has_bulk;
    GT_TRY(gt_notifications_purge(&has_bulk, store, p));
    *more |= has_bulk;
    return GT_OK;
}

/* ---- in the background ---- */

enum { DEACTIVATED, REMOVED };

static apr_interval_time_t every(const gt_config_t *config)
{
    (void)config;
    return gt_backoff(0, EVERY, EVERY);
}

static gt_err_t *clean(gt_slice_t *slice)
{
    gt_due_counts_t counts = {0, 0};
    int more;

    GT_TRY(gt_cleanup(&counts, &more, slice->store, gt_jobs_config(slice->jobs), slice->pool));
    gt_jobs_count(slice->jobs, slice->kind, DEACTIVATED, counts.expired);
    gt_jobs_count(slice->jobs, slice->kind, REMOVED, counts.removable);
    if (counts.expired + counts.removable > 0)
        gt_log(GT_LOG_INFO, NULL,
               "cleanup of store %s: %" APR_INT64_T_FMT " deactivated, %" APR_INT64_T_FMT
               " removed",
               gt_store_name(slice->store), counts.expired, counts.removable);
    if (more)
        slice->again = apr_time_from_sec(1);
    return GT_OK;
}

const gt_job_kind_t gt_job_cleanup = {
    .name = "cleanup",
    .results = {"deactivated", "removed"},
    .parts = 1,
    .budget = 1,
    .back_off = apr_time_from_sec(10),
    .back_off_most = apr_time_from_sec(300),
    .every = every,
    .slice = clean,
};
