/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CATEGORIES_H
#define GT_CATEGORIES_H

/**
 * @file categories.h
 * Writes the classes of sorted messages back as categories, in batches of 20. Other categories of a
 * message stay; one that has its category already is not touched. A message that another program
 * changes meanwhile is left alone (If-Match). A change that Graph throttles, or does not answer, is
 * tried up to three times more, after the time that Graph asks for, else after 2, 4 and 8 seconds.
 * Source: Microsoft Graph, "Update message", "Throttling guidance".
 */

#include "graph/inbox.h"

/** Work: write. */
typedef struct gt_categories_t {
    gt_call_t model;                /* in: vault, mailboxes, key, asker of every call */
    const gt_triage_rules_t *rules; /* in */
    apr_array_header_t *sorted;     /* in, out: of gt_sorted_t; `applied` and `problem` are set */
    gt_graph_ask_t ask;             /* own */
    gt_err_t *err;                  /* own: of the batch just sent */
    int batch[20];                  /* own: indexes of its messages */
    int count;                      /* own: how many there are */
    int most;                       /* own: messages of a batch */
    int written;                    /* own: so far */
    apr_time_t not_before;          /* own: gt_ticks of the next batch; 0: at once */
    char *tries;                    /* own: by message */
    char *doubts;                   /* own: by message; 1: it may have been written already */
} gt_categories_t;

/** Fails only when nothing was written and Graph refuses all of the first batch for the same
 * reason, such as a missing permission. Else the outcome stands in each message. */
extern const gt_work_t gt_categories_write;

/**
 * The categories that a message is to have.
 * @param own  out: a new list, or NULL: it has them
 */
void gt_categories_of(json_t **wanted, const gt_sorted_t *sorted, const gt_triage_rules_t *rules);

#endif
