/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_TRIAGE_H
#define GT_MAIL_TRIAGE_H

/**
 * @file mail_triage.h
 * Sorts the unread messages of an account's inbox as they are kept (store/mail_message.h), by the
 * same rules as mail of Graph; and writes the classes to the mail server, as keywords of the
 * messages (RFC 3501 section 2.3.2). Work of one task, whose pool has the results.
 */

#include "mail/mail_session.h"
#include "store/mail_message.h"
#include "triage/sorted.h"

/** A message at its server. */
typedef struct gt_tagged_t {
    apr_int64_t uidvalidity, uid;
    int is_there; /* 1: the server has it */
    int has;      /* bit 1 << class: it has the keyword of the class */
} gt_tagged_t;

/** A run. */
typedef struct gt_mail_triage_t {
    gt_mail_session_t open;                  /* in: vault, store, account */
    const gt_triage_rules_t *rules;          /* in */
    int top;                                 /* in: most messages, 1 to GT_SORTED_MOST */
    int keeps_text;                          /* in: 1: the beginnings of texts are kept */
    apr_array_header_t *sorted;              /* out: of gt_sorted_t, the newest first */
    int has_more;                            /* out: 1: there is more unread mail */
    gt_mail_owner_t owner;                   /* own */
    apr_array_header_t *messages;            /* own: of gt_tagged_t, in the order of `sorted` */
    const char *keywords[GT_TRIAGE_CLASSES]; /* own: by class */
    apr_int64_t uidvalidity;                 /* own: of the folder at the server; 0: not told */
    int takes_any;                           /* own: 1: the folder takes new keywords */
    int takes;                 /* own: bit 1 << class: it takes the keyword of the class */
    gt_imap_command_t command; /* own */
    gt_err_t *refused;         /* own: of the command */
    int next;                  /* own: change that is written next, of 2 * GT_TRIAGE_CLASSES */
} gt_mail_triage_t;

/**
 * Sort. The folder of sent mail tells the user's names, and the people they have written to. Blocks
 * on the database for a few short statements.
 */
GT_MUST gt_err_t *gt_mail_sort(gt_mail_triage_t *run, apr_pool_t *p);

/**
 * Work, after gt_mail_sort: write. Other keywords of a message stay. Fails when the server cannot
 * be reached, or refuses the sign-in; else the outcome stands in each message.
 */
extern const gt_work_t gt_mail_keywords;

/** The keyword of a category: "Needs answer" is Needs_answer, as mail programs write their tags;
 * letters beyond ASCII as in folders' names (RFC 3501 section 5.1.3). In `p`. */
const char *gt_mail_keyword(const char *category, apr_pool_t *p);

#endif
