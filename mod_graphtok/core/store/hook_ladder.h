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

#include "store/store_ladder.h"

extern const gt_side_ladder_t gt_hook_ladder;

#endif
