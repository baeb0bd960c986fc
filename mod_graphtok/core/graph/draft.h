/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DRAFT_H
#define GT_DRAFT_H

/**
 * @file draft.h
 * Makes a draft in the user's mailbox: a new one, or an answer, in which Graph addresses the mail
 * and quotes the original. An answer whose text cannot be written is taken away again. With a key a
 * repeat finds the draft that was made before: it carries the key as an extended property.
 * Source: Microsoft Graph v1.0, "Create message", "message: createReply", "Get singleValueExtended-
 * Property" (filter). Work of one task, whose pool has the results.
 */

#include "graph/draft_text.h"
#include "graph/graph_ask.h"

/** Work: make it. */
typedef struct gt_draft_t {
    gt_call_t model;      /* in: vault, mailboxes, key, asker of every call */
    gt_draft_wish_t wish; /* in */
    const char *key;      /* in: that makes a repeat harmless, or NULL */
    json_t *made;         /* out: id, webLink, subject */
    int is_repeat;        /* out: 1: it was there already */
    gt_graph_ask_t ask;   /* own */
    gt_err_t *err;        /* own: why the text of an answer could not be written */
    gt_err_t *ignored;    /* own: of taking such an answer away */
    const char *path;     /* own: of the answer */
} gt_draft_t;

/** Fails as gt_call does. */
extern const gt_work_t gt_draft_make;

#endif
