/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_ROWS_H
#define GT_MAIL_ROWS_H

/**
 * @file mail_rows.h
 * Between rows of mail_accounts and accounts. For store/ only; others see mail_account.h. Functions
 * may block on the database.
 */

#include "store/mail_account.h"
#include "store/store.h"

#define GT_MAIL_PASSWORD_COLUMN "password_encrypted"

/** Words of statements about accounts: {halt} is a gt_mail_halt_t; {account} are the columns that
 * gt_mail_row_read reads. Columns stand behind the table's name without its schema, which both
 * engines take in all clauses; SQLite knows no alias in RETURNING. */
extern const gt_word_t gt_mail_words[];

/** Read a row of {account}. @return GT_DAMAGED when a number is none */
GT_MUST gt_err_t *gt_mail_row_read(gt_mail_account_t *account, const gt_db_row_t *row,
                                   apr_pool_t *p);

/** The same for many. @param accounts array of gt_mail_account_t */
GT_MUST gt_err_t *gt_mail_rows_read(apr_array_header_t **accounts, const apr_array_header_t *rows,
                                    apr_pool_t *p);

/** The error of a row that cannot be read. @param id  NULL: not known */
GT_MUST gt_err_t *gt_mail_damaged(const char *id, apr_pool_t *p);

/** Whether a store keeps mail and has the tables for it; quiet where it does not.
 * @param ids  out: those of the store, where it has them */
GT_MUST gt_err_t *gt_mail_has_tables(int *has, gt_ids_t *ids, gt_store_t *store, apr_pool_t *p);

/** The store has tables of mail, or the error that says how it gets them. */
GT_MUST gt_err_t *gt_mail_demand(gt_store_t *store, apr_pool_t *p);

#endif
