/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JSON_MEND_H
#define GT_JSON_MEND_H

/** @file json_mend.h For json.c: JSON texts as careless writers make them. */

#include "gt.h"

/**
 * Replace what no JSON parser has to take (RFC 8259): a byte order mark goes; within texts U+FFFD
 * stands for bytes that are no UTF-8, control characters, U+0000, surrogates without their other half
 * and unknown escapes; a word or number that is none, or too large, becomes null. Everything else is
 * as it was, so a text that is no JSON for other reasons is none afterwards.
 * @param mended_len  out
 * @return in `p`, wiped with it
 */
char *gt_json_mend(apr_size_t *mended_len, const char *bytes, apr_size_t len, apr_pool_t *p);

#endif
