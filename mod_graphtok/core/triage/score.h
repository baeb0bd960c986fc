/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SCORE_H
#define GT_SCORE_H

/**
 * @file score.h
 * Sorts a mail: each rule that fits adds its points, the sum says the class, and the rules that
 * fitted are the reasons. Pure: no I/O, no clock; knows neither Graph nor IMAP. Thread-safe.
 */

#include "triage/mail.h"
#include "triage/rules.h"

/** The class of a mail, and the reasons. */
typedef struct gt_triage_t {
    gt_triage_class_t cls;
    int sum;
    apr_array_header_t *reasons; /* of const char *, the weightiest first; of the rules' memory */
} gt_triage_t;

/**
 * Sort one mail. Looks at the first 1,000 bytes of the subject and the first 16 KiB of the text, as
 * far as no earlier mail is quoted in it.
 */
void gt_triage_score(gt_triage_t *verdict, const gt_mail_t *mail, const gt_mail_owner_t *owner,
                     const gt_triage_rules_t *rules, apr_pool_t *p);

#endif
