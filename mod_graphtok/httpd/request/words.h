/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_WORDS_H
#define GTM_WORDS_H

/**
 * @file words.h
 * Everything that a page says to a person, in each language there is. Plain text in UTF-8, without
 * HTML. Texts for programs (problems, logs) are English and stand where they are made.
 */

#include <httpd.h>

#include "base/err.h"

/** Words that stand on several pages. Order = the rows of words.c. */
typedef enum gtm_word_t {
    GTM_WORD_SIGN_IN,         /* a link: sign in */
    GTM_WORD_SIGN_IN_AGAIN,   /* a link: sign in once more */
    GTM_WORD_TRY_AGAIN,       /* a link: the same page again */
    GTM_WORD_START_PAGE,      /* a link: the site's start page */
    GTM_WORD_SIGNED_IN,       /* title after a sign-in */
    GTM_WORD_SIGNED_IN_AS,    /* before the person's name or address */
    GTM_WORD_MAY_CLOSE,       /* after a sign-in that leads nowhere */
    GTM_WORD_SIGNED_OUT,      /* title after a sign-out */
    GTM_WORD_SIGNED_OUT_HERE, /* what it means */
    GTM_WORD_CONSENT,         /* title after an administrator was asked */
    GTM_WORD_CONSENT_GIVEN,   /* the provider's answer to it */
    GTM_WORD_CONSENT_ASKED,   /* the same, when it was asked for here */
    GTM_WORD_CONSENT_REFUSED, /* the same */
    GTM_WORD_TENANT,          /* before a tenant's id */
    GTM_WORD_DETAILS,         /* heading of the error's own words */
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
