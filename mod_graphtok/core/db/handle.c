/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * A source of connections that has one. The lock is held from acquire to release: it is what
 * makes the connection one user's. Each connection has a pool of its own, so that what hangs on
 * it (prepared statements) goes with it. That pool has an allocator of its own too: the thread
 * that opens the connection is not the one that owns the source's pool.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/err.h"
#include "base/secret.h"
#include "db/handle.h"

typedef struct handle_t {
    const apr_dbd_driver_t *driver;
    char *params;             /* wiped with the source's pool */
    apr_thread_mutex_t *lock; /* one user at a time; protects what follows */
    apr_dbd_t *open;          /* NULL: not open */
    apr_pool_t *pool;         /* of the open connection */
} handle_t;

static void shut(handle_t *handle)
{
    if (handle->open != NULL)
        (void)apr_dbd_close(handle->driver, handle->open);
    if (handle->pool != NULL)
        apr_pool_destroy(handle->pool);
    handle->open = NULL;
    handle->pool = NULL;
}

static apr_status_t shut_with_pool(void *baton)
{
    shut(baton);
    return APR_SUCCESS;
}

static apr_status_t open_anew(handle_t *handle)
{
    const char *why; /* may quote the parameters: not shown */
    apr_status_t status;

    shut(handle);
    status = apr_pool_create_unmanaged_ex(&handle->pool, NULL, NULL);
    if (status != APR_SUCCESS)
        return status;
    status = apr_dbd_open_ex(handle->driver, handle->pool, handle->params, &handle->open, &why);
    if (status != APR_SUCCESS) {
        handle->open = NULL;
        shut(handle);
    }
    return status;
}

static apr_status_t acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    handle_t *handle = baton;
    apr_status_t status = APR_SUCCESS;

    apr_thread_mutex_lock(handle->lock);
    if (handle->open == NULL || apr_dbd_check_conn(handle->driver, p, handle->open) != APR_SUCCESS)
        status = open_anew(handle);
    if (status != APR_SUCCESS) {
        apr_thread_mutex_unlock(handle->lock);
        return status;
    }
    conn->driver = handle->driver;
    conn->handle = handle->open;
    conn->pool = handle->pool;
    conn->lease = NULL;
    return APR_SUCCESS;
}

static void release(gt_db_conn_t *conn, void *baton)
{
    handle_t *handle = baton;

    conn->handle = NULL;
    apr_thread_mutex_unlock(handle->lock);
}

gt_err_t *gt_handle_source(gt_db_source_t *source, const char *driver, const char *params,
                           apr_pool_t *p)
{
    handle_t *handle = apr_pcalloc(p, sizeof *handle);

    if (apr_dbd_init(p) != APR_SUCCESS ||
        apr_dbd_get_driver(p, driver, &handle->driver) != APR_SUCCESS)
        return gt_err(p, GT_INTERNAL, "GT0413", "no database driver %s: install libaprutil1-dbd-%s",
                      driver, driver);
    handle->params = apr_pstrdup(p, params);
    gt_wipe_with_pool(handle->params, strlen(params), p);
    if (apr_thread_mutex_create(&handle->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, handle, shut_with_pool, apr_pool_cleanup_null);
    source->baton = handle;
    source->acquire = acquire;
    source->release = release;
    return GT_OK;
}
