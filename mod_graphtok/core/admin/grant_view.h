/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_VIEW_H
#define GT_GRANT_VIEW_H

/** @file grant_view.h How a grant is shown to an administrator. Safe on any thread. */

#include "base/json.h"
#include "conf/config.h"
#include "store/grant_history.h"

/** A text for one line of a terminal: control characters, which a provider or another program may
 * have written, become '?'. In `p`. */
const char *gt_printable_line(const char *text, apr_pool_t *p);

/** A person for the page after a sign-in: "NAME (E-MAIL)", or the one that is known; NULL: neither
 * is. */
const char *gt_person(const char *name, const char *email, apr_pool_t *p);

/** "USER (NAME, E-MAIL)", without the parts that are not known, printable. */
const char *gt_grant_user_line(const gt_grant_t *grant, apr_pool_t *p);

/** "inactive", "active", "needs-user". */
const char *gt_status_name(gt_status_t status);

/** The status of that name; -1: there is none. */
int gt_status_of_name(const char *name);

/** A grant as JSON, without its tokens. The caller owns the reference.
 * @param config  knows the meaning of its provider's codes */
json_t *gt_grant_json(const gt_store_t *store, const gt_grant_t *grant, const gt_config_t *config,
                      apr_pool_t *p);

/** A history as JSON, the newest entry first. The caller owns the reference. */
json_t *gt_history_json(const apr_array_header_t *entries, apr_pool_t *p);

/** Add a store's sums to an object: total, active, inactive, needs_user, expired, expiring_soon,
 * refresh_failures. */
void gt_stats_show(json_t *json, const gt_grant_stats_t *stats);

#endif
