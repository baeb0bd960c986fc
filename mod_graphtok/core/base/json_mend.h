/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JSON_MEND_H
#define GT_JSON_MEND_H

/**
 * @file json_mend.h
 * For json.c: turn a provider's text that breaks the rules of JSON in small ways into one that a
 * strict parser takes. Pure; thread-safe.
 */

#include "gt.h"

/**
 * Replace the parts that a JSON parser may refuse (RFC 8259). A byte order mark is removed. Within
 * strings U+FFFD takes the place of bytes that are no UTF-8, of control characters, U+0000, lone
 * surrogates and unknown escapes. An unknown word, or a number that is malformed or too large,
 * becomes null. Everything else is copied, so a text with other faults still fails in the parser.
 * @param mended_len  out, bytes; at most four times `len`
 * @return in `p`, NUL-terminated, wiped with it
 */
char *gt_json_mend(apr_size_t *mended_len, const char *bytes, apr_size_t len, apr_pool_t *p);

#endif
