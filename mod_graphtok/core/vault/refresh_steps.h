/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REFRESH_STEPS_H
#define GT_REFRESH_STEPS_H

/**
 * @file refresh_steps.h
 * The functions that the files of a refresh share: refresh.c has the table of its steps,
 * refresh_lease.c and refresh_verdict.c have some of them.
 */

#include "vault/pause.h"
#include "vault/refresh.h"

/* ---- refresh.c ---- */

/** For gt_refresh_use_row: as long before its end as the token itself is refreshed. */
#define GT_OWN_MARGIN (-1)

/** Make the row's token the result when it serves for `least` µs and the API did not refuse it. */
void gt_refresh_use_row(gt_refresh_t *r, apr_interval_time_t least);

/** 1 when the API did not refuse the token of this generation. */
int gt_refresh_may_use(const gt_refresh_t *r, apr_int64_t generation);

/** Read the row anew; when it needs no refresh (any more) its token is the result. */
GT_MUST gt_err_t *gt_refresh_look(gt_refresh_t *r, gt_task_t *task);

/** 1 when the row that was read leaves nothing but the account's password to get tokens by. */
int gt_refresh_needs_password(const gt_refresh_t *r);

/** Send the refresh token. The POST's failure is r->failure in the next step. */
void gt_refresh_send(gt_refresh_t *r, gt_task_t *task);

/** Announce that another process refreshes, and this one waits. */
void gt_refresh_announce_wait(const gt_refresh_t *r);

/** The widths of the POST, for pauses. */
gt_pause_scope_t gt_refresh_scope(const gt_refresh_t *r);

/** 1 when this process ends: no refresh token is sent any more. */
int gt_refresh_is_ending(const gt_refresh_t *r);

/** The error of a refresh that was not begun for that reason. */
GT_MUST gt_err_t *gt_refresh_given_up(apr_pool_t *p);

/** The error of a refresh whose row was changed by another one. */
GT_MUST gt_err_t *gt_refresh_overtaken(const gt_refresh_t *r, apr_pool_t *p);

/* ---- refresh_lease.c ---- */

/** Step: have the lease, or a token without it. */
GT_MUST gt_err_t *gt_refresh_lease(gt_task_t *task, void *state);

/** Leave the waiters, if it is among them. */
void gt_refresh_leave_waiters(gt_refresh_t *r);

/* ---- refresh_verdict.c ---- */

/** Step: a refusal is asked for once more. */
GT_MUST gt_err_t *gt_refresh_confirm(gt_task_t *task, void *state);

/** Step: where an account's refresh token is refused, its password is the way. */
GT_MUST gt_err_t *gt_refresh_fall_back(gt_task_t *task, void *state);

/** Step: the effect of a failure on the row, and on the next refresh. */
GT_MUST gt_err_t *gt_refresh_verdict(gt_task_t *task, void *state);

#endif
