/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FOLD_H
#define GT_FOLD_H

/**
 * @file fold.h
 * Text made comparable: lower case, no accents, one blank between words. Of punctuation only the
 * ends of sentences stay, as words of their own: "?" of a question (of every script), "." of any
 * other one, and "@" right before a word. Latin, Greek and Cyrillic letters lose their case, Latin
 * ones their accents as well; letters of other scripts stay as they are. Pure; thread-safe.
 */

#include "gt.h"

/**
 * One stretch of text, which may be any bytes.
 * @return " are you free ? ": words with a blank before and behind each; " " when there is none
 */
char *gt_fold(const char *text, apr_size_t len, apr_pool_t *p);

#endif
