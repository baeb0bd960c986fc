/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SUBSCRIPTION_H
#define GT_SUBSCRIPTION_H

/**
 * @file subscription.h
 * Rows of graph_subscriptions: which changes of which grants Microsoft Graph is to tell of, and the
 * subscription there. A row is an owner's and a resource's; it is claimed in itself by whichever
 * process makes, renews or ends the subscription, until a moment. Of the secret that comes back in
 * each notification (clientState) a row has the SHA-256 alone. Functions may block on the database.
 * Thread-safe.
 */

#include "store/grant.h"

/** A claim ends by itself after so long: longer than a call to Graph. */
#define GT_SUBSCRIPTION_CLAIM apr_time_from_sec(180)

/** A row. Texts live as long as the pool that it was read into. */
typedef struct gt_subscription_t {
    apr_int64_t id; /* of the row */
    gt_owner_t owner;
    const char *resource;        /* "calendar", "mail" */
    const char *subscription_id; /* Graph's; NULL: there is none */
    const char *state_hash;      /* of its clientState, base64url; NULL: there is none */
    const char *tenant;          /* of the account, or NULL */
    const char *claim;           /* of the claim that it was read by, or NULL */
    int failures;                /* in a row */
} gt_subscription_t;

/** 1 when the store has the tables; one that wants them and lacks them is told of once (GT0435). */
int gt_subscriptions_are_kept(gt_store_t *store, apr_pool_t *p);

/** The store has the tables. @return GT_INTERNAL (GT0436) with the advice to migrate */
GT_MUST gt_err_t *gt_subscriptions_demand(gt_store_t *store, apr_pool_t *p);

/** Make rows for active grants of a provider that have none for a resource, some at a time.
 * @param part  of GT_PARTS (store/due.h) */
GT_MUST gt_err_t *gt_subscription_add(int *added, gt_store_t *store, const char *provider,
                                      const char *resource, int part, apr_pool_t *p);

/** Drop rows whose grant is gone, or not active: Graph's subscription cannot be reached by its
 * token any more, and ends by itself. Some at a time. */
GT_MUST gt_err_t *gt_subscription_tidy(int *dropped, gt_store_t *store, int part, apr_pool_t *p);

/** Make all rows of a resource due at once that did not fail: it is not wanted any more. */
GT_MUST gt_err_t *gt_subscription_call(gt_store_t *store, const char *resource, apr_pool_t *p);

/** Claim rows that are due. @param subscriptions  array of gt_subscription_t */
GT_MUST gt_err_t *gt_subscription_claim(apr_array_header_t **subscriptions, gt_store_t *store,
                                        const char *worker, int most, apr_pool_t *p);

/** Write down the secret of a subscription that is about to be made; a former one is forgotten.
 * @param ours  out: 0: the row is another process's, or gone */
GT_MUST gt_err_t *gt_subscription_begin(int *ours, gt_store_t *store, const gt_subscription_t *sub,
                                        const char *state_hash, apr_pool_t *p);

/** Graph made or renewed it; the claim is given back.
 * @param ours  out: 0: the row is another process's, or gone
 * @param id    Graph's; NULL: the same as before
 * @param life  it lives; it is due again when a third of that is left */
GT_MUST gt_err_t *gt_subscription_done(int *ours, gt_store_t *store, const gt_subscription_t *sub,
                                       const char *id, apr_interval_time_t life, apr_pool_t *p);

/** It failed; the claim is given back. @param error  told, without secrets  @param again  due */
GT_MUST gt_err_t *gt_subscription_failed(gt_store_t *store, const gt_subscription_t *sub,
                                         const char *error, apr_interval_time_t again,
                                         apr_pool_t *p);

/** Give a claim back: another process may have it at once. */
GT_MUST gt_err_t *gt_subscription_let_go(gt_store_t *store, const gt_subscription_t *sub,
                                         apr_pool_t *p);

/** Drop a row that is claimed by us. */
GT_MUST gt_err_t *gt_subscription_drop(gt_store_t *store, const gt_subscription_t *sub,
                                       apr_pool_t *p);

/** Those that an owner has, for an end of the grant. @param subscriptions of gt_subscription_t */
GT_MUST gt_err_t *gt_subscriptions_of(apr_array_header_t **subscriptions, gt_store_t *store,
                                      const gt_owner_t *owner, apr_pool_t *p);

/** Drop those that an owner has. */
GT_MUST gt_err_t *gt_subscriptions_end(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p);

/** Make one due at once. @param is_lost  1: Graph has ended it, and it is to be made anew */
GT_MUST gt_err_t *gt_subscription_due(gt_store_t *store, const gt_subscription_t *sub, int is_lost,
                                      apr_pool_t *p);

/**
 * Find rows by Graph's ids, and those whose making is not heard of yet by the hash of their secret.
 * @param names  JSON, list of texts: ids and hashes
 * @param subscriptions  array of gt_subscription_t
 */
GT_MUST gt_err_t *gt_subscriptions_named(apr_array_header_t **subscriptions, gt_store_t *store,
                                         const json_t *names, apr_pool_t *p);

#endif
