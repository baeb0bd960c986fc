/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * All pools of this kind share one allocator, so that their blocks are used again. An allocator for
 * each of them would, where APR maps memory (as Debian's does), cost a mapping, its page faults and
 * its end each time.
 */

#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include <apr_allocator.h>
#include <apr_thread_mutex.h>

#define BLOCKS_KEPT ((apr_size_t)16 * 1024 * 1024)

static apr_allocator_t *blocks;

/* It lives as long as the process: a transfer may outlive its loop. */
static void make_blocks(void)
{
    apr_thread_mutex_t *lock;
    apr_pool_t *own;

    if (apr_allocator_create(&blocks) != APR_SUCCESS ||
        apr_pool_create_unmanaged_ex(&own, NULL, blocks) != APR_SUCCESS ||
        apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, own) != APR_SUCCESS)
        abort();
    apr_allocator_mutex_set(blocks, lock);
    apr_allocator_max_free_set(blocks, BLOCKS_KEPT);
}

apr_pool_t *gt_pool_make(apr_pool_t *parent, const char *tag)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    apr_abortfunc_t abort_fn = parent != NULL ? apr_pool_abort_get(parent) : NULL;
    apr_pool_t *pool;

    pthread_once(&once, make_blocks);
    if ((parent != NULL ? apr_pool_create_ex(&pool, parent, abort_fn, blocks)
                        : apr_pool_create_unmanaged_ex(&pool, abort_fn, blocks)) != APR_SUCCESS)
        abort();
    apr_pool_tag(pool, tag);
    return pool;
}
