/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOOKUP_H
#define GT_LOOKUP_H

/**
 * @file lookup.h
 * Private to net/: the addresses of a host, found by a thread of its own. The system's resolver
 * blocks for as long as it likes (a name server that is away: tens of seconds) and cannot be
 * interrupted. So nobody ever waits for such a thread: who wants the result no more drops the
 * lookup, and the thread frees what is left when the resolver lets go of it.
 */

#include "base/waker.h"
#include "gt.h"

typedef struct gt_lookup_t gt_lookup_t;

/**
 * Start to look up a host name.
 * @param done  called once on the lookup's thread when it has ended, unless it was dropped before
 * @return NULL when the system gives no thread
 */
gt_lookup_t *gt_lookup_start(const char *host, const gt_waker_t *done);

/**
 * How it ended.
 * @param addresses  malloc'ed, for the caller: "192.0.2.1,[2001:db8::1]" in the resolver's order;
 *                   NULL when it failed
 * @param why        the resolver's words (constant), when it failed
 * @return 0: it goes on
 */
int gt_lookup_ended(char **addresses, const char **why, gt_lookup_t *lookup);

/** The result is wanted no more: `done` does not run when this returns, and will not be called. */
void gt_lookup_drop(gt_lookup_t *lookup);

#endif
