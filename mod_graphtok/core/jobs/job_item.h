/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOB_ITEM_H
#define GT_JOB_ITEM_H

/**
 * @file job_item.h
 * A piece of work that a slice found and claimed, such as a grant to refresh; only its kind knows
 * the payload. It waits for its time, runs as a job of a crew and is noted. Nothing but its claim
 * stands in the database meanwhile: when the process is killed the claim ends by itself.
 * Thread-safe.
 */

#include "jobs/job_kind.h"

typedef struct gt_job_item_t {
    gt_jobs_t *jobs;
    const gt_job_kind_t *kind;
    gt_store_t *store;
    gt_crew_t *crew;     /* it runs on this one */
    const void *payload; /* the kind's */
    apr_time_t due_at;   /* ticks: it begins then */
    void *state;         /* of the kind's work, once it has begun */
    int has_rate; /* 1: it has a turn of GraphTokRefreshRate; one that is missed is taken anew */
    gt_err_t *failure; /* own */
    int has_begun;     /* own */
} gt_job_item_t;

/** Payloads that a slice found. */
typedef struct gt_job_found_t {
    const void *payload;
    const char *key; /* names it within its kind and store: one with a key is under way at a time */
} gt_job_found_t;

/**
 * Start an item for each, spread over a span; payloads are copied. Items that cannot be started,
 * because the process ends, are let go.
 * @param found   array of gt_job_found_t
 * @param from    ticks: the span's begin
 * @param has_rate  as in gt_job_item_t
 */
void gt_job_items_start(const gt_slice_t *slice, const apr_array_header_t *found, apr_time_t from,
                        apr_interval_time_t span, int has_rate);

/** Found for picked grants, by provider and user. @param picked array of gt_picked_t */
apr_array_header_t *gt_job_found_grants(const apr_array_header_t *picked, apr_pool_t *p);

/** gt_job_kind_t's `copy` for grants: a gt_picked_t. */
const void *gt_job_copy_grant(const void *payload, apr_pool_t *p);

/** Take `n` turns of GraphTokRefreshRate. @param wait out: until the first */
GT_MUST gt_err_t *gt_job_turns_take(apr_interval_time_t *wait, const gt_jobs_t *jobs, int n,
                                    apr_pool_t *p);

#endif
