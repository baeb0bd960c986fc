/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_OWN_TEXT_H
#define GT_OWN_TEXT_H

/**
 * @file own_text.h
 * What the sender of a mail wrote, without what a mail program puts below: an earlier mail, a
 * signature (RFC 3676 section 4.3). Pure; thread-safe.
 */

#include "triage/rules.h"

/**
 * Subject and own text as one folded stretch (fold.h), in which a sentence ends at the end of the
 * subject and at each empty line.
 * @param subject, text  UTF-8 or any bytes; NULL: there is none
 */
const char *gt_own_text(const char *subject, const char *text, const gt_triage_rules_t *rules,
                        apr_pool_t *p);

#endif
