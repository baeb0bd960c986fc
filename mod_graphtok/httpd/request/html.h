/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_HTML_H
#define GTM_HTML_H

/**
 * @file html.h
 * Writing HTML piece by piece. Markup stands in format strings of ours alone; a text that is put
 * into them is escaped, for content and for quoted attributes alike, and cannot turn the direction
 * of the text around it. A writer belongs to one request, and lives in its pool.
 */

#include <apr_pools.h>

typedef struct gtm_html_t gtm_html_t;

/** An empty writer. */
gtm_html_t *gtm_html_make(apr_pool_t *p);

/**
 * Write markup. Of printf's conversions it knows %s (a text, escaped; NULL is none), %d, %ld (an
 * APR_INT64_T_FMT) and %%. Attributes stand in double quotes. In a text, characters that control a
 * device or the direction of writing, and bytes that are no UTF-8, become U+FFFD.
 */
void gtm_html(gtm_html_t *html, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Write markup as it is, of our own making. */
void gtm_html_markup(gtm_html_t *html, const char *markup);

/** All that was written. */
const char *gtm_html_text(const gtm_html_t *html);

#endif
