/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_DRAFT_H
#define GT_MAIL_DRAFT_H

/**
 * @file mail_draft.h
 * Puts a draft into a mail account's folder of drafts, by IMAP: a new one, or an answer to a kept
 * message. The folder is the one that the server says is for drafts (RFC 6154), or else the one
 * that is named Drafts. With a key a repeat finds the draft that was made before: the Message-ID
 * is made of the key, and a row holds off another request with it meanwhile.
 */

#include "base/json.h"
#include "mail/compose.h"
#include "mail/mail_session.h"
#include "store/mail_send.h"

/** Work: make it. */
typedef struct gt_mail_draft_t {
    gt_vault_t *vault;
    gt_store_t *store;
    const gt_asker_t *asker;   /* the request that this is done for */
    const char *user;          /* whose account it goes into */
    const json_t *body;        /* gt_compose_read_draft, and `account` (mail/account_named.h) */
    const char *key;           /* the client's Idempotency-Key; NULL: none */
    const char *folder;        /* out: UTF-8 */
    apr_uint32_t uidvalidity;  /* out: 0: not told */
    apr_uint32_t uid;          /* out: 0: the server does not tell it (RFC 4315) */
    int is_repeat;             /* out: 1: it was there already */
    gt_mail_wish_t wish;       /* out: message_id, subject */
    gt_mail_session_t open;    /* out: account */
    gt_imap_command_t command; /* own */
    gt_err_t *refused;         /* own: of the command */
    const char *wire;          /* own: the folder, as the argument of a command */
    int rank;                  /* own: how sure it is that it is the one */
    const char *unique;        /* own: the Message-ID's part before the "@" */
    gt_send_t row;             /* own: of the key */
    int has_row;               /* own: 1: it is ours, and is to be given back */
    int is_begun;              /* own: 1: the request was good: its end is announced */
    apr_pool_t *pool;          /* own */
} gt_mail_draft_t;

/** However it ends, it is announced, unless the request was wrong. Failures: those of
 * gt_mail_session_open; GT_INVALID: the request is wrong; GT_NOT_FOUND: no such account, message or
 * folder; GT_REFUSED: the server does not take it; GT_CONFLICT: the draft of the key is being made.
 * One that may have been taken says so (may_be_done). */
extern const gt_work_t gt_mail_draft;

#endif
