/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_INBOX_H
#define GT_INBOX_H

/**
 * @file inbox.h
 * Sorts the unread messages of a user's inbox by the rules of triage (triage/score.h): whom the
 * user is, whom they have written to, the messages page by page. Of a page only what the answer
 * needs is kept. Work of one task, whose pool has the results.
 */

#include "graph/graph_ask.h"
#include "triage/sorted.h"

/** Work: sort. */
typedef struct gt_inbox_t {
    gt_call_t model;                /* in: vault, mailboxes, key, asker of every call */
    const gt_triage_rules_t *rules; /* in */
    int top;                        /* in: most messages, 1 to GT_SORTED_MOST */
    int keeps_text;                 /* in: 1: the beginnings of texts are kept */
    apr_array_header_t *sorted;     /* out: of gt_sorted_t, the newest first */
    int has_more;                   /* out: 1: there is more unread mail */
    gt_mail_owner_t owner;          /* out: as far as Graph tells */
    gt_graph_ask_t ask;             /* own */
    gt_err_t *err;                  /* own: of the call just made */
    const char *next;               /* own: link to the next page */
    int pages;                      /* own: read so far */
    int is_narrow;                  /* own: 1: the owner is asked for without aliases */
    int without_text;               /* own: 1: this page's texts are too long together */
} gt_inbox_t;

/** Fails as gt_call does. Where Graph refuses who the user is or what they have sent, rules that
 * need it do not fit; when a page's texts are too long together, the beginnings of them do. */
extern const gt_work_t gt_inbox_sort;

#endif
