/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ALLOW_H
#define GT_ALLOW_H

/**
 * @file allow.h
 * Rules of GraphTokAllow: methods, and a pattern of paths. A pattern is "/" and segments; `*` is
 * one segment, and `**`, the last, is the rest of the path, which may be nothing. All else stands
 * for itself, byte by byte, in its own case. A key in parentheses is a segment (OData URL
 * Conventions 4.0, section 4.3): "/users('ada')" is "/users/ada" in patterns and paths alike, and
 * "/messages/delta()" is "/messages/delta". Rules add up: what none of them allows is refused. A
 * rule may want claims of the caller's token, all those that it names. Thread-safe for different
 * objects; a rule that was read is constant.
 */

#include "base/json.h"

/** A claim that a rule wants. */
typedef struct gt_allow_claim_t {
    const char *name, *value; /* as gt_claim_holds takes them */
} gt_allow_claim_t;

/** One rule. */
typedef struct gt_allow_t {
    unsigned methods;           /* a set of ours */
    const char *pattern;        /* of a path as httpd decodes it */
    apr_array_header_t *claims; /* of gt_allow_claim_t; NULL: it wants none */
} gt_allow_t;

/**
 * Read a rule as the administrator writes it: "GET POST /calendar/events/ **" without the blank,
 * and "claim:NAME=VALUE" behind it for each claim that it wants.
 * @param rule  out, in `p`
 * @param why   on failure: what is wrong, and what to write
 * @return 1, or 0 with *why set
 */
GT_MUST int gt_allow_parse(gt_allow_t *rule, const char *text, const char **why, apr_pool_t *p);

/** The rule as it is written, with its methods in one order. */
char *gt_allow_text(const gt_allow_t *rule, apr_pool_t *p);

/**
 * Whether one of the rules allows a request.
 * @param rules   of gt_allow_t; NULL: there are none
 * @param method  "GET" for HEAD, which goes with it (RFC 9110 section 9.3.2)
 * @param path    as routes are looked up by: decoded once but for "%2F", which stays within its
 *                segment; a slash at its end does not count
 * @param claims  of the caller's token, an object; NULL: it has none
 */
int gt_allow_fits(const apr_array_header_t *rules, const char *method, const char *path,
                  const json_t *claims, apr_pool_t *p);

/** 1 when a rule allows a path at or below a place. @param place "/calendar"; "" for the root */
int gt_allow_reaches(const gt_allow_t *rule, const char *place);

#endif
