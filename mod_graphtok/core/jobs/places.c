/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file places.c A count for each name, under one lock. */

#include "jobs/places.h"

#include <pthread.h>

#include <apr_hash.h>
#include <apr_strings.h>

struct gt_places_t {
    pthread_mutex_t lock; /* guards the counts */
    apr_hash_t *counts;   /* int, by name */
    apr_pool_t *pool;
};

static apr_status_t destroy(void *baton)
{
    gt_places_t *places = baton;

    pthread_mutex_destroy(&places->lock);
    return APR_SUCCESS;
}

gt_places_t *gt_places_make(apr_pool_t *p)
{
    gt_places_t *places = apr_pcalloc(p, sizeof(*places));

    apr_pool_create(&places->pool, p);
    places->counts = apr_hash_make(places->pool);
    pthread_mutex_init(&places->lock, NULL);
    apr_pool_cleanup_register(p, places, destroy, apr_pool_cleanup_null);
    return places;
}

int gt_place_take(gt_places_t *places, const char *name, int most)
{
    int *count, is_free;

    pthread_mutex_lock(&places->lock);
    count = apr_hash_get(places->counts, name, APR_HASH_KEY_STRING);
    if (count == NULL) {
        count = apr_pcalloc(places->pool, sizeof(*count));
        apr_hash_set(places->counts, apr_pstrdup(places->pool, name), APR_HASH_KEY_STRING, count);
    }
    is_free = *count < most;
    *count += is_free;
    pthread_mutex_unlock(&places->lock);
    return is_free;
}

void gt_place_give(gt_places_t *places, const char *name)
{
    int *count;

    pthread_mutex_lock(&places->lock);
    count = apr_hash_get(places->counts, name, APR_HASH_KEY_STRING);
    *count -= 1;
    pthread_mutex_unlock(&places->lock);
}
