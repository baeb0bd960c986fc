/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SORTED_H
#define GT_SORTED_H

/**
 * @file sorted.h
 * Messages that were sorted, whichever way they came, with as much of each as an answer needs.
 * Plain values; a list is used by one thread at a time.
 */

#include <jansson.h>

#include "triage/mail.h"
#include "triage/score.h"

/** Most messages of one run. */
#define GT_SORTED_MOST 200

/** The outcome of writing the category of a message. */
typedef enum gt_applied_t {
    GT_APPLIED_NOT,       /* none was asked for, or not yet */
    GT_APPLIED_WRITTEN,   /* it has its category now */
    GT_APPLIED_UNCHANGED, /* it had it already */
    GT_APPLIED_FAILED     /* see `problem` */
} gt_applied_t;

/** A message that was sorted. */
typedef struct gt_sorted_t {
    const char *id, *etag;
    const char *subject, *from, *from_name, *received; /* or NULL */
    apr_array_header_t *categories;                    /* of const char *: those it came with */
    const char *text; /* the beginning of it, where it is kept; else NULL */
    gt_triage_t triage;
    int is_of_model; /* 1: its class is a model server's (graph/triage_model.h) */
    gt_applied_t applied;
    const char *problem; /* why its category could not be written; else NULL */
} gt_sorted_t;

/**
 * Sort a mail by rules, and add it to a list, with its subject, sender and class. The id, and all
 * else that depends on the way it came, is set by the caller.
 * @param sorted      array of gt_sorted_t, whose pool has what is kept
 * @param keeps_text  1: the beginning of its text is kept
 */
gt_sorted_t *gt_sorted_add(apr_array_header_t *sorted, const gt_mail_t *mail,
                           const gt_mail_owner_t *owner, const gt_triage_rules_t *rules,
                           int keeps_text);

/** A text of at most `most` bytes, at a character's end; NULL for NULL. In `p`. */
const char *gt_sorted_front(const char *text, apr_size_t most, apr_pool_t *p);

/** The answer of triage: messages, more. In `p`. */
json_t *gt_sorted_json(const apr_array_header_t *sorted, int has_more, apr_pool_t *p);

#endif
