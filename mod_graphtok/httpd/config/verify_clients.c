/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Checks of places with graphtok-exchange. The place decides about store and provider of an
 * exchange, so where there are several the clients of each must be named: else a client of one
 * product could ask for the tokens of another.
 */

#include "config/verify.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "config/mounts.h"
#include "config/route_set.h"
#include "oauth/resource.h"

/** Another exchange with another store or provider. */
static const gtm_mount_t *other_than(const gtm_verdict_t *v, const gtm_dir_t *dir)
{
    for (int i = 0; i < v->server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t);
        const gtm_dir_t *other = gtm_mount_settings(mount, v->s, v->p);

        if (strcmp(mount->handler, "graphtok-exchange") == 0 && other->provider != NULL &&
            (strcmp(other->store, dir->store) != 0 || strcmp(other->provider, dir->provider) != 0))
            return mount;
    }
    return NULL;
}

static void check_resource(const gtm_verdict_t *v, const gtm_mount_t *mount,
                           const gt_client_conf_t *client, const gt_provider_conf_t *provider,
                           const char *text)
{
    const char *resource = gt_provider_resource_named(provider, text, v->p);
    const char *missing;

    if (resource == NULL) {
        gtm_note(v->errors, client->where,
                 "client %s: no GraphTokScope of provider %s is of GraphTokClientResource %s%s",
                 client->name, provider->name, text, gtm_host_shown(v, mount->server));
        return;
    }
    missing = gt_provider_scopes_beyond(provider, gt_provider_token_scope(provider, resource, v->p),
                                        client->scopes, v->p);
    if (missing != NULL)
        gtm_note(v->warnings, client->where,
                 "client %s: each token of provider %s for %s has the scopes %s, too, which "
                 "GraphTokClientScope does not allow: it will be refused%s",
                 client->name, provider->name, resource, missing, gtm_host_shown(v, mount->server));
}

static void check_client(const gtm_verdict_t *v, const gtm_mount_t *mount,
                         const gt_client_conf_t *client, const gt_provider_conf_t *provider)
{
    const apr_array_header_t *resources;

    if (client->resources == NULL || client->scopes == NULL || provider->scope == NULL)
        return; /* said elsewhere */
    resources = gt_split(client->resources, " ", v->p);
    for (int i = 0; i < resources->nelts; i++)
        check_resource(v, mount, client, provider, APR_ARRAY_IDX(resources, i, const char *));
}

static void check_jwt(const gtm_verdict_t *v, const gt_client_conf_t *client, const char *name)
{
    if (gt_config_jwt(v->server->config, name) == NULL)
        gtm_note(v->errors, client->where, "client %s: there is no <GraphTokJWT %s>", client->name,
                 name);
}

/** 1 when some route of a handler is one that a client may call as a user. */
static int has_routes_of_users(const char *handler)
{
    const gtm_route_set_t *set = gtm_route_set_find(handler);

    for (const gtm_route_t *route = set != NULL ? set->routes : NULL;
         route != NULL && route->name != NULL; route++)
        if (route->demands == 0)
            return 1;
    return 0;
}

static int reaches_a_place(const gtm_verdict_t *v, const gt_allow_t *rule)
{
    for (int i = 0; i < v->server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t);

        if (has_routes_of_users(mount->handler) && gt_allow_reaches(rule, mount->path))
            return 1;
    }
    return 0;
}

/** A rule that opens nothing is a slip: of a path, as a rule. */
static void check_rules(const gtm_verdict_t *v, const gt_client_conf_t *client)
{
    const char *subjects = client->subjects;

    for (int i = 0; client->allow != NULL && i < client->allow->nelts; i++) {
        const gt_allow_t *rule = &APR_ARRAY_IDX(client->allow, i, gt_allow_t);

        if (!reaches_a_place(v, rule))
            gtm_note(v->warnings, client->where,
                     "client %s: GraphTokAllow %s opens nothing: no route of ours that acts for a "
                     "user stands there",
                     client->name, gt_allow_text(rule, v->p));
    }
    if (client->allow != NULL && subjects != NULL && strcmp(subjects, GT_SUBJECT_BEHALF) == 0)
        gtm_note(v->errors, client->where,
                 "client %s: GraphTokAllow opens routes for users who signed in here, whom "
                 "GraphTokClientSubject on-behalf-of does not name: write user or jwt=NAME",
                 client->name);
}

static void check_place(const gtm_verdict_t *v, const gt_client_conf_t *client)
{
    for (int i = 0; i < v->server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t);
        const gtm_dir_t *dir = gtm_mount_settings(mount, v->s, v->p);

        if (strcmp(mount->handler, "graphtok-exchange") == 0 &&
            (dir->clients == NULL || gt_has_word(dir->clients, client->name)))
            return;
    }
    gtm_note(v->warnings, client->where,
             "client %s can ask nowhere: no SetHandler graphtok-exchange lets it", client->name);
}

void gtm_check_client(const gtm_verdict_t *v, const gt_client_conf_t *client)
{
    const apr_array_header_t *words =
        gt_split(client->subjects != NULL ? client->subjects : "", " ", v->p);

    check_rules(v, client);
    check_place(v, client);
    if (client->jwt != NULL)
        check_jwt(v, client, client->jwt);
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);

        if (strncmp(word, GT_SUBJECT_JWT, strlen(GT_SUBJECT_JWT)) == 0)
            check_jwt(v, client, word + strlen(GT_SUBJECT_JWT));
    }
}

void gtm_check_exchange(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const gt_config_t *config = v->server->config;
    const gt_provider_conf_t *provider =
        dir->provider != NULL ? gt_config_provider(config, dir->provider) : NULL;
    const char *host = gtm_host_shown(v, mount->server);
    const gtm_mount_t *other;

    if (provider == NULL || gt_config_store(config, dir->store) == NULL)
        return; /* said elsewhere */
    if (config->clients->nelts == 0)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: there is no <GraphTokClient NAME> that could ask%s",
                 mount->handler, mount->path, host);
    other = dir->clients == NULL ? other_than(v, dir) : NULL;
    if (other != NULL)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: it and %s have different stores or providers; say at each "
                 "which clients may ask there: GraphTokUseClient NAME%s",
                 mount->handler, mount->path, other->path, host);
    for (int i = 0; i < config->clients->nelts; i++) {
        const gt_client_conf_t *client = APR_ARRAY_IDX(config->clients, i, gt_client_conf_t *);

        if (dir->clients == NULL || gt_has_word(dir->clients, client->name))
            check_client(v, mount, client, provider);
    }
}
