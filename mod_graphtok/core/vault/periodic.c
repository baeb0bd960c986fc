/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file periodic.c
 * Failures of periodic work, store by store. A failure is logged once in five minutes: the mark for
 * it lies in shared memory, because the children take turns with the work.
 */

#include "vault/periodic.h"

#include <apr_strings.h>

#include "base/log.h"
#include "vault/vault_struct.h"

#define BACKOFF_FIRST apr_time_from_msec(500)
#define BACKOFF_LAST apr_time_from_sec(8)
#define SAID_EVERY apr_time_from_sec(300)

gt_periodic_t *gt_periodic_find(const gt_vault_t *vault, const char *store)
{
    return apr_hash_get(vault->periodics, store, APR_HASH_KEY_STRING);
}

/** Once in five minutes for all children; without any, when it begins. */
static int claim_report(gt_vault_t *vault, gt_store_t *store, const gt_backoff_t *backoff,
                        const char *what, apr_pool_t *p)
{
    const char *text = apr_pstrcat(p, "said ", gt_store_name(store), " ", what, NULL);

    if (vault->parts.cache == NULL)
        return backoff->failures == 1;
    return gt_cache_once(vault->parts.cache, text, SAID_EVERY);
}

void gt_periodic_note(gt_vault_t *vault, gt_store_t *store, gt_backoff_t *backoff, const char *what,
                      const gt_err_t *err)
{
    /* That the database is away has been said, and everything is tried again when it is back. */
    if (err != GT_OK && !gt_db_is_up(vault->parts.db))
        return;
    gt_backoff_after(backoff, err != GT_OK, BACKOFF_FIRST, BACKOFF_LAST);
    if (err != GT_OK && claim_report(vault, store, backoff, what, err->pool))
        gt_log(gt_class_row(err->cls)->may_retry ? GT_LOG_WARNING : GT_LOG_ERROR, "GT0625",
               "store %s: %s fails and is tried again: %s (%s)", gt_store_name(store), what,
               err->detail, err->tag);
}
