/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLAIM_VALUE_H
#define GT_CLAIM_VALUE_H

/**
 * @file claim_value.h
 * A claim of a token against a value that an administrator names. Pure; thread-safe.
 */

#include "base/json.h"

/**
 * Whether a claim has a value: the claim is that text, number or truth value, a list that holds it,
 * or, for `scope` and `scp`, a text of words one of which it is (RFC 8693 section 4.2). Text is
 * compared byte by byte.
 * @param claims  an object; NULL: no claim has a value
 * @param name    a claim's, or "a.b" for the member b of the claim a
 */
int gt_claim_holds(const json_t *claims, const char *name, const char *value, apr_pool_t *p);

#endif
