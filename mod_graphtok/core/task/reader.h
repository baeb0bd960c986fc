/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_READER_H
#define GT_READER_H

/**
 * @file reader.h
 * Secrets for steps. A crew of its own, whose threads may wait, reads a source's file or command
 * (base/source.h): a vault that hangs must hold up neither requests nor refreshes. A source has one
 * reading at a time. A task that needs the value joins the reading, until two seconds after the
 * first task did. Then the value read before is used, or the task fails with Retry-After.
 * Thread-safe.
 */

#include "base/source.h"
#include "task/crew.h"

/** Work: leave a source's value in `secret`. */
typedef struct gt_read_t {
    gt_crew_t *readers;  /* in; NULL: the value is read in place (graphtokctl) */
    gt_source_t *source; /* in; outlives the readers */
    apr_interval_time_t
        fresh;           /* in: a value that was looked at so lately is taken as it is, µs; 0: it
                                  is looked at now */
    gt_secret_t *secret; /* out, in the task's pool */
    gt_flight_t *flight; /* own */
} gt_read_t;
/** Fails as gt_source_last. */
extern const gt_work_t gt_read;

/** Begin to read a source, so that its value is there when a task needs it. A failure is logged. */
void gt_read_ahead(gt_crew_t *readers, gt_source_t *source, apr_pool_t *scratch);

#endif
