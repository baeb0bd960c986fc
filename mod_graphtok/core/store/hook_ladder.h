/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HOOK_LADDER_H
#define GT_HOOK_LADDER_H

/**
 * @file hook_ladder.h
 * The ladder of the tables of change notifications: graph_subscriptions and graph_notifications, in
 * the schema of the store's own table, for stores with GraphTokSubscribe. It has a version of its
 * own (db/ladder.h) under the name graph_subscriptions. Going down drops notifications that were
 * not delivered, and forgets subscriptions, which Graph then ends when they are not renewed.
 *
 * Steps: 1 subscriptions and notifications.
 */

#include "conf/config.h"
#include "db/ladder.h"

/** The newest number. */
int gt_hook_newest(void);

/** The ladder of a store's change notifications, in `p`. It shares the configuration's memory. The
 * names of the store are checked (gt_store_ladder). */
gt_ladder_t *gt_hook_ladder(const gt_store_conf_t *store, apr_pool_t *p);

#endif
