/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_MESSAGE_H
#define GT_MAIL_MESSAGE_H

/**
 * @file mail_message.h
 * Rows of folders and messages: the copy that a store keeps of a mailbox. A message is known by its
 * account, folder, UIDVALIDITY and UID (RFC 3501 section 2.3.1.1), so that a batch may be written
 * twice. A folder's row is the place up to which its copy reaches; it changes with the rows, in one
 * transaction. Subject, addresses, text and the further fields of a message are sealed for it with
 * the `personal` key, unless the store says GraphTokMailSeal off. Functions may block on the
 * database for one short statement or transaction. Thread-safe.
 */

#include "store/mail_account.h"

/** Most rows of a transaction. */
#define GT_MAIL_BATCH 500

/** A folder, and the place up to which its copy reaches. */
typedef struct gt_mail_folder_t {
    const char *name;        /* UTF-8 */
    const char *use;         /* its special use (RFC 6154), "\Sent"; NULL: none */
    apr_int64_t uidvalidity; /* 0: nothing was read so far */
    apr_int64_t uidnext;     /* all messages below it were read; from 1 on */
    apr_int64_t modseq;      /* all changes up to it were read (RFC 7162); 0: not known */
    apr_int64_t exists;      /* messages at the server when all was last read; -1: never so far */
    apr_time_t scanned_at;   /* when all flags were last read, ours; 0: never */
} gt_mail_folder_t;

/** A message. Texts are UTF-8; those that it lacks are NULL. */
typedef struct gt_mail_message_t {
    apr_int64_t id;      /* out */
    apr_int64_t account; /* out */
    const char *folder;  /* out */
    apr_int64_t uidvalidity, uid;
    const char *flags; /* sorted, a space between two: "\Answered \Seen" */
    int is_seen;
    apr_time_t internal_date; /* when the server got it; 0: not told */
    apr_int64_t size;         /* of the whole message, in bytes; -1: not told */
    apr_time_t sent_at;       /* of its Date field; 0: none */
    const char *message_id;
    int has_attachments;
    int is_cut; /* 1: `text` is not all of it, or the message was not read to its end */
    const char *subject;
    const char *addresses; /* JSON {"from": [{"name", "address"}], "to", "cc", "reply_to"} */
    const char *text;
    const char *fields; /* JSON {"in_reply_to", "importance", "meeting", "headers": {…}} */
} gt_mail_message_t;

/** UIDs from … to …, both included. */
typedef struct gt_mail_range_t {
    apr_int64_t from, to;
} gt_mail_range_t;

/** New flags of a message. */
typedef struct gt_mail_flags_t {
    apr_int64_t uid;
    const char *flags; /* as in gt_mail_message_t */
    int is_seen;
} gt_mail_flags_t;

/** The folders of an account, by name. @param folders  array of gt_mail_folder_t */
GT_MUST gt_err_t *gt_mail_folders(apr_array_header_t **folders, gt_store_t *store,
                                  const gt_mail_account_t *account, apr_pool_t *p);

/** One transaction: rows of a folder, and its place after them. Lists may be NULL. */
typedef struct gt_mail_batch_t {
    const gt_mail_account_t *account;  /* claimed */
    const gt_mail_folder_t *folder;    /* its place from now on; made where it is missing */
    const apr_array_header_t *fresh;   /* of gt_mail_message_t, at most GT_MAIL_BATCH; of a
                                        * message that is there the flags change alone */
    const apr_array_header_t *flagged; /* of gt_mail_flags_t, at most GT_MAIL_BATCH */
    const apr_array_header_t *gone;    /* of gt_mail_range_t, at most GT_MAIL_BATCH; at most
                                        * GT_MAIL_BATCH of their messages go at a time */
    int is_scanned;                    /* 1: all flags of the folder were read */
    int added, changed, removed;       /* out */
} gt_mail_batch_t;

/**
 * Write a batch. Nothing is written when the claim was lost, or the folder's rows are of another
 * UIDVALIDITY.
 * @param is_ours  out: 0: nothing was written
 */
GT_MUST gt_err_t *gt_mail_write(int *is_ours, gt_mail_batch_t *batch, gt_store_t *store,
                                apr_pool_t *p);

/**
 * Begin a folder anew, or for the first time: its place is its beginning under this UIDVALIDITY.
 * Messages under another one are to be dropped before (gt_mail_drop).
 * @param is_ours  out: 0: the claim was lost
 */
GT_MUST gt_err_t *gt_mail_folder_begin(int *is_ours, gt_store_t *store,
                                       const gt_mail_account_t *account,
                                       const gt_mail_folder_t *folder, apr_pool_t *p);

/** Drop messages of a folder that is gone or begins anew, GT_MAIL_BATCH at most; none when the
 * claim was lost.
 * @param dropped  out: how many; fewer: these were the last
 * @param but      of this UIDVALIDITY they stay; 0: none do */
GT_MUST gt_err_t *gt_mail_drop(int *dropped, gt_store_t *store, const gt_mail_account_t *account,
                               const char *folder, apr_int64_t but, apr_pool_t *p);

/** Drop the row of a folder that is gone, unless the claim was lost. Its messages went before. */
GT_MUST gt_err_t *gt_mail_folder_drop(gt_store_t *store, const gt_mail_account_t *account,
                                      const char *folder, apr_pool_t *p);

/** UIDs that are kept of a folder, in rising order. @param uids  array of apr_int64_t
 * @param after  those above it  @param most  at most so many */
GT_MUST gt_err_t *gt_mail_uids(apr_array_header_t **uids, gt_store_t *store,
                               const gt_mail_account_t *account, const gt_mail_folder_t *folder,
                               apr_int64_t after, int most, apr_pool_t *p);

/** A tidying of all accounts: mail older than GraphTokMailKeep, and what was kept of accounts that
 * are gone. At most GT_MAIL_BATCH rows.
 * @param dropped  added to
 * @param more     out: 1: there may be more */
GT_MUST gt_err_t *gt_mail_tidy(apr_int64_t *dropped, int *more, gt_store_t *store, apr_pool_t *p);

/* ---- reading ---- */

/** A list of messages, the newest first. */
typedef struct gt_mail_list_t {
    const gt_mail_account_t *account;
    const char *folder;     /* NULL: of all folders */
    int is_unread;          /* 1: those without \Seen alone; of a folder */
    apr_time_t before_date; /* messages before this internal date, … */
    apr_int64_t before_id;  /* … or of it, and before this id; 0: from the newest */
    int most;
} gt_mail_list_t;

/** Messages, opened. @param messages  array of gt_mail_message_t, in the order of the list
 * @return GT_DAMAGED when one cannot be opened */
GT_MUST gt_err_t *gt_mail_messages(apr_array_header_t **messages, gt_store_t *store,
                                   const gt_mail_list_t *list, apr_pool_t *p);

/** One message, opened, of an account. @param message  NULL: there is none */
GT_MUST gt_err_t *gt_mail_message(gt_mail_message_t **message, gt_store_t *store,
                                  const gt_mail_account_t *account, apr_int64_t id, apr_pool_t *p);

/** The account that a message is of. @param account  0: there is no such message */
GT_MUST gt_err_t *gt_mail_message_account(apr_int64_t *account, gt_store_t *store, apr_int64_t id,
                                          apr_pool_t *p);

#endif
