/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BEARER_KEYS_H
#define GT_BEARER_KEYS_H

/**
 * @file bearer_keys.h
 * Where the keys of one issuer of callers' tokens come from, for bearer.c. Thread-safe.
 */

#include "conf/config.h"
#include "oauth/key_source.h"

typedef struct gt_bearer_keys_t gt_bearer_keys_t;

/** Make it, as gt_bearer_make. @param algorithms  of `conf`, NULL last; outlives it */
gt_bearer_keys_t *gt_bearer_keys_make(const gt_jwt_conf_t *conf, const char *const *algorithms,
                                      gt_crew_t *crew, gt_crew_t *readers, apr_pool_t *p);

/** As gt_bearer_follow. */
void gt_bearer_keys_follow(gt_bearer_keys_t *keys, apr_pool_t *scratch);

/** As gt_key_source_at_hand. */
int gt_bearer_keys_at_hand(const gt_key_set_t **set, gt_bearer_keys_t *keys, const char *kid,
                           apr_pool_t *p);

/** Work: have a set of keys. */
typedef struct gt_find_bearer_keys_t {
    gt_bearer_keys_t *keys;  /* in */
    const char *kid;         /* in; NULL: any */
    const gt_key_set_t *set; /* out: held by the task's pool */
    gt_err_t *failure;       /* own, as are those that follow */
    gt_find_keys_t find;
    gt_flight_t *flight;
} gt_find_bearer_keys_t;
/** Fails with status 503 while there is none. */
extern const gt_work_t gt_find_bearer_keys;

#endif
