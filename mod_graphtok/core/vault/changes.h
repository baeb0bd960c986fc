/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CHANGES_H
#define GT_CHANGES_H

/**
 * @file changes.h
 * Changes that other nodes made in the stores: the caches of this machine forget those grants.
 */

#include "vault/vault.h"

/** A crew's periodic function: the caches forget grants that changed, and rows that are kept no
 * longer are deleted. @param baton the vault */
void gt_changes_read(void *baton, apr_pool_t *scratch);

#endif
