/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PAUSE_H
#define GT_PAUSE_H

/**
 * @file pause.h
 * One pause at several widths: after a failure that concerns more than the call that met it, no
 * child of the server makes calls that the failure concerns until the pause is over. The width
 * stands in the error (gt_extent_t): one mailbox, one tenant of a provider, or a provider, which
 * our registration counts as. The tables of refusals (oauth/, graph/) decide the width.
 * Thread-safe; nothing here blocks.
 */

#include "base/err.h"
#include "shm/limit.h"

/** The widths of a call. NULL: that width is not known, or the call has nothing to do with it. */
typedef struct gt_pause_scope_t {
    const char *provider; /* its endpoints are asked, with our registration */
    const char *tenant;   /* gt_provider_tenant */
    const char *mailbox;  /* a name that no other mailbox of this server has */
} gt_pause_scope_t;

/**
 * Where pauses stand.
 * @param limits  the server's limits, in memory of all children; NULL (the command line): made in
 *                `p`, for this process alone
 */
gt_limits_t *gt_pauses_make(gt_limits_t *limits, apr_pool_t *p);

/**
 * Begin a pause after a failure of class GT_THROTTLED or GT_CLIENT_BROKEN whose extent the scope
 * knows; any other failure begins none. Of two pauses the one that ends later counts. When our
 * client is not accepted, an error is logged, once in ten minutes.
 * @param scope  the widths of the failed call
 * @param err    its retry_after says how long (an hour at most); where it says nothing, 5 s are put
 *               there
 */
void gt_pause_begin(gt_limits_t *pauses, const gt_pause_scope_t *scope, gt_err_t *err);

/**
 * The rest, in µs, of the longest pause that holds back a call of this scope; 0: there is none.
 * @param cls  out: the class of failure that began it; NULL: not wanted
 * @param p    for a moment
 */
apr_interval_time_t gt_pause_left(gt_class_t *cls, gt_limits_t *pauses,
                                  const gt_pause_scope_t *scope, apr_pool_t *p);

/** GT_OK, or why the scope's provider is not asked, with the rest of the pause as retry_after. */
GT_MUST gt_err_t *gt_pause_check(gt_limits_t *pauses, const gt_pause_scope_t *scope, apr_pool_t *p);

#endif
