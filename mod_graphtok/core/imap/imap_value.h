/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_VALUE_H
#define GT_IMAP_VALUE_H

/**
 * @file imap_value.h
 * The values that an IMAP server's answer consists of: atoms, strings, lists of these (RFC 3501
 * section 4). A string may come quoted or as a literal, in any place; here both are the same.
 * Plain values in the pool of their answer. Thread-safe.
 */

#include "base/err.h"

typedef enum gt_imap_kind_t {
    GT_IMAP_NIL,    /* the atom NIL, in any case of letters */
    GT_IMAP_ATOM,   /* a word, number, flag or section: "12", "\Seen", "BODY[HEADER]<0>" */
    GT_IMAP_STRING, /* quoted, or a literal */
    GT_IMAP_LIST    /* in parentheses; may be empty */
} gt_imap_kind_t;

typedef struct gt_imap_value_t {
    gt_imap_kind_t kind;
    const char *bytes;             /* of an atom or a string, with a NUL behind them; else NULL */
    apr_size_t size;               /* of these, in bytes; a literal may hold NULs */
    struct gt_imap_value_t *first; /* of a list; NULL: it is empty */
    struct gt_imap_value_t *next;  /* in the list that holds this value; NULL: the last */
} gt_imap_value_t;

/** Bytes that are being read as values. */
typedef struct gt_imap_text_t {
    const char *at;
    const char *end;
    int ends_at_bracket; /* 1: these are the words of a response code, which "]" ends */
} gt_imap_text_t;

/** GT_UPSTREAM: the mail server does not speak IMAP. @param what  the form that is broken */
gt_err_t *gt_imap_broken(const char *what, apr_pool_t *p);

/**
 * Read values until the text ends; of a response code, until its bracket, which is left to be read.
 * Nesting is bounded, and so is the number of values.
 * @param first  out: the first value, NULL: there is none
 * @param text   moved behind the values
 * @return GT_UPSTREAM with the form that is broken
 */
GT_MUST gt_err_t *gt_imap_values(gt_imap_value_t **first, gt_imap_text_t *text, apr_pool_t *p);

/** 1 for an atom that is this word, in any case of letters. NULL is none. */
int gt_imap_is(const gt_imap_value_t *value, const char *word);

/** 1 for an atom that is a number of at most 63 bits, which `number` then has. */
int gt_imap_number(apr_int64_t *number, const gt_imap_value_t *value);

/** 1 for an atom that is a number from 1 to 2^32 - 1, as UIDs are (RFC 3501 section 9). */
int gt_imap_nz_number(apr_uint32_t *number, const gt_imap_value_t *value);

/** The bytes of an atom or a string as text; NULL for a list, NIL, and where a NUL is inside. */
const char *gt_imap_astring(const gt_imap_value_t *value);

/**
 * What follows a word in a row of pairs "WORD value WORD value …", as in FETCH and STATUS.
 * @param first  the first word
 * @return NULL when the word is not there
 */
const gt_imap_value_t *gt_imap_after(const gt_imap_value_t *first, const char *word);

#endif
