/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REKEY_PASSWORDS_H
#define GT_REKEY_PASSWORDS_H

/**
 * @file rekey_passwords.h
 * The part of rekey.h for passwords of mail accounts. They belong to no range of grants, and few
 * accounts have one: all of them count with the first range, and a pass begins with them. Quiet
 * where a store has no mail accounts. For store/rekey only. May block on the database; a range, or
 * a pass, is used by one thread.
 */

#include "store/rekey.h"

/** A password counts as a row. As gt_rekey_rows, gt_rekey_left and gt_rekey_fernet_rows. */
GT_MUST gt_err_t *gt_rekey_password_rows(apr_array_header_t *rows, const gt_range_t *range,
                                         apr_pool_t *p);
GT_MUST gt_err_t *gt_rekey_passwords_left(apr_int64_t *rows, const gt_range_t *range,
                                          apr_pool_t *p);
GT_MUST gt_err_t *gt_rekey_password_fernet(apr_int64_t *rows, const gt_range_t *range,
                                           const char *id, apr_pool_t *p);

/** Seal all of them anew. */
GT_MUST gt_err_t *gt_rekey_passwords(gt_rekey_t *pass, apr_pool_t *p);

#endif
