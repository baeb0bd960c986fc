/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_ANSWER_H
#define GT_IMAP_ANSWER_H

/**
 * @file imap_answer.h
 * One answer of an IMAP server (RFC 3501 section 7, where it is called a response): a plain value
 * in the pool of its reading. Thread-safe.
 */

#include "imap/imap_value.h"

/** How an answer begins. */
typedef enum gt_imap_form_t {
    GT_IMAP_DATA,    /* "* LIST …", "* 12 FETCH …" */
    GT_IMAP_STATUS,  /* OK, NO, BAD, BYE or PREAUTH, with a tag or without */
    GT_IMAP_CONTINUE /* "+ …": the server waits for more of the command */
} gt_imap_form_t;

/** An answer, in the pool of its reading. */
typedef struct gt_imap_answer_t {
    gt_imap_form_t form;
    const char *ends;    /* the tag of the command that it ends; NULL: untagged */
    const char *name;    /* "FETCH", "OK", as the server writes it; NULL: a continuation */
    apr_uint32_t number; /* before the name, as in "* 12 FETCH"; 0: none */
    const char
        *code; /* of a status, "UIDVALIDITY" of "[UIDVALIDITY 7]"; NULL: none, or not a word */
    const gt_imap_value_t *values; /* behind the name, or behind the code; NULL: none */
    const char
        *text; /* of a status or a continuation, as it stands: not UTF-8 for sure; else NULL */
} gt_imap_answer_t;

/** 1 for an answer of this name, in any case of letters. */
int gt_imap_is_named(const gt_imap_answer_t *answer, const char *name);

/** 1 for OK, NO, BAD, BYE and PREAUTH, in any case of letters: the text behind these holds no
 * literal. NULL is none. */
int gt_imap_is_status(const char *name);

/**
 * Take an answer apart.
 * @param answer  out, in `p`
 * @param bytes   all of its lines and literals, without the end of the last line
 * @return GT_UPSTREAM when it is no IMAP
 */
GT_MUST gt_err_t *gt_imap_answer_of(gt_imap_answer_t **answer, const char *bytes, apr_size_t size,
                                    apr_pool_t *p);

#endif
