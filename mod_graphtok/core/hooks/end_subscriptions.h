/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_END_SUBSCRIPTIONS_H
#define GT_END_SUBSCRIPTIONS_H

/**
 * @file end_subscriptions.h
 * Ends of subscriptions at Microsoft Graph. Source: Microsoft Graph, "Delete subscription", "List
 * subscriptions".
 */

#include "graph/graph_ask.h"

/** Graph's path to a subscription, in `p`. */
const char *gt_subscription_path(const char *id, apr_pool_t *p);

/** Work: one call for each, one after the other. Fails at the first one that cannot be ended: a
 * call that is refused, or finds no token, tells how the others would end. */
typedef struct gt_end_subscriptions_t {
    gt_call_t model;               /* in: as for gt_graph_ask_begin */
    const apr_array_header_t *ids; /* in: Graph's, of const char * */
    int next;                      /* own */
    gt_graph_ask_t ask;            /* own */
    gt_err_t *failure;             /* own */
} gt_end_subscriptions_t;
extern const gt_work_t gt_end_subscriptions;

/** Work: end those of a grant that Graph made for us and that no row knows: their answer was lost,
 * or the process died before it was kept. They would tell us of changes until their lives end. */
typedef struct gt_end_strays_t {
    gt_call_t model;             /* in: as for gt_graph_ask_begin */
    const char *url;             /* in: the store's GraphTokNotificationURL */
    const char *resource;        /* in: as in Graph's subscription, "/me/events" */
    gt_graph_ask_t ask;          /* own */
    gt_end_subscriptions_t ends; /* own */
} gt_end_strays_t;
extern const gt_work_t gt_end_strays;

#endif
