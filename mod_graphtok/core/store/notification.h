/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_NOTIFICATION_H
#define GT_NOTIFICATION_H

/**
 * @file notification.h
 * Rows of graph_notifications: what Microsoft Graph told of, in the order in which it came. A row
 * is pending until the application has it. Functions may block on the database. Thread-safe.
 */

#include "store/subscription.h"

/** A notification that is to be stored. Texts are the caller's. */
typedef struct gt_notification_t {
    apr_int64_t subscription; /* the number of its row */
    const char *change_type;  /* "created", "updated", "deleted", or a lifecycle event's name */
    const char *resource;     /* Graph's path of what changed; "" where there is none */
    const char *lane;         /* those of one lane are delivered one after the other */
    const char *repeat_key;   /* the same for one that comes again; NULL: there is none */
    const char *body;         /* JSON */
} gt_notification_t;

/** Store some in their order, in one statement. One whose repeat_key is there already, or whose
 * subscription's row is gone, is left out.
 * @param list    array of const gt_notification_t *
 * @param stored  out: how many are new */
GT_MUST gt_err_t *gt_notifications_add(int *stored, gt_store_t *store,
                                       const apr_array_header_t *list, apr_pool_t *p);

/** Drop those that came longer ago than GraphTokNotificationKeep, a batch at a time; of those that
 * are pending only where the application reads the table, since nothing else would end them.
 * @param more  out: 1: call again. A store without the tables has none */
GT_MUST gt_err_t *gt_notifications_purge(int *more, gt_store_t *store, apr_pool_t *p);

#endif
