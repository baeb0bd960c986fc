/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_EVENT_RULES_H
#define GT_EVENT_RULES_H

/**
 * @file event_rules.h
 * The table of an event's members: type, bounds and words of each. Source: Microsoft Graph v1.0,
 * event, dateTimeTimeZone, recurrencePattern, recurrenceRange.
 */

#include "base/check.h"
#include "graph/event.h"

/** Longest name of a time zone, in bytes. */
#define GT_ZONE_MAX 64

/**
 * The rules of an event that is created, replaced or changed, for gt_check.
 * @return constant rules, or a copy in `p`; the last one's name is ""
 */
const gt_rule_t *gt_event_rules(gt_event_use_t use, apr_pool_t *p);

#endif
