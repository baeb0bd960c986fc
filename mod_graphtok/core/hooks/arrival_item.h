/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ARRIVAL_ITEM_H
#define GT_ARRIVAL_ITEM_H

/**
 * @file arrival_item.h
 * One change notification, read out of what came from outside. For core/hooks alone. Pure;
 * thread-safe.
 */

#include "base/json.h"
#include "store/notification.h"

/** Longest texts that are taken, bytes. */
#define GT_ARRIVAL_NAME 128
#define GT_ARRIVAL_RESOURCE 2048
#define GT_ARRIVAL_BODY (64 * 1024)

/** Lifecycle events (Microsoft Graph, "Reduce missing change notifications"). */
typedef enum gt_lifecycle_t {
    GT_LIFE_NONE,        /* a change */
    GT_LIFE_REAUTHORIZE, /* it ends soon unless it is renewed */
    GT_LIFE_REMOVED,     /* it has ended */
    GT_LIFE_MISSED,      /* changes were not told of */
    GT_LIVES
} gt_lifecycle_t;

/** One notification. Texts live as long as the list that it was read from, or in its pool. */
typedef struct gt_arrival_item_t {
    const char *subscription_id;
    const char *state_hash; /* of its clientState, base64url; "" where it has none */
    const char *tenant;     /* "" where it says none */
    gt_lifecycle_t life;
    const gt_subscription_t *sub; /* of ours that it is of; NULL: of none, or not looked up yet */
    gt_notification_t row;
} gt_arrival_item_t;

/** Read one; its row lacks subscription and lane. @return 0: it lacks what every one has */
GT_MUST int gt_arrival_item_read(gt_arrival_item_t *item, const json_t *value, apr_pool_t *p);

/** The hash of a clientState as rows have it, in `p`. */
const char *gt_state_hash(const char *client_state, apr_pool_t *p);

/** The lane of a subscription's changes of one resource, in `p`. */
const char *gt_arrival_lane(apr_int64_t subscription, const char *resource, apr_pool_t *p);

/** A notification that we make ourselves: changes were missed while a subscription was gone. In
 * `p`. */
gt_notification_t *gt_arrival_missed(const gt_subscription_t *sub, apr_pool_t *p);

#endif
