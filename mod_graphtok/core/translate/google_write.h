/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GOOGLE_WRITE_H
#define GT_GOOGLE_WRITE_H

/**
 * @file google_write.h
 * An event of Graph's, as core/graph/event.c has checked it, in Google's words. A member that
 * Google has no equal of is an error that names it. Pure; thread-safe. Source: Google Calendar API
 * v3, "Events"; RFC 5545 section 3.3.10.
 */

#include "graph/graph_params.h"

/** 1 when a change cannot be written without the event as it is: Google replaces a list of
 * attendees with their responses, and has another form for whole days. */
int gt_google_needs_known(const json_t *change);

/**
 * Make the body of a request.
 * @param theirs  out: in `p`
 * @param event   Graph's
 * @param known   of a change: Google's event as it is, where gt_google_needs_known; else NULL
 * @return GT_INVALID (GT1301) naming each member that Google does not have
 */
GT_MUST gt_err_t *gt_google_write(json_t **theirs, const json_t *event, const json_t *known,
                                  int creates, apr_pool_t *p);

/** The id of the event that is made for a transactionId: letters and digits of base32hex. */
const char *gt_google_id_of(const char *transaction_id, apr_pool_t *p);

/** A member that Google does not have: where it stands, and why. */
typedef struct gt_google_fault_t {
    const char *field, *message;
} gt_google_fault_t;

/**
 * Graph's recurrence as an RRULE. The days up to an end date are counted, since UNTIL wants the end
 * of that day in UTC, for which the zone's rules would be needed.
 * @param rule   out: "RRULE:FREQ=…"
 * @param fault  out: set when 0 is returned
 * @return 1, or 0 when Google has no such rule
 */
GT_MUST int gt_google_rule(const char **rule, gt_google_fault_t *fault, const json_t *recurrence,
                           apr_pool_t *p);

#endif
