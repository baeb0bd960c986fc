/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Warnings about virtual hosts without a name. server_hostname is no proof of one: httpd fills it
 * in where none was written. So ServerName and ServerAlias are looked up in the configuration tree.
 */

#include "config/host_names.h"

#include <string.h>

#include <apr_strings.h>

#include "config/settings.h"
#include "config/tree.h"

/** The result of a walk. */
typedef struct survey_t {
    const server_rec *main_server;
    apr_array_header_t *named; /* of const server_rec *: those with a name in the configuration */
} survey_t;

static void visit(void *baton, const ap_directive_t *node)
{
    const survey_t *survey = baton;
    const server_rec *host;

    if (!gtm_tree_is(node, "ServerName") && !gtm_tree_is(node, "ServerAlias"))
        return;
    host = gtm_tree_host(node, survey->main_server);
    APR_ARRAY_PUSH(survey->named, const server_rec *) = host != NULL ? host : survey->main_server;
}

static int is_listed(const survey_t *survey, const server_rec *s)
{
    for (int i = 0; i < survey->named->nelts; i++) {
        if (APR_ARRAY_IDX(survey->named, i, const server_rec *) == s)
            return 1;
    }
    return 0;
}

/** A host for all names of an address inherits the main server's. */
static int has_name(const survey_t *survey, const server_rec *s)
{
    const char *inherited = survey->main_server->server_hostname;

    return is_listed(survey, s) ||
           (is_listed(survey, survey->main_server) && s->server_hostname != NULL &&
            inherited != NULL && strcmp(s->server_hostname, inherited) == 0);
}

/** Health and figures are served under any name. */
static int needs_name(const apr_array_header_t *mounts, const server_rec *s)
{
    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        if ((mount->server == NULL || mount->server == s) &&
            strcmp(mount->handler, "graphtok-health") != 0 &&
            strcmp(mount->handler, "graphtok-metrics") != 0)
            return 1;
    }
    return 0;
}

void gtm_names_check(apr_array_header_t *warnings, const apr_array_header_t *mounts, server_rec *s,
                     apr_pool_t *p)
{
    survey_t survey = {s, apr_array_make(p, 4, sizeof(const server_rec *))};

    gtm_tree_each(visit, &survey);
    /* Where there are virtual hosts, they serve what the main server listens for. */
    for (const server_rec *host = s->next != NULL ? s->next : s; host != NULL; host = host->next) {
        const char *what = "the server";

        if (has_name(&survey, host) || !needs_name(mounts, host))
            continue;
        if (host->is_virtual)
            what =
                apr_psprintf(p, "%s:%u: the virtual host", host->defn_name, host->defn_line_number);
        APR_ARRAY_PUSH(warnings, const char *) = apr_psprintf(
            p,
            "%s has no ServerName, so it goes by %s only, and requests under any other name get "
            "400 (GT0815): write ServerName there, or GraphTokPublicURL",
            what, host->server_hostname != NULL ? host->server_hostname : "the machine's own name");
    }
}

void gtm_public_url_check(apr_array_header_t *warnings, const char *public_url,
                          const apr_array_header_t *mounts, apr_pool_t *p)
{
    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);
        const char *end = apr_pstrcat(p, mount->path, "/callback", NULL);
        apr_size_t len = strlen(public_url), end_len = strlen(end);

        if (strcmp(mount->handler, "graphtok-auth") != 0 || len < end_len ||
            strcmp(public_url + len - end_len, end) != 0)
            continue;
        APR_ARRAY_PUSH(warnings, const char *) =
            apr_psprintf(p,
                         "GraphTokPublicURL %s is a redirect URI; write what stands before %s, "
                         "which is added to it",
                         public_url, end);
        return;
    }
}
