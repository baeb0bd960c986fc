/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CHECK_H
#define GT_CHECK_H

/**
 * @file check.h
 * Rules for the members of a request body as a table. All wrong fields are found at
 * once and named by their path ("attendees[2].emailAddress.address"). Thread-safe for different
 * objects.
 */

#include "base/json.h"

typedef enum gt_rule_kind_t {
    GT_RULE_TEXT, /* min..max characters (code points), no controls but \t \r \n */
    GT_RULE_BOOL,
    GT_RULE_NUMBER,   /* whole, min..max */
    GT_RULE_REAL,     /* a number, or "NaN", "INF", "-INF" as OData writes them */
    GT_RULE_WORD,     /* one of `words`, blank-separated, case ignored */
    GT_RULE_EMAIL,    /* one address, see gt_is_email */
    GT_RULE_ADDRESS,  /* the same, or an X.500 name as Exchange has them */
    GT_RULE_PERSON,   /* the same, or what Exchange has in its place, see gt_is_person */
    GT_RULE_MOMENT,   /* ISO 8601 date-time, local or with an offset */
    GT_RULE_OBJECT,   /* members by `inner` */
    GT_RULE_LIST,     /* min..max objects by `inner` */
    GT_RULE_TEXTS,    /* min..max texts, each 1 to 255 characters; of `words` when there are */
    GT_RULE_OPEN,     /* a list whose items are judged elsewhere */
    GT_RULE_READ_ONLY /* given by the provider, dropped on the way back */
} gt_rule_kind_t;

/** One member. A table ends with an empty name. Members not in the table are wrong fields. */
typedef struct gt_rule_t {
    const char *name;
    gt_rule_kind_t kind;
    int required;         /* 1: must be there; 2: must be there unless partial */
    apr_int64_t min, max; /* max 0: none */
    const char *words;
    const struct gt_rule_t *inner;
} gt_rule_t;

/**
 * Remove from an object, in place, the members that the provider puts in and refuses when they come
 * back, so that an object which was read can be sent again: annotations of OData, read-only
 * members, null inside of objects, empty addresses. Words get the case that the rules give them.
 * @param keeps_null  1: null in a member of the outermost object stays
 */
void gt_tidy(json_t *object, const gt_rule_t *rules, int keeps_null);

/**
 * Hold an object against its rules.
 * @param partial  1: members with required == 2 may be missing (PATCH), and null clears a single
 *                 value that is not required
 * @return GT_INVALID with every wrong field, or GT_OK
 */
GT_MUST gt_err_t *gt_check(const json_t *object, const gt_rule_t *rules, int partial,
                           apr_pool_t *p);

#endif
