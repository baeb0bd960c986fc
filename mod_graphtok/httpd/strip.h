/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_STRIP_H
#define GTM_STRIP_H

/**
 * @file strip.h
 * Names that only we may give (GraphTokPassToken): an application must be able to believe what
 * stands under them. They are taken out of every request before any other module reads it, in each
 * spelling that an application could take for ours, whether a token is passed there or not.
 */

#include <httpd.h>

/** Default names of the header field and of the variable. */
#define GTM_PASS_FIELD "X-GraphTok-Token"
#define GTM_PASS_VARIABLE "GRAPHTOK_TOKEN"

/** What is given under a name and its endings. */
typedef enum gtm_pass_part_t {
    GTM_PART_TOKEN,
    GTM_PART_EXPIRES, /* …-Expires */
    GTM_PART_USER,    /* …-User */
    GTM_PART_REASON,  /* …-Reason: why there is no token */
    GTM_PASS_PARTS
} gtm_pass_part_t;

/** The full name of a part, as a header field or as a variable. */
const char *gtm_strip_name(const char *name, gtm_pass_part_t part, int is_variable, apr_pool_t *p);

/** Why a name cannot be used, as the rest of a sentence that began with it; NULL: it can. */
const char *gtm_strip_refuse(const char *name, int is_variable);

/** Add a name with all its parts to those that only we may give. */
void gtm_strip_add(apr_array_header_t *names, const char *name);

/** Take whatever has such a name out of the request's header fields and variables. Does not write
 * to a table that a sub-request shares with others. */
void gtm_strip(request_rec *r);

/** The name that a variable was made of: without the REDIRECT_ of each internal redirect and the HTTP_ of
 * header fields. */
const char *gtm_strip_origin(const char *variable);

/** Register what keeps trailers clean; while hooks are registered. */
void gtm_strip_register(void);

/** post_read_request hook: what the client sent; after an internal redirect, what the first location
 * was given. */
int gtm_strip_request(request_rec *r);

#endif
