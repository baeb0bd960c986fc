/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file db_source.c
 * Connections from mod_dbd. Its two functions are looked up, not linked, so that a server without
 * mod_dbd starts and can say that it is missing.
 */

#include "config/db_source.h"

#include <apr_strings.h>
#include <ctype.h>
#include <mod_dbd.h>
#include <string.h>
#include <sys/stat.h>

#include "config/child_user.h"

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

    if (dbd == NULL)
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

/* Connection parameters of libpq (PostgreSQL's manual, "Parameter Key Words"). Those of TCP do
 * nothing on a socket in a folder. `options` counts in any form: behind a pooler that takes
 * none, the limit belongs to the role, and options='' says that it is known. */
static const struct {
    const char *name, *value;
    int is_for_tcp;
} bounds[] = {
    {"connect_timeout", "connect_timeout=2", 0},
    {"options", "options='-c statement_timeout=2000'", 0},
    {"tcp_user_timeout", "tcp_user_timeout=5000", 1},
    {"keepalives_idle", "keepalives_idle=30", 1},
    {"keepalives_interval", "keepalives_interval=5", 1},
    {"keepalives_count", "keepalives_count=3", 1},
};

/* The text behind NAME= in "NAME=value …" or "…?NAME=value&…"; NULL: it is not there. */
static const char *value_of(const char *params, const char *name)
{
    apr_size_t len = strlen(name);

    for (const char *at = strstr(params, name); at != NULL; at = strstr(at + 1, name)) {
        const char *end = at + len;

        if (at > params && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
            continue;
        end += strspn(end, " \t");
        if (*end == '=')
            return end + 1 + strspn(end + 1, " \t'");
    }
    return NULL;
}

static int is_tcp(const char *params)
{
    const char *host = value_of(params, "host");

    return strstr(params, "://") || value_of(params, "hostaddr") != NULL ||
           (host != NULL && *host != '/' && *host != '@');
}

const char *gtm_dbsource_unbounded(const char *params, apr_pool_t *p)
{
    const char *missing = NULL;

    for (apr_size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (value_of(params, bounds[i].name) != NULL || (bounds[i].is_for_tcp && !is_tcp(params)))
            continue;
        missing =
            missing != NULL ? apr_pstrcat(p, missing, " ", bounds[i].value, NULL) : bounds[i].value;
    }
    return missing;
}

const char *gtm_dbsource_unwritable(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash > path ? apr_pstrmemdup(p, path, (apr_size_t)(slash - path)) : "/";
    const char *user = gtm_child_user(p);
    struct stat info;

    if (*path != '/')
        return NULL;
    if (stat(folder, &info) || !S_ISDIR(info.st_mode))
        return apr_psprintf(p, "there is no folder %s: make one that belongs to the user %s",
                            folder, user);
    if (!gtm_child_may(&info, S_IWOTH | S_IXOTH))
        return apr_psprintf(
            p, "the user %s cannot write the folder %s: give it that folder (chown)", user, folder);
    if (!stat(path, &info) && !gtm_child_may(&info, S_IROTH | S_IWOTH))
        return apr_psprintf(p, "the user %s cannot write the file %s: give it that file (chown)",
                            user, path);
    return NULL;
}
