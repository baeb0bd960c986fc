/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** The table of kinds. In each store a tick looks at them in this order. */

#include "admin/job_kinds.h"

#include <stddef.h>

#include "admin/bulk_work.h"
#include "hooks/deliver.h"
#include "hooks/subscribe.h"
#include "mail/sync_job.h"

const gt_job_kind_t *const gt_job_kinds[] = {
    &gt_job_refresh,   &gt_job_cleanup,       &gt_job_validate,   &gt_job_bulk, &gt_job_mail_sync,
    &gt_job_mail_tidy, &gt_job_subscriptions, &gt_job_deliveries, NULL};
