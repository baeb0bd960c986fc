/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_OTHER_CALENDAR_H
#define GT_OTHER_CALENDAR_H

/**
 * @file other_calendar.h
 * From a request about the caller's default calendar (calendar.h) to one about another calendar.
 * Of the texts that name it, each becomes one segment of Graph's path. Pure; thread-safe.
 * Source: Microsoft Graph v1.0, calendar, event, group.
 */

#include "base/check.h"
#include "graph/graph_params.h"

/**
 * Another calendar of the caller's, or the mailbox of another user.
 * @param mailbox   an address or an object id; NULL: the caller's own
 * @param calendar  an id; NULL: the default one
 * @return GT_INVALID naming "mailbox" or "calendar"
 */
GT_MUST gt_err_t *gt_other_calendar(gt_graph_params_t *params, const char *mailbox,
                                    const char *calendar, apr_pool_t *p);

/** The calendar of a Microsoft 365 group. @param group  as gt_calendar_group gave it */
void gt_other_calendar_of_group(gt_graph_params_t *params, const char *group, apr_pool_t *p);

/**
 * A group's id, from a client's URL.
 * @param group  out: in lower case, so that one group has one name; in `p`
 * @return GT_INVALID naming "group": it is no GUID
 */
GT_MUST gt_err_t *gt_calendar_group(const char **group, const char *id, apr_pool_t *p);

#endif
