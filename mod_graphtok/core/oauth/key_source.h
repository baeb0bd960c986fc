/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEY_SOURCE_H
#define GT_KEY_SOURCE_H

/**
 * @file key_source.h
 * Where the keys of an issuer come from, and the set of them that a child has now. A set serves
 * for a day. It is fetched anew before its day is over, in the background, and for a key id that
 * it lacks, once in a while; tasks that need it meanwhile wait for that one fetch. A set
 * that cannot be fetched again is used on: its issuer may well be away and its tokens good.
 * Thread-safe.
 */

#include "crypt/key_set.h"
#include "task/crew.h"

typedef struct gt_key_source_t gt_key_source_t;

/** State of the work that a source fetches with. */
typedef struct gt_key_fetch_t {
    void *from;        /* in: the source's */
    gt_key_set_t *set; /* out: held by the task's pool; a set without a key is none */
    void *own;         /* the work's own, NULL at first */
} gt_key_fetch_t;

/** How a source gets its set, for as long as it lives. */
typedef struct gt_key_source_params_t {
    const char *name;          /* no other source of the process has it; 100 bytes at most */
    const gt_work_t *fetch;    /* its state is a gt_key_fetch_t; it fails, or leaves a set */
    void *from;                /* for it */
    apr_interval_time_t again; /* an old set, or an unknown key id: fetched this often; 0: 1 min */
} gt_key_source_params_t;

/** Make it; nothing is fetched. Everything given must live as long as `p`. */
gt_key_source_t *gt_key_source_make(const gt_key_source_params_t *params, apr_pool_t *p);

/** Have its fetches be jobs of this crew, before it is used. Without one, as at first, each task
 * fetches by itself. */
void gt_key_source_run_by(gt_key_source_t *source, gt_crew_t *crew);

/** Work: have a set that holds a key, if the issuer has it. */
typedef struct gt_find_keys_t {
    gt_key_source_t *source;  /* in */
    const char *kid;          /* in; NULL: any */
    const gt_key_set_t *keys; /* out: held by the task's pool; it may lack the key */
    gt_flight_t *flight;      /* own */
} gt_find_keys_t;
/** Fails with what the fetch failed with, and only while there is no set at all. */
extern const gt_work_t gt_find_keys;

/**
 * What gt_find_keys would leave without waiting.
 * @param keys  out: the set, held by `p`; NULL: there is none
 * @return 0: it would wait for a fetch
 */
int gt_key_source_at_hand(const gt_key_set_t **keys, gt_key_source_t *source, const char *kid,
                          apr_pool_t *p);

/** Begin to fetch the set anew when its day is nearly over and it was used. Cheap when it is not.
 * For a periodic function of the crew. @param scratch for this call */
void gt_key_source_renew(gt_key_source_t *source, apr_pool_t *scratch);

#endif
