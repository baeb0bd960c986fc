/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_USE_COUNTS_H
#define GT_USE_COUNTS_H

/**
 * @file use_counts.h
 * How often tokens were used, counted in this process until the counts are written to the rows.
 * gt_vault_used and gt_vault_worked add to them. Thread-safe.
 */

#include "vault/vault.h"

typedef struct gt_use_counts_t gt_use_counts_t;

/** Make a counter for the vault's stores; it is empty. */
gt_use_counts_t *gt_use_counts_make(const gt_vault_t *vault, apr_pool_t *p);

/** 1 when the counts fill a whole statement, or when some have waited for ten seconds. */
int gt_use_counts_is_due(gt_use_counts_t *counts);

/** Write the counts, for `span` µs at most; the rest stays counted. May block on the database. */
void gt_use_counts_write(gt_use_counts_t *counts, apr_interval_time_t span, apr_pool_t *scratch);

#endif
