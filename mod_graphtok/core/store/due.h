/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DUE_H
#define GT_DUE_H

/**
 * @file due.h
 * The questions of background work to a store: which part of which job is ours now, which grants
 * are due. The statement that picks a grant also claims it, in the grant's own row; so any number
 * of nodes share the work, none does it twice, and the claims of a node that dies end by
 * themselves. Functions may block on the database, each for one statement. Thread-safe. Functions
 * may block on the database.
 */

#include "store/range.h"

/** The users of a store are cut into so many parts by a hash; numbers from 0. */
#define GT_PARTS 16

/** A grant that was picked; nothing is opened. */
typedef struct gt_picked_t {
    gt_owner_t owner;
    apr_int64_t generation;
} gt_picked_t;

/** A job as its rows say. */
typedef struct gt_due_job_t {
    const char *name;
    int parts;                       /* how many rows there are */
    apr_interval_time_t first, last; /* until its first and its last part are due */
} gt_due_job_t;

/** All jobs: array of gt_due_job_t. Reads only. */
GT_MUST gt_err_t *gt_due_jobs(apr_array_header_t **due_jobs, gt_store_t *store, apr_pool_t *p);

/** Make the rows of a job, those that are missing: parts from 0 on, due at once. Any number of
 * processes may do so at the same time. */
GT_MUST gt_err_t *gt_due_make_parts(gt_store_t *store, const char *name, int parts, apr_pool_t *p);

/** 1 when a part of a job is due whose pause is `again`: also when one is due so late that the
 * database's clock must have been set back since. */
int gt_due_job_is_due(const gt_due_job_t *due_job, apr_interval_time_t again);

/**
 * Claim the part of a job that is due longest; for others it is due again after `again`.
 * @param part  out; -1: nothing is due
 */
GT_MUST gt_err_t *gt_due_claim(int *part, gt_store_t *store, const char *name,
                               apr_interval_time_t again, const char *worker, apr_pool_t *p);

/** A part that we claimed is due after `again` from now instead. */
GT_MUST gt_err_t *gt_due_again(gt_store_t *store, const char *name, int part,
                               apr_interval_time_t again, const char *worker, apr_pool_t *p);

/** A job that is found to have work is due at once, in all its parts. */
GT_MUST gt_err_t *gt_due_now(gt_store_t *store, const char *name, apr_pool_t *p);

/**
 * Take `n` turns of those that all workers of a database share, `rate` a second: they begin one
 * after the other, and none before the last one that was taken. An idle worker uses up none of the
 * rate.
 * @param store  the same for all of them
 * @param wait   out: until the first turn
 */
GT_MUST gt_err_t *gt_due_time_slots(apr_interval_time_t *wait, gt_store_t *store, int n,
                                    apr_int64_t rate, apr_pool_t *p);

/** Which grants are to be refreshed before they are asked for. */
typedef struct gt_due_params_t {
    int part;
    apr_interval_time_t past;        /* no token that ended longer ago */
    apr_interval_time_t lead;        /* tokens that end within this span */
    apr_interval_time_t used_within; /* and were used within this one */
    apr_interval_time_t hold;        /* they are not picked again for so long */
    int most;
} gt_due_params_t;

/** Claim them, soonest end first. @param picked array of gt_picked_t */
GT_MUST gt_err_t *gt_due_pick(apr_array_header_t **picked, gt_store_t *store,
                              const gt_due_params_t *params, apr_pool_t *p);

/** Give up a claim: another worker may pick it at once. */
GT_MUST gt_err_t *gt_due_let_go(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p);

/** Which grants the provider is to be asked about. */
typedef struct gt_check_params_t {
    int part;
    apr_interval_time_t every; /* those not asked about within this span */
    apr_interval_time_t used_within;
    int most;
} gt_check_params_t;

/** Claim them, longest not asked about first. */
GT_MUST gt_err_t *gt_check_pick(apr_array_header_t **picked, gt_store_t *store,
                                const gt_check_params_t *params, apr_pool_t *p);

/** Give up such a claim: the grant was not asked about, and is the first to be. */
GT_MUST gt_err_t *gt_check_let_go(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p);

/** Deactivate up to `most` grants whose access token ended `after` ago or earlier, or has ended
 * with no refresh token there. One that is being refreshed is left alone. */
GT_MUST gt_err_t *gt_due_expire(apr_array_header_t **picked, gt_store_t *store,
                                apr_interval_time_t after, int most, apr_pool_t *p);

/** Delete up to `most` grants that have been inactive for `after`. */
GT_MUST gt_err_t *gt_due_remove(apr_array_header_t **picked, gt_store_t *store,
                                apr_interval_time_t after, int most, apr_pool_t *p);

/** How many grants gt_due_expire and gt_due_remove would take now. */
typedef struct gt_due_counts_t {
    apr_int64_t expired, removable;
} gt_due_counts_t;

/** Count them and change nothing: those of a range are added to the counts. */
GT_MUST gt_err_t *gt_due_count(gt_due_counts_t *counts, const gt_range_t *range,
                               apr_interval_time_t expire_after, apr_interval_time_t remove_after,
                               apr_pool_t *p);

/** The grants of a user, by provider. @param grants  out: of gt_grant_t *, without tokens */
GT_MUST gt_err_t *gt_grants_of(apr_array_header_t **grants, gt_store_t *store, const char *user,
                               apr_pool_t *p);

/** The grants that an administrator means by `name`: the row with this id, else every row of this
 * user. Secrets stay closed. @param grants array of gt_grant_t *, empty when there is none */
GT_MUST gt_err_t *gt_grants_named(apr_array_header_t **grants, gt_store_t *store, const char *name,
                                  apr_pool_t *p);

/** The grants of all users with this e-mail address, in capitals or not: up to GT_GRANTS_ADDRESSED
 * of them. A provider may give an address to another person, so it serves to find grants for an
 * administrator, who sees the users that were found, and for nothing else. Secrets stay closed. */
GT_MUST gt_err_t *gt_grants_addressed(apr_array_header_t **grants, gt_store_t *store,
                                      const char *address, apr_pool_t *p);
#define GT_GRANTS_ADDRESSED 100

#endif
