/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Warnings about files of ours below a folder that httpd serves. Names are compared without their
 * symbolic links, where they exist. A <Directory> or <Location> that denies access is not judged:
 * one mistake there would publish a key.
 */

#include "config/published.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/source.h"
#include "config/setters.h"
#include "config/tree.h"

/** A folder that httpd serves. */
typedef struct root_t {
    const char *folder; /* without a slash at the end */
    const char *where;  /* FILE:LINE */
} root_t;

/** The result of a walk. */
typedef struct survey_t {
    apr_array_header_t *roots; /* of root_t */
    apr_pool_t *p;
} survey_t;

/* A file that is not there yet counts by its folder. */
static const char *real(const char *path, apr_pool_t *p)
{
    char *found = realpath(path, NULL);
    const char *slash = strrchr(path, '/');
    const char *known;

    if (found == NULL && slash != NULL && slash > path) {
        found = realpath(apr_pstrmemdup(p, path, (apr_size_t)(slash - path)), NULL);
        known = found != NULL ? apr_pstrcat(p, found, slash, NULL) : path;
    }
    else
        known = found != NULL ? apr_pstrdup(p, found) : path;
    free(found);
    return known;
}

static void add(const survey_t *survey, const char *folder, const ap_directive_t *node)
{
    root_t *root;
    char *name;

    folder = ap_server_root_relative(survey->p, folder);
    if (folder == NULL || folder[0] != '/')
        return;
    root = apr_array_push(survey->roots);
    name = apr_pstrdup(survey->p, real(folder, survey->p));
    for (apr_size_t len = strlen(name); len > 1 && name[len - 1] == '/'; len--)
        name[len - 1] = '\0';
    root->folder = name;
    root->where = gtm_where(node, survey->p);
}

static void visit(void *baton, const ap_directive_t *node)
{
    const survey_t *survey = baton;
    const char *args = node->args;
    const char *word;

    if (gtm_tree_is(node, "DocumentRoot"))
        add(survey, gtm_tree_word(&args, survey->p), node);
    if (!gtm_tree_is(node, "Alias") && !gtm_tree_is(node, "ScriptAlias"))
        return;
    /* Within a <Location> the folder is the only word. */
    word = gtm_tree_word(&args, survey->p);
    add(survey, *args != '\0' ? gtm_tree_word(&args, survey->p) : word, node);
}

static int is_below(const char *path, const char *folder)
{
    apr_size_t len = strlen(folder);

    return strcmp(folder, "/") == 0 ||
           (strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

static void look(apr_array_header_t *faults, const survey_t *survey, const char *what,
                 const char *path)
{
    if (path == NULL || path[0] != '/')
        return;
    path = real(path, survey->p);
    for (int i = 0; i < survey->roots->nelts; i++) {
        const root_t *root = &APR_ARRAY_IDX(survey->roots, i, root_t);

        if (!is_below(path, root->folder))
            continue;
        APR_ARRAY_PUSH(faults, const char *) = apr_psprintf(
            survey->p, "%s: httpd hands out what lies in %s, and %s %s lies there: move it",
            root->where, root->folder, what, path);
        return;
    }
}

/** A certificate, which is no secret, may stand anywhere; its key and all secrets may not. */
static void look_at_sources(apr_array_header_t *faults, const survey_t *survey,
                            const gt_provider_conf_t *provider)
{
    static const char *const names[GT_PROVIDER_SOURCES] = {
        "a client secret",  "a second client secret", NULL,
        "the client's key", "a federated token",      "the login of a proxy"};

    for (int s = 0; s < GT_PROVIDER_SOURCES; s++) {
        const gt_source_t *source = gt_provider_conf_source(provider, s, NULL);

        if (source != NULL && names[s] != NULL)
            look(faults, survey, names[s], gt_source_path(source));
    }
    for (int i = 0; provider->tenant_clients != NULL && i < provider->tenant_clients->nelts; i++)
        look(faults, survey, "a tenant's client secret",
             gt_source_path(
                 APR_ARRAY_IDX(provider->tenant_clients, i, gt_tenant_client_t *)->client_secret));
}

static void look_at_keyring(apr_array_header_t *faults, const survey_t *survey, const char *what,
                            const apr_array_header_t *sources)
{
    for (int i = 0; sources != NULL && i < sources->nelts; i++)
        look(faults, survey, what, gt_source_path(APR_ARRAY_IDX(sources, i, const gt_source_t *)));
}

void gtm_published_check(apr_array_header_t *faults, const gt_config_t *config, apr_pool_t *p)
{
    survey_t survey = {apr_array_make(p, 4, sizeof(root_t)), p};

    gtm_tree_each(visit, &survey);
    look_at_keyring(faults, &survey, "the keyring", config->keyring);
    for (int i = 0; i < config->stores->nelts; i++)
        look_at_keyring(faults, &survey, "the keyring of a store",
                        APR_ARRAY_IDX(config->stores, i, const gt_store_conf_t *)->keyring);
    for (int i = 0; i < config->providers->nelts; i++) {
        const gt_provider_conf_t *provider =
            APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *);

        look_at_sources(faults, &survey, provider);
    }
    for (int i = 0; i < config->clients->nelts; i++) {
        const gt_client_conf_t *client = APR_ARRAY_IDX(config->clients, i, gt_client_conf_t *);

        if (client->secret != NULL)
            look(faults, &survey, "the secret of a client", gt_source_path(client->secret));
    }
    for (int i = 0; i < config->accounts->nelts; i++) {
        const gt_account_conf_t *account = APR_ARRAY_IDX(config->accounts, i, gt_account_conf_t *);

        if (account->password != NULL)
            look(faults, &survey, "the password of an account", gt_source_path(account->password));
    }
    look(faults, &survey, "the journal", config->journal);
    look(faults, &survey, "the audit", config->audit);
    look(faults, &survey, "what is noted of the audit", config->audit_heads);
    if (strcmp(config->db_driver, "sqlite3") == 0)
        look(faults, &survey, "the database", config->db_params);
}
