/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SUBSCRIBE_H
#define GT_SUBSCRIBE_H

/**
 * @file subscribe.h
 * Subscriptions at Microsoft Graph: made, renewed and ended, as their rows say. While Graph makes
 * one it asks our notification address whether it is ours, so that a server must serve it
 * meanwhile. Source: Microsoft Graph, "Create subscription", "Update subscription", "Delete
 * subscription".
 */

#include "hooks/end_subscriptions.h"
#include "jobs/job_kind.h"
#include "store/subscription.h"

/** Work: bring Graph's subscription to what its row's store wants; the row's claim is given back.
 * It fails only for the database. */
typedef struct gt_subscribe_t {
    gt_vault_t *vault;            /* in */
    gt_store_t *store;            /* in */
    const gt_subscription_t *sub; /* in; claimed */
    gt_err_t *failure;            /* out: Graph's, or the vault's; GT_OK: it is as wanted */
    const char *outcome;          /* out: "made", "renewed", "ended", static */
    gt_graph_ask_t ask;           /* own */
    gt_end_strays_t strays;       /* own */
    const char *asked_for;        /* own: Graph's id of the one to be renewed or ended */
    const char *moved;            /* own: Graph's id of one for another address, or NULL */
    int is_lost;                  /* own: 1: another one is to be made */
} gt_subscribe_t;
extern const gt_work_t gt_subscribe;

/** The job that does so for all stores. */
extern const gt_job_kind_t gt_job_subscriptions;

#endif
