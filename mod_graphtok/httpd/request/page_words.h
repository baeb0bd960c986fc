/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PAGE_WORDS_H
#define GTM_PAGE_WORDS_H

/**
 * @file page_words.h
 * Everything that a page says to a person, in each language there is. Plain text in UTF-8, without
 * HTML. Texts for programs (problems, logs) are English and stand where they are made.
 */

#include <httpd.h>

#include "base/err.h"

/** Words of pages, as words.def has them. */
typedef enum gtm_word_t {
#define WORD(name, english, german) GTM_WORD_##name,
#include "request/page_words.def"
#undef WORD
    GTM_WORDS
} gtm_word_t;

/** The title of a kind of errors, and advice. */
typedef struct gtm_error_words_t {
    const char *title;
    const char *advice;
} gtm_error_words_t;

/** One language. */
typedef struct gtm_words_t {
    const char *tag; /* for lang and Content-Language: "de" */
    const char *word[GTM_WORDS];
    gtm_error_words_t cls[GT_CLASSES];
    gtm_error_words_t hint[GT_HINTS]; /* instead of those; none for GT_HINT_NONE */
} gtm_words_t;

/** The language that a request asks for by Accept-Language; English otherwise. */
const gtm_words_t *gtm_words(const request_rec *r);

#endif
