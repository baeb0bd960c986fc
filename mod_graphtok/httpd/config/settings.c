/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Settings of the server and of locations: created, merged, found. One gtm_server_t belongs to the
 * main server and all virtual hosts share it; a location's settings are merged member by member
 * from the table in setters.c.
 */

#include "config/settings.h"

#include <apr_strings.h>

#include "config/given_names.h"
#include "config/setters.h"

void *gtm_create_dir(apr_pool_t *p, char *path)
{
    gtm_dir_t *dir = apr_pcalloc(p, sizeof(*dir));

    (void)path;
    dir->caller_from = GT_CALLER_UNSET;
    dir->request_max = -1;
    dir->answer_max = -1;
    dir->limits_off = -1;
    dir->pass_cookie = -1;
    dir->pass_to = -1;
    dir->pass_resource = -1;
    dir->pass_missing = -1;
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++)
        dir->limits[i].count = -1;
    return dir;
}

void *gtm_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const gtm_dir_t *outer = base;
    gtm_dir_t *dir = apr_pmemdup(p, add, sizeof(*dir));

    if (dir->caller_from == GT_CALLER_UNSET)
        dir->caller_expr = outer->caller_expr;
    if (dir->allow == NULL)
        dir->allow = outer->allow;
    gt_members_inherit(dir, outer, gtm_dir_members);
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++) {
        if (dir->limits[i].count < 0)
            dir->limits[i] = outer->limits[i];
    }
    return dir;
}

void *gtm_create_server(apr_pool_t *p, server_rec *s)
{
    gtm_server_t *server = apr_pcalloc(p, sizeof(*server));

    (void)s;
    server->config = gt_config_default(p);
    server->mounts = apr_array_make(p, 4, sizeof(gtm_mount_t));
    server->passed = apr_array_make(p, 8, sizeof(const char *));
    gtm_given_names_add(server->passed, GTM_PASS_FIELD);
    gtm_given_names_add(server->passed, GTM_PASS_VARIABLE);
    return server;
}

/** Virtual hosts have no settings of their own: directives of the server are refused in them. */
void *gtm_merge_server(apr_pool_t *p, void *base, void *add)
{
    (void)p;
    (void)add;
    return base;
}

gtm_server_t *gtm_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &graphtok_module);
}

const gtm_dir_t *gtm_dir(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &graphtok_module);
}

const gtm_kept_t *gtm_kept_find(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &graphtok_module);
}

gtm_kept_t *gtm_kept(request_rec *r)
{
    gtm_kept_t *own = ap_get_module_config(r->request_config, &graphtok_module);

    if (own == NULL) {
        own = apr_pcalloc(r->pool, sizeof(*own));
        ap_set_module_config(r->request_config, &graphtok_module, own);
    }
    return own;
}

/* A tenth of `Timeout`, 0.5 s to 5 s, is left for reading the request and writing the answer. */
#define REST_LEAST apr_time_from_msec(500)
#define REST_MOST apr_time_from_sec(5)

apr_interval_time_t gtm_answer_span(apr_interval_time_t timeout)
{
    apr_interval_time_t rest = timeout / 10;

    if (rest < REST_LEAST)
        rest = REST_LEAST;
    if (rest > REST_MOST)
        rest = REST_MOST;
    return timeout > 2 * rest ? timeout - rest : timeout / 2;
}
