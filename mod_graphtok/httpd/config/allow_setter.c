/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file allow_setter.c GraphTokAllow: of a client, whose rules are for routes of ours, and of a
 * location, whose rules are for paths of Graph. */

#include "config/setters.h"

#include <string.h>

#include <apr_strings.h>

#include "conf/allow.h"

/** Rules of a location are held against paths of Graph, which have a version. */
static const char *with_version(const char *pattern, apr_pool_t *p)
{
    static const char *const versions[] = {"/v1.0", "/beta"};

    for (int i = 0; i < 2; i++) {
        apr_size_t len = strlen(versions[i]);

        if (strncmp(pattern, versions[i], len) == 0 &&
            (pattern[len] == '/' || pattern[len] == '\0'))
            return pattern;
    }
    return apr_pstrcat(p, versions[0], strcmp(pattern, "/") != 0 ? pattern : "", NULL);
}

static void add(apr_array_header_t **rules, const gt_allow_t *rule, apr_pool_t *p)
{
    if (*rules == NULL)
        *rules = apr_array_make(p, 4, sizeof(*rule));
    APR_ARRAY_PUSH(*rules, gt_allow_t) = *rule;
}

static const char *add_to_client(cmd_parms *cmd, gt_client_conf_t *client, const gt_allow_t *rule)
{
    if (rule->claims != NULL)
        return "GraphTokAllow: claim: stands in rules of a graphtok-graph location; a client's "
               "token has no claims";
    add(&client->allow, rule, cmd->pool);
    return NULL;
}

const char *gtm_add_allow(cmd_parms *cmd, void *baton, const char *args)
{
    gt_client_conf_t *client = gtm_server(cmd->server)->in_client;
    gtm_dir_t *dir = baton;
    gt_allow_t rule;
    const char *why;

    if (client == NULL && cmd->path == NULL)
        return "GraphTokAllow must stand inside <GraphTokClient NAME>, or inside a <Location> with "
               "SetHandler graphtok-graph";
    if (!gt_allow_parse(&rule, gtm_setter_joined(cmd, args), &why, cmd->pool))
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", why, NULL);
    if (client != NULL)
        return add_to_client(cmd, client, &rule);
    why = gtm_setter_enter_dir(cmd, dir);
    rule.pattern = with_version(rule.pattern, cmd->pool);
    if (why == NULL)
        add(&dir->allow, &rule, cmd->pool);
    return why;
}
