/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEYTEXT_H
#define GT_KEYTEXT_H

/**
 * @file keytext.h
 * Edit the text of a keyring, for the command line. All other lines stay as they are, comments and
 * blank lines too. Texts and results are secrets in `p`. Pure; thread-safe. When a key begins to
 * write, a comment above it says since when:
 *
 *     # ID writes since 2026-11-21T09:00:00Z
 */

#include "crypt/keyring.h"

/** The text with a key's line at its end: one that reads. */
gt_secret_t *gt_keytext_append(const gt_secret_t *text, const gt_secret_t *line, apr_pool_t *p);

/** The text with a key's line before all other keys: it writes from now on. */
gt_secret_t *gt_keytext_lead(const gt_secret_t *text, const gt_secret_t *line, apr_time_t now,
                             apr_pool_t *p);

/**
 * Take a key out, with the comment that is ours.
 * @param rest  the text without it
 * @param line  its line; NULL: not wanted
 * @return GT_NOT_FOUND when there is no such key
 */
GT_MUST gt_err_t *gt_keytext_take(gt_secret_t **rest, gt_secret_t **line, const gt_secret_t *text,
                                  const char *id, apr_pool_t *p);

/** Since when a key writes, as its comment says, or NULL. */
const char *gt_keytext_since(const gt_secret_t *text, const char *id, apr_pool_t *p);

/**
 * A key's line as it belongs into a keyring, made of such a line or of a key alone.
 * @param id        NULL: as it is
 * @param purposes  "refresh,personal"; NULL: as it is
 * @return GT_INVALID saying what is wrong
 */
GT_MUST gt_err_t *gt_keytext_line(gt_secret_t **line, const gt_secret_t *given, const char *id,
                                  const char *purposes, apr_pool_t *p);

/** The text of a keyring with the keys of two texts, those of `first` before the others. In `p`. */
gt_secret_t *gt_keytext_join(const gt_secret_t *first, const gt_secret_t *second, apr_pool_t *p);

#endif
