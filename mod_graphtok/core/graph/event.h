/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_EVENT_H
#define GT_EVENT_H

/**
 * @file event.h
 * The rules that an event's body must obey before Graph sees it. Graph itself is too
 * lenient: without a start it makes an event of the present moment. Source: Microsoft Graph v1.0,
 * event, dateTimeTimeZone, recurrencePattern, recurrenceRange. Thread-safe.
 */

#include "base/check.h"

typedef enum gt_event_use_t {
    GT_EVENT_CREATE,  /* POST: subject, start and end demanded; transactionId allowed */
    GT_EVENT_REPLACE, /* PUT: subject, start and end demanded */
    GT_EVENT_CHANGE   /* PATCH: any of the members, at least one */
} gt_event_use_t;

/**
 * Read a body as an event that Graph takes. An event that Graph gave can be sent back: annotations,
 * read-only members and the like are dropped (gt_tidy). The other members must obey the rules;
 * every wrong field is named at once, also those that are wrong only together (end before start, a
 * weekly recurrence without days). A time with an offset becomes one of UTC. null is "absent" when
 * an event is created or replaced, but ends a series in the latter; in a change it clears a single
 * value.
 * @param event  out: ours, for Graph
 * @return GT_INVALID with the fields
 */
GT_MUST gt_err_t *gt_event_read(json_t **event, const json_t *body, gt_event_use_t use,
                                apr_pool_t *p);

/** 1 when the `len` bytes at `word` are one of the blank-separated `words`. */
int gt_is_word_of(const char *word, apr_size_t len, const char *words);

/** 1 when a text may be the name of a time zone, IANA or Windows; Graph knows which exist. */
int gt_is_time_zone(const char *name);

#endif
