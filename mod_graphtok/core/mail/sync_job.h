/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SYNC_JOB_H
#define GT_SYNC_JOB_H

/**
 * @file sync_job.h
 * The kinds of background work for mail: rounds of accounts that are due, and tidying. Each is a
 * row of the table in admin/job_kinds.c.
 */

#include "jobs/job_kind.h"

/** Rounds: their items have a loop and a crew of their own, so that slow mail servers hold up no
 * refresh. */
extern const gt_job_kind_t gt_job_mail_sync;

/** Mail older than GraphTokMailKeep goes, and what was kept of accounts that are gone. */
extern const gt_job_kind_t gt_job_mail_tidy;

#endif
