/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_REFUSAL_H
#define GT_IMAP_REFUSAL_H

/**
 * @file imap_refusal.h
 * The meaning of NO, BAD and BYE (RFC 3501 section 7.1, RFC 5530). Thread-safe.
 */

#include "imap/imap_answer.h"

/** The secret that a command signs in with. */
typedef enum gt_imap_by_t {
    GT_IMAP_BY_NOTHING,
    GT_IMAP_BY_TOKEN,
    GT_IMAP_BY_PASSWORD
} gt_imap_by_t;

/**
 * A status as our error. Words of a limit decide first, then a code. Without either a NO is the
 * folder's or the command's; while signing in it is the secret's, which Microsoft refuses so.
 * @param answer   NO, BAD or BYE
 * @param sign_in  the command signs in by this
 * @return never NULL; the server's words are bounded and made printable
 */
GT_NEVER_NULL gt_err_t *gt_imap_refusal(const gt_imap_answer_t *answer, gt_imap_by_t sign_in,
                                        apr_pool_t *p);

/** The server's words for an error: printable ASCII, at most 160 bytes. */
const char *gt_imap_words(const char *text, apr_pool_t *p);

#endif
