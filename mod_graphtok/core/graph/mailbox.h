/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAILBOX_H
#define GT_MAILBOX_H

/**
 * @file mailbox.h
 * The calls at one mailbox (store, user, provider). Graph allows an application four at a time; the
 * others wait in order, and none is made for as long as Graph asks to wait. The queue is the
 * child's; a pause (vault/pause.h) is known to all children. Source: Microsoft Graph,
 * "service-specific throttling limits", Outlook. Thread-safe.
 */

#include "net/transfer.h"
#include "shm/limit.h"
#include "task/task.h"

/** The mailboxes that a child is calling. */
typedef struct gt_mailboxes_t gt_mailboxes_t;

/** Figures of a child, a snapshot. */
typedef struct gt_mailbox_figures_t {
    int mailboxes; /* with calls under way */
    int in_hand;   /* calls that have a place */
    int waiting;   /* tasks in queues */
} gt_mailbox_figures_t;

/** @param pauses  where pauses stand (gt_pauses_make), as a rule for all children */
gt_mailboxes_t *gt_mailboxes_make(gt_limits_t *pauses, apr_pool_t *p);

/** The figures now. */
void gt_mailboxes_figures(gt_mailbox_figures_t *figures, gt_mailboxes_t *mailboxes);

/** One call's place at a mailbox. Lies in its caller's memory, zeroed before its first use. */
typedef struct gt_visit_t {
    gt_mailboxes_t *mailboxes;
    gt_grant_key_t key; /* the owner of the mailbox, unless it is a shared one */
    const char *shared; /* another's mailbox, by address or id, the same for all users; or NULL */
    int places;         /* that it takes, `most` at most; 0: one */
    int most;           /* calls at a time; 0: any number */
    int queue;          /* most that wait */
    apr_interval_time_t patience; /* longest wait in the queue */
    const char *name;             /* own: the mailbox's */
    apr_interval_time_t outlook;  /* own: of a queue that is full, how long it will take */
    struct gt_mailbox_t *mailbox; /* own; NULL: no place, and in no queue */
    struct gt_visit_t *next;      /* own: the next in the queue */
    int is_in;                    /* own: the call may be made */
    int has_waited;               /* own: there is a bell */
    gt_bell_t bell;               /* own: rings when the call may be made */
} gt_visit_t;

/**
 * Work on a gt_visit_t: wait for a place. Its caller hands the place over to the call's transfer,
 * or gives it back with gt_visit_end. Fails with GT_LIMITED during a pause of the mailbox; with
 * GT_BUSY when `queue` wait already or patience is over.
 */
extern const gt_work_t gt_visit_begin;

/**
 * From here on the place is the transfer's, which has not begun: the next visit gets it as soon as
 * the exchange with Graph is over, and no sooner, even when the visit and its memory are gone
 * before. When its answer asks to wait, a pause begins before the next visit gets the place. Takes
 * no place of a visit that has none, but looks at the answer all the same.
 */
void gt_visit_hand_over(gt_visit_t *visit, gt_transfer_t *transfer);

/** The same for the visits of one transfer, each of which has its place. */
void gt_visits_hand_over(gt_visit_t *const *visits, int count, gt_transfer_t *transfer);

/** Give a place back, or leave the queue; the next visit gets the place. Harmless without
 * either. */
void gt_visit_end(gt_visit_t *visit);

/** The call of a visit failed: an error whose extent is the mailbox, and which asks to wait, begins
 * a pause, in which no child gives a place at this mailbox. */
void gt_visit_failed(const gt_visit_t *visit, gt_err_t *err);

#endif
