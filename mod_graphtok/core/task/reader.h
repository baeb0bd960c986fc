/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_READER_H
#define GT_READER_H

/**
 * @file reader.h
 * Secrets for steps. A file or command (base/source.h) is read by a crew of its own, whose threads
 * may wait: a vault that hangs must hold up neither requests nor refreshes. One reading a source at
 * a time; whoever needs the value joins it, for two seconds from the first who did. Then the value
 * read before is used, or the asker fails with Retry-After.
 */

#include "base/source.h"
#include "task/crew.h"

/** Work: leave what a source gives in `secret`. */
typedef struct gt_read_t {
    gt_crew_t *readers;  /* in; NULL: this process does nothing else, the value is read in place */
    gt_source_t *source; /* in; outlives the readers */
    gt_secret_t *secret; /* out, in the task's pool */
    gt_job_t *job;       /* own */
} gt_read_t;
/** Fails as gt_source_last. */
extern const gt_work_t gt_read;

/** Begin to read a source, so that it is known when it is asked for. */
void gt_read_ahead(gt_crew_t *readers, gt_source_t *source, apr_pool_t *scratch);

#endif
