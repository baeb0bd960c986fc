/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_GIVEN_NAMES_H
#define GTM_GIVEN_NAMES_H

/**
 * @file given_names.h
 * Names of header fields and variables that only we may give (GraphTokPassToken): which there are,
 * and which cannot be such a name. pass/strip takes them out of requests. Built in the parent while
 * the configuration is read; constant afterwards, so any thread may read it.
 */

#include <apr_tables.h>

/** Default names of the header field and of the variable. */
#define GTM_PASS_FIELD "X-GraphTok-Token"
#define GTM_PASS_VARIABLE "GRAPHTOK_TOKEN"

/** The values that are given under a name and its endings. */
typedef enum gtm_pass_part_t {
    GTM_PART_TOKEN,
    GTM_PART_EXPIRES, /* …-Expires */
    GTM_PART_USER,    /* …-User */
    GTM_PART_REASON,  /* …-Reason: why there is no token */
    GTM_PASS_PARTS
} gtm_pass_part_t;

/** The full name of a part, as a header field or as a variable. */
const char *gtm_given_name(const char *name, gtm_pass_part_t part, int is_variable, apr_pool_t *p);

/** Why a name cannot be used, as the rest of a sentence that began with it; NULL: it can. */
const char *gtm_given_name_refuse(const char *name, int is_variable);

/** Add a name with all its parts to those that only we may give. */
void gtm_given_names_add(apr_array_header_t *names, const char *name);

/** The name that a variable was made of: without the REDIRECT_ of each internal redirect and the
 * HTTP_ of header fields. */
const char *gtm_given_origin(const char *variable);

/** 1 when an application could take `name` for one of `names`. */
int gtm_is_given_name(const char *name, const apr_array_header_t *names);

#endif
