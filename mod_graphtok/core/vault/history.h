/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HISTORY_H
#define GT_HISTORY_H

/**
 * @file history.h
 * What is announced of a grant (base/notice.h), as an entry of its history (store/grant_history.h).
 * Its callers are those that change a grant's state: ordinary refreshes never come here.
 */

#include "base/notice.h"
#include "store/grant_history.h"

/** The entry of a notice; texts are the notice's, or in `p`. */
gt_history_t gt_history_of(const gt_notice_t *notice, apr_pool_t *p);

/** Write the entry of a notice. The operation has happened, so a failure is logged and nothing
 * else. May block on the database; thread-safe. */
void gt_history_note(gt_store_t *store, const gt_notice_t *notice, apr_pool_t *p);

/** The same for many notices of one kind, each of another grant. */
void gt_history_note_all(gt_store_t *store, const gt_history_t *entries, int n, apr_pool_t *p);

#endif
