/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ADMIN_FRAME_H
#define GTM_ADMIN_FRAME_H

/**
 * @file admin_frame.h
 * The frame of the pages for administrators, and the small pieces that several of them have. A page
 * can be read without its script, which adds acts on many grants and what moves. All of it belongs
 * to one request, and lies in its pool.
 */

#include "base/json.h"
#include "request/html.h"
#include "request/request.h"
#include "request/page_words.h"

/** A page that is being written. */
typedef struct gtm_admin_page_t {
    gtm_request_t *x;
    const gtm_words_t *words;
    gtm_html_t *html;
    const char *root; /* the path of the handler's place as browsers see it, without a last slash */
    const char *csrf; /* token of its forms; "" where the keys are away: they are refused then */
    apr_table_t *asked; /* the query of its address */
} gtm_admin_page_t;

/** A word in the page's language. */
#define GTM_SAY(page, name) ((page)->words->word[GTM_WORD_##name])

/** Begin a page. @param section  GTM_WORD_OVERVIEW, _GRANTS, _MAILBOXES or _JOBS, where it belongs
 * @param title  of this one page, and its heading */
gtm_admin_page_t *gtm_admin_begin(gtm_request_t *x, gtm_word_t section, const char *title);

/** End the page and make it the request's answer. */
void gtm_admin_end(gtm_admin_page_t *page);

/** The path of a page of ours, for a link. @param below  "/grants" */
const char *gtm_admin_path(const gtm_request_t *x, const char *below);

/** The path of one grant or job. @param below  "/grants/" */
const char *gtm_admin_path_of(const gtm_request_t *x, const char *below, const char *id);

/** Write a time of RFC 3339, or its date alone; NULL: never. */
void gtm_admin_time(gtm_admin_page_t *page, const char *time);

/** Write a grant's status, a job's state or an outcome: a coloured mark and its word. An unknown
 * one is written as it is. */
void gtm_admin_badge(gtm_admin_page_t *page, const char *state);

/** The word of a status, state, outcome or act; itself where none is known. */
const char *gtm_admin_word(const gtm_admin_page_t *page, const char *name);

/** Write the hidden field of a form that acts. */
void gtm_admin_token(gtm_admin_page_t *page);

/** Write an option of a list. @param chosen  the value that is chosen, or NULL for "" */
void gtm_admin_option(gtm_admin_page_t *page, const char *value, const char *chosen,
                      const char *label);

/** A parameter of the page's query; "" where it has none. */
const char *gtm_admin_asked(const gtm_admin_page_t *page, const char *name);

/** A count in groups of three digits, as the page's language writes it. */
const char *gtm_admin_grouped(const gtm_admin_page_t *page, apr_int64_t n);

/** A number of a JSON object; 0 where it has none. */
apr_int64_t gtm_admin_number(const json_t *object, const char *key);

#endif
