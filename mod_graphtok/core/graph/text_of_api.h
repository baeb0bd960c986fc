/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEXT_OF_API_H
#define GT_TEXT_OF_API_H

/** @file text_of_api.h Words and lines that an API says of its refusal, fit for logs and problems.
 * `text` may be NULL or anything. Thread-safe. */

#include "gt.h"

/** A word like ErrorItemNotFound or a request id, at most 64 bytes; NULL for anything else. */
const char *gt_api_word(const char *text, apr_pool_t *p);

/** One line of at most 256 bytes, without controls; NULL when there is none, or when it may quote a
 * token. */
const char *gt_api_line(const char *text, apr_pool_t *p);

#endif
