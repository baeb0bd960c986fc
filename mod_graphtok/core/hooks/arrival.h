/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ARRIVAL_H
#define GT_ARRIVAL_H

/**
 * @file arrival.h
 * Change notifications as they arrive: read, held against the subscriptions, stored. Microsoft
 * Graph signs nothing: one that does not name a subscription of ours together with its secret
 * (clientState) is dropped. One post may mix subscriptions and tenants. Posts that come at the same
 * time are stored by one of their threads in one go, so that a burst costs few statements. Source:
 * Microsoft Graph, "Receive change notifications through webhooks", "Reduce missing change
 * notifications".
 */

#include "base/json.h"
#include "base/notice.h"
#include "store/notification.h"

/** Most notifications of one post. */
#define GT_ARRIVAL_MAX 2000

/** The posts of a process that wait to be stored. */
typedef struct gt_arrivals_t gt_arrivals_t;

/** Nothing waits. */
gt_arrivals_t *gt_arrivals_make(apr_pool_t *p);

/** How the notifications of a post ended. */
typedef struct gt_arrived_t {
    int stored;    /* new, or a lifecycle event that was acted on */
    int repeated;  /* there before */
    int unknown;   /* of no subscription of ours */
    int refused;   /* with a wrong clientState, or of another tenant */
    int malformed; /* lacking what every notification has */
} gt_arrived_t;

/**
 * Take the notifications of a post: they are stored when this returns. May block on the database,
 * and while another thread stores those that came before. Thread-safe.
 * @param value  the list in the post; not changed
 * @param asker  the request, for the audit
 * @return GT_INVALID (GT1108) for more than GT_ARRIVAL_MAX; GT_STORE_AWAY: nothing is known to be
 *         stored, and Graph is to send them again
 */
GT_MUST gt_err_t *gt_arrivals_take(gt_arrived_t *arrived, gt_arrivals_t *arrivals,
                                   gt_store_t *store, const json_t *value, const gt_asker_t *asker,
                                   apr_pool_t *p);

#endif
