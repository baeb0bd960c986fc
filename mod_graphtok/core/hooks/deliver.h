/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DELIVER_H
#define GT_DELIVER_H

/**
 * @file deliver.h
 * Notifications on their way to the application's address (GraphTokDeliver), signed as Standard
 * Webhooks has it, at least once each, and in order for a resource: a later one waits until the one
 * before it is delivered or dead. Calls wait on the loop of kinds that are apart: many at a time,
 * and a slow application holds up no call to a provider.
 */

#include "jobs/job_kind.h"

/** The job that does so for all stores. */
extern const gt_job_kind_t gt_job_deliveries;

#endif
