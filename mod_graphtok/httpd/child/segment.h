/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SEGMENT_H
#define GTM_SEGMENT_H

/**
 * @file segment.h
 * Anonymous shared memory that outlives graceful restarts: mapped once by the parent, inherited by
 * every child, in no file and in no core dump. Beside each segment stands a random key that exists
 * only in the memory of the server's processes.
 */

#include <httpd.h>

#include "vault/cache.h"

typedef struct gtm_segment_t {
    void *memory;
    apr_size_t size;
    unsigned char key[GT_CACHE_KEY_BYTES];
} gtm_segment_t;

/**
 * The segment of a name: the one from before when it has the size, else a fresh, zeroed one.
 * Parent only, while no other thread runs.
 * @return NULL when the system has no memory
 */
gtm_segment_t *gtm_segment(const char *name, apr_size_t size, server_rec *s);

#endif
