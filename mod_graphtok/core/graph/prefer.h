/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PREFER_H
#define GT_PREFER_H

/**
 * @file prefer.h
 * A client's preferences for its events: the time zone, the form of bodies, the kind of ids. They
 * come as parameters of ours, which the links to further pages keep, or in the header field Prefer
 * as Graph knows it. Source: RFC 7240; Microsoft Graph, "Get event" (Prefer), "Obtain immutable
 * identifiers for Outlook resources".
 */

#include <apr_tables.h>

/** One preference. */
typedef struct gt_preference_t {
    const char *name;                 /* the parameter: "body_type" */
    const char *graphs;               /* as Graph names it: "outlook.body-content-type" */
    int (*is_good)(const char *text); /* whether a value is one */
    const char *message;              /* the message for a wrong value */
    const char *constant;             /* the one value that Graph knows; NULL: it takes ours */
} gt_preference_t;

/** All of them; the last one's name is NULL. */
extern const gt_preference_t gt_preferences[];

/** The names of their parameters, blank-separated. */
#define GT_PREFERENCES "timezone body_type id_type"

/**
 * Put the known preferences of a Prefer field into a query, where the query itself does not name
 * them. Text that is no known preference is ignored (RFC 7240, section 2); of two the first counts.
 * The value is checked later, as that of the parameter.
 * @param field  all Prefer fields of a request, joined by commas; NULL: there is none
 */
void gt_prefer_read(apr_table_t *query, const char *field, apr_pool_t *p);

#endif
