/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file httpd_thread.c
 * ap_thread_current() came with httpd 2.4.53. For older versions it is made here, for our own
 * threads; their modules know a thread by the connection alone.
 */

#include "child/httpd_thread.h"

#include <stdlib.h>

#include <apr_allocator.h>
#include <apr_portable.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "base/thread.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 122)
static _Thread_local apr_thread_t *own;

static apr_thread_t *ap_thread_current(void)
{
    return own;
}

static apr_status_t ap_thread_current_create(apr_thread_t **thread, apr_threadattr_t *attr,
                                             apr_pool_t *pool)
{
    apr_os_thread_t self = apr_os_thread_current();
    apr_pool_t *p;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&p, apr_pool_abort_get(pool), NULL);

    (void)attr;
    if (rv == APR_SUCCESS)
        rv = apr_os_thread_put(&own, &self, p);
    *thread = own;
    return rv;
}
#endif

static void begin(void *baton)
{
    apr_thread_t *thread = NULL;
    apr_os_thread_t *self;

    if (ap_thread_current_create(&thread, NULL, baton) != APR_SUCCESS)
        return;
    /* httpd stored the address of a variable of its own stack frame there; put one that lasts. */
    self = apr_palloc(apr_thread_pool_get(thread), sizeof(*self));
    *self = apr_os_thread_current();
    apr_os_thread_put(&thread, self, apr_thread_pool_get(thread));
}

static void end(void *baton)
{
    apr_thread_t *thread = ap_thread_current();

    (void)baton;
    if (thread != NULL)
        apr_pool_destroy(apr_thread_pool_get(thread));
}

/* prefork's child has one thread, and an allocator without a lock for it. Threads of ours take
 * memory there, too: mod_dbd opens connections in pools below pchild. The lock is nested because
 * prefork ends a child within a signal's handler, wherever its thread was. */
static void share_allocator(apr_pool_t *pchild)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(pchild);
    apr_thread_mutex_t *lock;

    if (apr_allocator_mutex_get(allocator) != NULL)
        return;
    if (apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_NESTED, pchild) != APR_SUCCESS)
        abort();
    apr_allocator_mutex_set(allocator, lock);
}

void gtm_threads_begin(apr_pool_t *pchild)
{
    static gt_thread_frame_t frame = {NULL, begin, end};

    share_allocator(pchild);
    frame.baton = pchild;
    gt_thread_set_frame(&frame);
}

apr_thread_t *gtm_thread_enter(conn_rec *c)
{
    apr_thread_t *before = c->current_thread;

    if (ap_thread_current() != NULL)
        c->current_thread = ap_thread_current();
    return before;
}
