/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TRACE_H
#define GT_TRACE_H

/**
 * @file trace.h
 * The trace that a request is part of, as its header says (W3C Trace Context, `traceparent`). It is
 * handed on, never begun: a trace that has no beginning elsewhere is collected nowhere. Source:
 * https://www.w3.org/TR/trace-context/ sections 3.2 and 4. Pure; thread-safe.
 */

#include "gt.h"

/** Digits of a trace's id. */
#define GT_TRACE_ID 32

typedef struct gt_trace_t {
    char id[GT_TRACE_ID + 1]; /* lower-case hex, not all zeros */
    int is_sampled;           /* 1: the caller may have recorded it */
} gt_trace_t;

/**
 * Read a header: version 00 to the letter, or what a later version begins with. Flags other than
 * "sampled" are left out, as a version that does not know them must.
 * @param header  NULL: there is none
 * @return 0: not one, and the trace is not touched
 */
GT_MUST int gt_trace_read(gt_trace_t *trace, const char *header);

/** The header's value for a call of ours, with a random parent id: each call is a part of its own.
 */
const char *gt_trace_next(const gt_trace_t *trace, apr_pool_t *p);

#endif
