/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JSON_PLACE_H
#define GT_JSON_PLACE_H

/** @file json_place.h Which member of a JSON text a byte belongs to, for messages about broken
 * texts. Pure; thread-safe.
 */

#include "gt.h"

/**
 * The path of the member under way at a byte ("attendees[2].emailAddress.name"), up to where the
 * text is read before it; "" in the outermost value itself. Names that are long or escaped are not
 * shown.
 */
const char *gt_json_place(const char *bytes, apr_size_t at, apr_pool_t *p);

#endif
