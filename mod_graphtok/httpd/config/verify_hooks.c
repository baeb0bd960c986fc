/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file verify_hooks.c What httpd -t says of change notifications and their delivery. */

#include "config/verify.h"

#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "conf/hooks.h"
#include "config/mounts.h"

#define HANDLER "graphtok-webhook"

static const gt_store_conf_t *store_of(const gtm_verdict_t *v, const gtm_dir_t *dir)
{
    return dir->store != NULL ? gt_config_store(v->server->config, dir->store) : NULL;
}

void gtm_check_webhook(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const gt_store_conf_t *store = store_of(v, dir);
    const char *path = mount->path[0] != '\0' ? mount->path : "/";
    const char *host = gtm_host_shown(v, mount->server);

    if (store != NULL && store->subscribe == NULL)
        gtm_note(v->warnings, mount->where,
                 "SetHandler %s at %s: store %s subscribes to nothing, so that Microsoft Graph "
                 "tells it nothing: write GraphTokSubscribe in <GraphTokStore %s>, or "
                 "GraphTokUseStore with the name of a store that has it%s",
                 mount->handler, path, store->name, store->name, host);
    if (mount->wants_user)
        gtm_note(v->warnings, mount->where,
                 "SetHandler %s at %s: a Require there lets no request in without a user, and "
                 "Microsoft Graph has none: write Require all granted%s",
                 mount->handler, path, host);
}

/** 1 when one is the end of the other: a proxy in front may add to a path, or take from it. */
static int may_be_same(const char *one, const char *other)
{
    size_t shorter = strlen(one), longer = strlen(other);

    if (shorter > longer)
        return may_be_same(other, one);
    return strcmp(other + longer - shorter, one) == 0;
}

/** The path of an absolute URL without slashes at its end, in the pool; "" for the root. */
static const char *path_of(const char *url, apr_pool_t *p)
{
    const char *host = strstr(url, "://");
    const char *path = host != NULL ? strchr(host + strlen("://"), '/') : NULL;
    size_t len = path != NULL ? strlen(path) : 0;

    while (len > 0 && path[len - 1] == '/')
        len--;
    return len > 0 ? apr_pstrmemdup(p, path, len) : "";
}

static int is_served(const gtm_verdict_t *v, const gt_store_conf_t *store)
{
    const char *path = path_of(store->notification_url, v->p);

    for (int i = 0; i < v->server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t);

        if (strcmp(mount->handler, HANDLER) == 0 && may_be_same(path, mount->path) &&
            store_of(v, gtm_mount_settings(mount, v->s, v->p)) == store)
            return 1;
    }
    return 0;
}

static void check_secret(const gtm_verdict_t *v, const gt_store_conf_t *store)
{
    gt_secret_t *secret;
    unsigned char *key;
    apr_size_t len;

    gtm_look_at_secret(&secret, v, store->where, "GraphTokDeliverSecret", store->deliver_secret);
    if (secret == NULL)
        return;
    if (!gt_hooks_key(&key, &len, secret, v->p))
        gtm_note(v->faults, store->where,
                 "store %s: GraphTokDeliverSecret is not " GT_HOOKS_KEY_FORM, store->name);
    gt_secret_wipe(secret);
}

void gtm_check_hooks(const gtm_verdict_t *v)
{
    for (int i = 0; i < v->server->config->stores->nelts; i++) {
        const gt_store_conf_t *store =
            APR_ARRAY_IDX(v->server->config->stores, i, gt_store_conf_t *);

        if (gt_hooks_deliver(store))
            check_secret(v, store);
        if (store->subscribe != NULL && store->notification_url != NULL && !is_served(v, store))
            gtm_note(v->warnings, store->where,
                     "store %s: GraphTokNotificationURL %s leads to no SetHandler " HANDLER
                     " of this store here: Microsoft Graph makes no subscription unless one "
                     "answers there",
                     store->name, store->notification_url);
    }
}
