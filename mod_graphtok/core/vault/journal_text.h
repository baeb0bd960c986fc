/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOURNAL_TEXT_H
#define GT_JOURNAL_TEXT_H

/**
 * @file journal_text.h
 * The text of one entry of the journal, in each format that is read. Pure: no I/O.
 */

#include "vault/journal.h"

/** 1 when an entry names its store by the id. */
int gt_entry_has_ids(const gt_entry_t *entry);

/**
 * Print an entry, its tokens sealed.
 * @param entry  with a database; with a resource where it has ids
 */
GT_MUST gt_err_t *gt_entry_print(const char **text, const gt_entry_t *entry,
                                 const gt_keyring_t *ring, apr_pool_t *p);

/** Read a text into an entry whose name is set; the tokens stay closed. @return GT_DAMAGED */
GT_MUST gt_err_t *gt_entry_parse(gt_entry_t *entry, const char *text, apr_pool_t *p);

/** Open the tokens. @return GT_DAMAGED when they cannot be, or any line of the entry was changed */
GT_MUST gt_err_t *gt_entry_open(gt_entry_t *entry, const gt_keyring_t *ring, apr_pool_t *p);

#endif
