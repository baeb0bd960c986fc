/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOB_KINDS_H
#define GT_JOB_KINDS_H

/** @file job_kinds.h All kinds of background work, those of the room below and our own. */

#include "jobs/job_kind.h"

/** The table; NULL last. */
extern const gt_job_kind_t *const gt_job_kinds[];

#endif
