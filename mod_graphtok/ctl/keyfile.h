/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_KEYFILE_H
#define CTL_KEYFILE_H

/**
 * @file keyfile.h
 * A keyring's file, changed by one graphtokctl at a time. Readers see the old file or the new one,
 * whole. Owner, group and mode stay; the file before is kept as FILE.backup, for its owner alone.
 * One thread, that of the verb.
 */

#include "gt.h"

typedef struct ctl_keyfile_t ctl_keyfile_t;

/**
 * Open, lock and read it. The lock is held as long as `p`.
 * @param may_make  1: a file that does not exist is made when it is written
 * @return GT_BUSY when another graphtokctl has it; GT_NOT_FOUND; GT_INTERNAL when others may read
 *         it
 */
GT_MUST gt_err_t *ctl_keyfile_open(ctl_keyfile_t **file, const char *path, int may_make,
                                   apr_pool_t *p);

/** Its text; empty for a file that is to be made. */
const gt_secret_t *ctl_keyfile_text(const ctl_keyfile_t *file);

/** Its path, without symbolic links. */
const char *ctl_keyfile_path(const ctl_keyfile_t *file);

/** Replace it. On failure the old file is there unchanged. */
GT_MUST gt_err_t *ctl_keyfile_write(ctl_keyfile_t *file, const gt_secret_t *text, apr_pool_t *p);

#endif
