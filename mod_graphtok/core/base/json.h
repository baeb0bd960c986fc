/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JSON_H
#define GT_JSON_H

/**
 * @file json.h
 * jansson tied to pools, and typed reading that names the member it missed. A json_t from here is
 * released when its pool goes; never json_decref it. Borrowed references stay borrowed. A value is
 * used by one thread at a time; else thread-safe.
 */

#include <jansson.h>

#include "gt.h"

/**
 * Parse bytes from outside: UTF-8, no duplicate members, at most 32 levels deep.
 * @param root  object or array, released with `p`
 * @return GT_INVALID naming line and column, never quoting the text
 */
GT_MUST gt_err_t *gt_json_parse(json_t **root, const char *bytes, apr_size_t len, apr_pool_t *p);

/**
 * Parse a provider's answer: an oddity in a member that is not read spoils nothing. Of members that
 * stand there twice the last one counts; a byte order mark, and text behind the value, are ignored;
 * parts that json_mend.h replaces read as U+FFFD or null. The reader of a member checks it. Not for
 * claims, nor for a client's texts.
 * @param root  object or array, released with `p`
 * @return as gt_json_parse
 */
GT_MUST gt_err_t *gt_json_parse_answer(json_t **root, const char *bytes, apr_size_t len,
                                       apr_pool_t *p);

/** Tie a new reference to a pool and return it. NULL (out of memory) aborts as APR does. */
json_t *gt_json_own(json_t *fresh, apr_pool_t *p);

/** A new object tied to `p`. */
json_t *gt_json_object(apr_pool_t *p);

/** Set a text member; NULL becomes JSON null. `text` must be UTF-8 (else replaced by null). */
void gt_json_set(json_t *object, const char *key, const char *text);

/** Set a number, a boolean, or a time as RFC 3339 (0: null). */
void gt_json_set_number(json_t *object, const char *key, apr_int64_t number);
void gt_json_set_bool(json_t *object, const char *key, int flag);
void gt_json_set_time(json_t *object, const char *key, apr_time_t t, apr_pool_t *p);

/** Set a member to a new reference (it is taken over). */
void gt_json_put(json_t *object, const char *key, json_t *fresh);

/** A text member, or NULL when it is missing or no text. Lives as long as the object. */
const char *gt_json_text(const json_t *object, const char *key);

/** A text member that may be missing (*text NULL). 0 when it is there and no text. */
GT_MUST int gt_json_optional_text(const char **text, const json_t *object, const char *key);

/** 1 when a list has this text among its items; 0 also when it is no list. */
int gt_json_holds(const json_t *list, const char *text);

/** A number member that may come as number or decimal text (v1 endpoints do); 0 when it is neither
 * or not within ±2^53. */
GT_MUST int gt_json_number(apr_int64_t *number, const json_t *object, const char *key);

/** Compact text of a value, in `p`. */
char *gt_json_dump(const json_t *value, apr_pool_t *p);

#endif
