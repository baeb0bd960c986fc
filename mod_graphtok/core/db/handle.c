/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * A source of connections that has one. The lock is held from acquire to release, so that the
 * connection has one user at a time. Each connection has a pool of its own, so that its session
 * (prepared statements) goes with it. That pool has an allocator of its own too: the thread that
 * opens the connection is not the one that owns the source's pool.
 *
 * This source serves an administrator at a terminal, so a connection that is refused is reported
 * with the engine's own words. Two of them are held back: libpq quotes parameters that it cannot
 * read, a password among them; and SQLite has one text for all errors of open(2).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_user.h>

#include "base/err.h"
#include "base/secret.h"
#include "db/handle.h"
#include "db/verdict.h"

typedef struct handle_t {
    const apr_dbd_driver_t *driver;
    char *params;             /* wiped with the source's pool */
    apr_thread_mutex_t *lock; /* one user at a time; guards the members below */
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

static const char *our_user(apr_pool_t *p)
{
    char *name;

    /* Connections are opened by several threads at once; getpwuid has one answer for all. */
    if (apr_uid_name_get(&name, geteuid(), p) == APR_SUCCESS)
        return name;
    return apr_psprintf(p, "%ld", (long)geteuid());
}

static gt_err_t *refuse_path(const char *path, int error, apr_pool_t *p)
{
    const gt_class_t cls = error == ENOENT || error == ENOTDIR ? GT_NOT_FOUND
                           : error == EACCES || error == EPERM ? GT_FORBIDDEN
                                                               : GT_STORE_AWAY;

    return gt_err(p, cls, "GT0485", "the user %s cannot write %s: %s", our_user(p), path,
                  apr_strerror(error, apr_palloc(p, 120), 120));
}

/* Judge a path before SQLite makes a file there, or opens one for reading alone. SQLite makes other
 * files beside it. */
static gt_err_t *check_path(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash > path ? apr_pstrmemdup(p, path, (apr_size_t)(slash - path)) : "/";

    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return refuse_path(folder, errno, p);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0 && errno != ENOENT)
        return refuse_path(path, errno, p);
    return GT_OK;
}

static int is_sqlite(const handle_t *handle)
{
    return strcmp(apr_dbd_name(handle->driver), "sqlite3") == 0;
}

/* A folder's name that is missing for SQLite is one of its own: ":memory:". */
static gt_err_t *open_anew(handle_t *handle, apr_pool_t *p)
{
    const char *words = NULL;
    gt_err_t *err = GT_OK;

    shut(handle);
    if (is_sqlite(handle) && handle->params[0] == '/')
        GT_TRY(check_path(handle->params, p));
    if (apr_pool_create_unmanaged_ex(&handle->pool, NULL, NULL) != APR_SUCCESS)
        abort();
    if (apr_dbd_open_ex(handle->driver, handle->pool, handle->params, &handle->open, &words) ==
        APR_SUCCESS)
        return GT_OK;
    handle->open = NULL;
    words = words != NULL ? words : "";
    if (is_sqlite(handle))
        err = gt_err(p, GT_STORE_AWAY, "GT0485", "the database cannot be opened: %s", words);
    else
        err = gt_verdict_unconnected(handle->params, words, our_user(p), p);
    shut(handle);
    return err;
}

static apr_status_t acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    handle_t *handle = baton;

    apr_thread_mutex_lock(handle->lock);
    conn->why = GT_OK;
    if (handle->open == NULL || apr_dbd_check_conn(handle->driver, p, handle->open) != APR_SUCCESS)
        conn->why = open_anew(handle, p);
    if (conn->why != GT_OK) {
        apr_thread_mutex_unlock(handle->lock);
        return APR_EGENERAL;
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
