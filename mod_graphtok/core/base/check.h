/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CHECK_H
#define GT_CHECK_H

/**
 * @file check.h
 * Rules for the members of a request body as a table (mission C6). All wrong fields are found at
 * once and named by their path ("attendees[2].emailAddress.address").
 */

#include "base/json.h"

typedef enum gt_rule_kind_t {
    GT_RULE_TEXT, /* min..max characters (code points), no controls but \t \r \n */
    GT_RULE_BOOL,
    GT_RULE_NUMBER, /* whole, min..max */
    GT_RULE_WORD,   /* one of `words`, blank-separated, case-sensitive */
    GT_RULE_EMAIL,  /* one address, RFC 5321 mailbox without comments, quotes or literals */
    GT_RULE_LOCAL,  /* ISO 8601 local date-time */
    GT_RULE_OBJECT, /* members by `inner` */
    GT_RULE_LIST,   /* min..max objects by `inner` */
    GT_RULE_TEXTS   /* min..max texts, each 1 to 255 characters */
} gt_rule_kind_t;

/** One member. A table ends with an empty name. Members not in the table are wrong fields. */
typedef struct gt_rule_t {
    const char *name;
    gt_rule_kind_t kind;
    int required; /* 1: must be there; 2: must be there unless partial */
    apr_int64_t min, max;
    const char *words;
    const struct gt_rule_t *inner;
} gt_rule_t;

/**
 * Hold an object against its rules.
 * @param partial  1: members with required == 2 may be missing (PATCH)
 * @return GT_INVALID with every wrong field, or GT_OK
 */
GT_MUST gt_err_t *gt_check(const json_t *object, const gt_rule_t *rules, int partial,
                           apr_pool_t *p);

/** 1 for one well-formed address: one @, no blanks, quotes, commas or controls, ≤ 254 bytes. */
int gt_is_email(const char *text);

#endif
