/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HTML_TEXT_H
#define GT_HTML_TEXT_H

/** @file html_text.h The text of an HTML mail, for a reader and for rules. Thread-safe. */

#include "gt.h"

/**
 * HTML as plain text: what a browser would show as words. Blocks and line breaks end lines, cells
 * of a row are a blank apart, list items begin with "- ", quoted blocks with "> " on each line;
 * scripts, styles, comments and the title are left out. It is one pass over the bytes, any of which
 * mean something.
 * @param html  UTF-8
 * @param most  bytes of the answer; a longer text ends there and sets *is_cut
 * @return UTF-8 as far as `html` was; lines end in LF
 */
char *gt_html_text(const char *html, apr_size_t size, apr_size_t most, int *is_cut, apr_pool_t *p);

#endif
