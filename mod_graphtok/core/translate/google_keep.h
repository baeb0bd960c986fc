/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GOOGLE_KEEP_H
#define GT_GOOGLE_KEEP_H

/**
 * @file google_keep.h
 * Members of Graph's that Google has none for are kept in an event's private extended properties,
 * which only our registration reads. Source: Google Calendar API, "Extended properties".
 */

#include "base/json.h"

#define GT_KEEP_CATEGORIES "graphtokCategories"   /* one a line */
#define GT_KEEP_TRANSACTION "graphtokTransaction" /* transactionId */
#define GT_KEEP_END_DATE "graphtokEndDate"        /* of a series that Google counts instead */

/** A property of an event; NULL: it has none. */
const char *gt_google_kept(const json_t *event, const char *name);

/** The categories of an event; a new reference. */
json_t *gt_google_kept_categories(const json_t *event, apr_pool_t *p);

#endif
