/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_STATEMENTS_H
#define GT_STATEMENTS_H

/**
 * @file statements.h
 * The statements of each file that reads a store, so that tests can ask the engines how each one is
 * carried out. Each list ends with NULL.
 */

#include "db/sql.h"

extern const gt_sql_t *const gt_grant_sql[];
extern const gt_sql_t *const gt_grant_access_sql[];
extern const gt_sql_t *const gt_grant_sign_in_sql[];
extern const gt_sql_t *const gt_grant_changes_sql[];
extern const gt_sql_t *const gt_grant_uses_sql[];
extern const gt_sql_t *const gt_grant_history_sql[];
extern const gt_sql_t *const gt_grant_list_sql[];
extern const gt_sql_t *const gt_grant_name_sql[];
extern const gt_sql_t *const gt_grant_sums_sql[];
extern const gt_sql_t *const gt_hour_sql[];
extern const gt_sql_t *const gt_lease_sql[];
extern const gt_sql_t *const gt_due_sql[];
extern const gt_sql_t *const gt_range_sql[];
extern const gt_sql_t *const gt_rekey_sql[];
extern const gt_sql_t *const gt_rekey_access_sql[];
extern const gt_sql_t *const gt_rekey_password_sql[];
extern const gt_sql_t *const gt_rekey_message_sql[];
extern const gt_sql_t *const gt_ids_sql[];
extern const gt_sql_t *const gt_session_sql[];
extern const gt_sql_t *const gt_grant_account_sql[];
extern const gt_sql_t *const gt_bulk_job_sql[];
extern const gt_sql_t *const gt_bulk_item_sql[];
extern const gt_sql_t *const gt_mail_account_sql[];
extern const gt_sql_t *const gt_mail_claim_sql[];
extern const gt_sql_t *const gt_mail_message_sql[];
extern const gt_sql_t *const gt_mail_list_sql[];
extern const gt_sql_t *const gt_mail_send_sql[];
extern const gt_sql_t *const gt_subscription_sql[];
extern const gt_sql_t *const gt_notification_sql[];
extern const gt_sql_t *const gt_delivery_sql[];

/** All of these lists; ends with NULL. */
extern const gt_sql_t *const *const gt_store_sql[];

#endif
