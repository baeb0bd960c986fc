/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REKEY_MESSAGES_H
#define GT_REKEY_MESSAGES_H

/**
 * @file rekey_messages.h
 * The part of rekey.h for messages of mail: its functions take ranges of messages
 * (gt_range_t.is_mail). A message whose account is gone does not count, since no reader is left and
 * a tidying drops it; neither does one that is kept in clear. For store/rekey only. May block on
 * the database; a range, or a pass, is used by one thread.
 */

#include "store/rekey.h"

/** A message counts as a row. As gt_rekey_rows, gt_rekey_left and gt_rekey_fernet_rows. */
GT_MUST gt_err_t *gt_rekey_message_rows(apr_array_header_t *rows, const gt_range_t *range,
                                        apr_pool_t *p);
GT_MUST gt_err_t *gt_rekey_messages_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p);
GT_MUST gt_err_t *gt_rekey_messages_fernet(apr_int64_t *rows, const gt_range_t *range,
                                           const char *id, apr_pool_t *p);

/** Seal messages of the pass's range anew, those after pass->message_after; that moves on, to the
 * range's last id when there are no more. @param most  or fewer, since texts may be long */
GT_MUST gt_err_t *gt_rekey_messages_some(gt_rekey_t *pass, int most, apr_pool_t *p);

#endif
