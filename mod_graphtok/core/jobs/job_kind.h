/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOB_KIND_H
#define GT_JOB_KIND_H

/**
 * @file job_kind.h
 * A kind of background work, as a row of the table in admin/job_kinds.c. Its parts stand in rows of
 * each store, which are made where they are missing. A process that claims a part runs the kind's
 * slice: the slice claims the grants that are due in the part and either does the work at once, in
 * a statement or two, or starts an item for each (jobs/job_item.h). The table is constant.
 * Functions of a kind run on threads of crews, one item each.
 */

#include "jobs/jobs.h"
#include "jobs/places.h"
#include "store/due.h"

/** How many results a kind counts. */
#define GT_JOB_RESULTS 2

/** One slice: one part of one kind in one store. */
typedef struct gt_slice_t {
    gt_jobs_t *jobs;
    const gt_job_kind_t *kind;
    gt_store_t *store;
    int part;
    apr_interval_time_t again; /* out: when it is due again; 0: as the kind says */
    apr_pool_t *pool;          /* scratch */
} gt_slice_t;

struct gt_job_item_t;

struct gt_job_kind_t {
    const char *name;                    /* in the rows and the log */
    const char *results[GT_JOB_RESULTS]; /* what it counts: "refreshed" */
    int parts;                           /* 1, or GT_PARTS: the users are shared out */
    int budget;                   /* items of a process at once: with as many no slice begins */
    int blocks;                   /* 1: items may block for longer than a statement does */
    int is_apart;                 /* 1: items have a loop and a crew of their own, so that many slow
                                   * servers of theirs hold up no other call; they do not block */
    apr_interval_time_t back_off; /* after a slice that failed; doubled each time, up to … */
    apr_interval_time_t back_off_most;
    /** A part's pause after a claim; 0: the kind is off. */
    apr_interval_time_t (*every)(const gt_config_t *config);
    /** Do it, within 100 ms. */
    gt_err_t *(*slice)(gt_slice_t *slice);

    /* its items; all NULL when a slice starts none */
    const gt_work_t *work;
    /** A payload in the item's own pool. */
    const void *(*copy)(const void *payload, apr_pool_t *p);
    /** The state of `work`. */
    void *(*make)(const struct gt_job_item_t *item, apr_pool_t *p);
    /** The process ends before the item's time: give up its claim. NULL: nothing to do. */
    gt_err_t *(*let_go)(const struct gt_job_item_t *item, apr_pool_t *p);
    /** It ended. @param failure GT_OK, or the work's */
    void (*note)(const struct gt_job_item_t *item, const gt_err_t *failure);
};

/** The configuration. */
const gt_config_t *gt_jobs_config(const gt_jobs_t *jobs);

/** The vault. */
gt_vault_t *gt_jobs_vault(const gt_jobs_t *jobs);

/** This process's name in rows. */
const char *gt_jobs_worker(const gt_jobs_t *jobs);

/** Places of items of this process, by names that their kinds choose. */
gt_places_t *gt_jobs_places(const gt_jobs_t *jobs);

/** Count a result of a kind. @param which  its place in `results` */
void gt_jobs_count(gt_jobs_t *jobs, const gt_job_kind_t *kind, int which, apr_int64_t n);

/** Kinds of this room, each in its file. */
extern const gt_job_kind_t gt_job_refresh;
extern const gt_job_kind_t gt_job_cleanup;
extern const gt_job_kind_t gt_job_validate;

#endif
