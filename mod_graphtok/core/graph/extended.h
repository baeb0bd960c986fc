/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_EXTENDED_H
#define GT_EXTENDED_H

/**
 * @file extended.h
 * Values of programs beside an event's own members: extended properties of Exchange, and open
 * extensions. Pure: no I/O. Source: Microsoft Graph v1.0, singleValueLegacyExtendedProperty,
 * multiValueLegacyExtendedProperty, openTypeExtension.
 */

#include "base/json.h"

/** 1 for the id of an extended property: "String {GUID} Name Colour", "Integer {GUID} Id 0x8504",
 * "String 0x0037". */
int gt_is_property_id(const char *id);

/** 1 for the name of an open extension: letters, digits, ".", "_" and "-", as in a reversed
 * domain. */
int gt_is_extension_name(const char *name);

/**
 * The value of $expand that shows properties and extensions, percent-encoded.
 * @param properties  ids with commas between, or NULL
 * @param extensions  names with commas between, "*" for all, or NULL
 * @return NULL when both lists are NULL or empty; "" when a list holds text that is no id or name
 */
const char *gt_extended_expand(const char *properties, const char *extensions, apr_pool_t *p);

/**
 * Read a body as an open extension that Graph takes: annotations and the id are dropped, its type
 * is set. Values are Graph's to judge.
 * @param extension  out: ours, for Graph
 * @param is_new     1: extensionName is demanded
 * @return GT_INVALID with the fields
 */
GT_MUST gt_err_t *gt_extension_read(json_t **extension, const json_t *body, int is_new,
                                    apr_pool_t *p);

#endif
