/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DELIVERY_H
#define GT_DELIVERY_H

/**
 * @file delivery.h
 * Rows of graph_notifications on their way to the application. Only the first pending one of a lane
 * is ever claimed, so that any number of processes deliver and each lane keeps its order; a claim
 * that is not given back ends by itself. Functions may block on the database. Thread-safe.
 */

#include "store/notification.h"

/** A claim ends by itself after so long: longer than a call to the application. */
#define GT_DELIVERY_CLAIM apr_time_from_sec(120)

/** A notification that is claimed. */
typedef struct gt_delivery_t {
    apr_int64_t id, received_at; /* Unix seconds, by the database's clock */
    gt_owner_t owner;
    const char *kind, *change_type, *lane, *body;
    int attempts; /* so far */
    const char *claim;
    apr_time_t claimed_at; /* ticks: just before the claim */
} gt_delivery_t;

/** A copy in `p`. */
gt_delivery_t *gt_delivery_dup(const gt_delivery_t *delivery, apr_pool_t *p);

/** Claim the first ones of lanes that are due. @param deliveries  of gt_delivery_t */
GT_MUST gt_err_t *gt_delivery_claim(apr_array_header_t **deliveries, gt_store_t *store,
                                    const char *worker, int most, apr_pool_t *p);

/** Claim the next one of a lane, where it is due and no other process has it.
 * @param next  out: NULL: there is none */
GT_MUST gt_err_t *gt_delivery_next(gt_delivery_t **next, gt_store_t *store,
                                   const gt_delivery_t *before, apr_pool_t *p);

/** The application has it. @param status  of its answer */
GT_MUST gt_err_t *gt_delivery_done(gt_store_t *store, const gt_delivery_t *delivery, int status,
                                   apr_pool_t *p);

/** A try that failed. */
typedef struct gt_delivery_failure_t {
    int status;                /* of the answer; 0: there was none */
    const char *error;         /* told, without secrets */
    int is_dead;               /* 1: it is not tried again, and the next of its lane goes on */
    apr_interval_time_t again; /* else it is, and its lane waits until then */
} gt_delivery_failure_t;

/** Note it; the claim is given back.
 * @param ours  out: 0: the claim had ended, and nothing was noted */
GT_MUST gt_err_t *gt_delivery_failed(int *ours, gt_store_t *store, const gt_delivery_t *delivery,
                                     const gt_delivery_failure_t *failure, apr_pool_t *p);

/** Give a claim back, untried. @param again  when it is due; 0: at once */
GT_MUST gt_err_t *gt_delivery_let_go(gt_store_t *store, const gt_delivery_t *delivery,
                                     apr_interval_time_t again, apr_pool_t *p);

#endif
