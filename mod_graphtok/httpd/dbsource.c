/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file dbsource.c
 * The two functions are looked up, not linked, so that a server without mod_dbd starts and says
 * what is missing.
 */

#include "dbsource.h"

#include <mod_dbd.h>

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * open_connection;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * close_connection;

int gtm_dbsource_find(void)
{
    open_connection = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    close_connection = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    return open_connection && close_connection;
}

static apr_status_t acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    ap_dbd_t *dbd = open_connection ? open_connection(p, baton) : NULL;

    if (!dbd)
        return APR_EGENERAL;
    conn->driver = dbd->driver;
    conn->handle = dbd->handle;
    conn->pool = dbd->pool;
    conn->lease = dbd;
    return APR_SUCCESS;
}

static void release(gt_db_conn_t *conn, void *baton)
{
    close_connection(baton, conn->lease);
}

gt_db_source_t gtm_dbsource(server_rec *s)
{
    return (gt_db_source_t){s, acquire, release};
}
