/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOOKUP_H
#define GT_LOOKUP_H

/**
 * @file lookup.h
 * Private to net/: the addresses of a host, found by a thread of its own. The system's resolver
 * blocks for as long as it likes (a name server that is away: tens of seconds) and cannot be
 * interrupted. So such a thread is never joined: a caller that needs the result no more drops the
 * lookup, and the thread frees the rest when the resolver returns. All functions return at once, on
 * any thread.
 */

#include "base/waker.h"
#include "gt.h"

typedef struct gt_lookup_t gt_lookup_t;

/**
 * Start to look up a host name. End it by gt_lookup_drop, also when it has ended.
 * @param done  copied; called once, on the lookup's thread and under the lookup's lock, when it has
 *              ended, unless it was dropped before. It must not call functions of this file
 * @return NULL when the system gives no thread
 */
gt_lookup_t *gt_lookup_start(const char *host, const gt_waker_t *done);

/**
 * The result, to be asked for once.
 * @param addresses  malloc'ed, the caller's to free: "192.0.2.1,[2001:db8::1]" in the resolver's
 *                   order, 16 at most; NULL when it failed
 * @param why        the resolver's words (constant), when it failed
 * @return 1: it has ended; 0: it goes on
 */
int gt_lookup_ended(char **addresses, const char **why, gt_lookup_t *lookup);

/** Give the lookup up: `done` does not run when this returns, and will not be called. */
void gt_lookup_drop(gt_lookup_t *lookup);

#endif
