/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_OAUTH_REFUSAL_H
#define GT_OAUTH_REFUSAL_H

/**
 * @file oauth_refusal.h
 * The meaning of a provider's refusal: by its number (Entra's AADSTS…; a table of the provider's
 * kind), else by `suberror`, else by `error` (a table of the kind, then those of oauth_refusal.c).
 * The token endpoint and the callback of a sign-in read the same ones. Source: Microsoft,
 * "Microsoft Entra authentication and authorization error codes"; RFC 6749 4.1.2.1 and 5.2; Google,
 * "Using OAuth 2.0 for Web Server Applications".
 */

#include "base/err.h"

/** The meaning of a refusal. */
typedef struct gt_refusal_t {
    gt_class_t cls;
    gt_extent_t extent;
    const char *meaning;             /* for people; a constant */
    apr_interval_time_t retry_after; /* µs to wait when the provider does not say; 0: nothing */
    int ends_sign_in; /* 1: this user may not sign in here; another try will not help (403) */
} gt_refusal_t;

/** Numbers of a provider's that mean the same. */
typedef struct gt_refusal_row_t {
    gt_refusal_t verdict;
    const int *codes; /* 0 last */
} gt_refusal_row_t;

/** One word of a provider's. */
typedef struct gt_refusal_word_t {
    const char *word; /* NULL: the last row */
    gt_refusal_t verdict;
} gt_refusal_word_t;

/** The numbers and words of a kind of provider. */
typedef struct gt_refusal_tables_t {
    const char *prefix;             /* stands before a number in texts: "AADSTS"; "": no numbers */
    const gt_refusal_row_t *rows;   /* the last has no codes; NULL: no numbers */
    int cancelled;                  /* the one of a user who said no */
    const gt_refusal_word_t *words; /* values of `error` that mean more here; or NULL */
} gt_refusal_tables_t;

/** A provider's refusal as it came. Texts may be NULL or anything: they come from outside. */
typedef struct gt_said_t {
    const char *error;
    const char *suberror;              /* Entra's suberror, Google's error_subtype */
    const gt_refusal_tables_t *tables; /* of the provider's kind, or NULL */
    const apr_int64_t *codes;          /* Entra's error_codes */
    int n_codes;
} gt_said_t;

/** Look it up. @param code  out: the number that decided, 0 when none did. @return NULL: unknown */
const gt_refusal_t *gt_refusal_find(apr_int64_t *code, const gt_said_t *said);

/** The number at the head of an error_description ("AADSTS50076: …"); 0 when there is none.
 * @param tables  those of the provider's kind, or NULL */
apr_int64_t gt_refusal_number(const gt_refusal_tables_t *tables, const char *description);

/** The text for an error's `code`: the number that decided with its prefix, else the provider's
 * word. */
const char *gt_refusal_code(const gt_refusal_tables_t *tables, apr_int64_t number, const char *word,
                            apr_pool_t *p);

/** The meaning of a code as gt_refusal_code writes it: a constant; NULL: it is not known. */
const char *gt_refusal_meaning(const gt_refusal_tables_t *tables, const char *code);

/** A provider's error word when it is fit for a log (1 to 64 of a-z A-Z 0-9 . _ -), else NULL. */
const char *gt_refusal_word(const char *word);

#endif
