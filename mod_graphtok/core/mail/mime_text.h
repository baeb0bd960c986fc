/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MIME_TEXT_H
#define GT_MIME_TEXT_H

/** @file mime_text.h Bytes of any charset as UTF-8 that can be shown and stored. Thread-safe. */

#include "gt.h"

/**
 * Bytes as UTF-8, by the charset that they are said to be in or, where that is unknown or cannot
 * be, by what they look like: UTF-8, else windows-1252. Bytes that mean nothing become U+FFFD.
 * @param charset  as the mail names it; NULL: it does not
 * @param most  bytes of the answer; longer texts end before, at a character, and set *is_cut
 * @return not yet clean, gt_mime_clean_text comes next; NUL is a blank in it
 */
char *gt_mime_utf8(const char *charset, const char *bytes, apr_size_t size, apr_size_t most,
                   int *is_cut, apr_pool_t *p);

/** Without control characters but LF and TAB; line ends become LF; bytes that are no UTF-8 become
 * U+FFFD. `most` and `is_cut` as above. */
char *gt_mime_clean_text(const char *text, apr_size_t size, apr_size_t most, int *is_cut,
                         apr_pool_t *p);

/** The same as one line: white space and control characters become one blank, none at its ends. */
char *gt_mime_clean_line(const char *text, apr_size_t size, apr_size_t most, int *is_cut,
                         apr_pool_t *p);

#endif
