/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_SEND_H
#define GT_MAIL_SEND_H

/**
 * @file mail_send.h
 * Rows of mails that were sent, and drafts that were made, with a client's key (Idempotency-Key),
 * so that a repeat is known.
 * A row says "sending" before the mail server hears of the mail: when its process dies then, no one
 * knows whether the mail went. It has a sealed digest of the request and nothing of its content.
 * Functions may block on the database. Thread-safe.
 */

#include "store/grant.h"

/** The state of a mail, as the column says it. */
typedef enum gt_send_state_t {
    GT_SEND_SENDING,
    GT_SEND_SENT,
    GT_SEND_REFUSED,   /* it was not sent, and never will be as it is */
    GT_SEND_TEMPORARY, /* it was not sent; a repeat sends it */
    GT_SEND_UNKNOWN,   /* it may have been sent */
    GT_SEND_STATES
} gt_send_state_t;

/** "sending", "sent", "refused", "temporary", "unknown". */
const char *gt_send_state_text(gt_send_state_t state);

/** A mail with a key. Texts live where it does. */
typedef struct gt_send_t {
    gt_owner_t owner;         /* of the account */
    const char *key;          /* the client's */
    unsigned char digest[32]; /* of its request */
    const char *holder;       /* of the row while it is sending: unlike any other */
    const char *message_id;   /* in: of the mail; out: of the first one with the key */
    gt_send_state_t state;    /* out, and those below */
    int status;               /* HTTP's, of a refusal; 0: none */
    int is_over;              /* 1: it is sending for longer than that may take */
    int is_other;             /* 1: the key came with another request, as far as is known */
} gt_send_t;

/**
 * Begin a mail: the row is made, or taken again after a passing failure.
 * @param begun  out: 0: there is a row, and `send` says what it has
 * @param span   sending takes no longer, µs
 * @return GT_INTERNAL with the advice to migrate
 */
GT_MUST gt_err_t *gt_send_begin(int *begun, gt_send_t *send, gt_store_t *store,
                                apr_interval_time_t span, apr_pool_t *p);

/**
 * Take the row of a process that has gone, where beginning anew does no harm.
 * @param taken   out: 0: another one was faster
 * @param holder  the new one; `send` has that of the row
 */
GT_MUST gt_err_t *gt_send_take_over(int *taken, gt_send_t *send, const char *holder,
                                    gt_store_t *store, apr_interval_time_t span, apr_pool_t *p);

/** End a mail of ours. Nothing is written when the row is not ours any more. */
GT_MUST gt_err_t *gt_send_end(gt_store_t *store, const gt_send_t *send, gt_send_state_t state,
                              int status, apr_pool_t *p);

/** Drop rows that are older than a day, a batch at a time. @param more  out: 1: call again. A store
 * that keeps no mail has none. */
GT_MUST gt_err_t *gt_send_purge(int *more, gt_store_t *store, apr_pool_t *p);

#endif
