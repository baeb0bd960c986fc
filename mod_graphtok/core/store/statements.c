/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** The lists of all files with statements of a store. */

#include "store/statements.h"

#include <stddef.h>

const gt_sql_t *const *const gt_store_sql[] = {
    gt_grant_sql,
    gt_grant_access_sql,
    gt_grant_sign_in_sql,
    gt_grant_changes_sql,
    gt_grant_uses_sql,
    gt_grant_name_sql,
    gt_grant_history_sql,
    gt_grant_list_sql,
    gt_grant_sums_sql,
    gt_hour_sql,
    gt_lease_sql,
    gt_due_sql,
    gt_range_sql,
    gt_rekey_sql,
    gt_rekey_access_sql,
    gt_rekey_password_sql,
    gt_ids_sql,
    gt_session_sql,
    gt_grant_account_sql,
    gt_bulk_job_sql,
    gt_bulk_item_sql,
    gt_mail_account_sql,
    gt_mail_claim_sql,
    gt_mail_message_sql,
    gt_mail_list_sql,
    gt_mail_send_sql,
    gt_rekey_message_sql,
    gt_subscription_sql,
    gt_notification_sql,
    gt_delivery_sql,
    NULL,
};
