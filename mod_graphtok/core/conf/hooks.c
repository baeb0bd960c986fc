/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file hooks.c Faults that no directive shows alone. */

#include "conf/hooks.h"

#include <apr_strings.h>

#include "base/text.h"

const char *const gt_hook_resources[] = {"calendar", "mail", NULL};

int gt_hooks_want(const gt_store_conf_t *store, const char *resource)
{
    return store->subscribe != NULL && gt_has_word(store->subscribe, resource);
}

int gt_hooks_are_wanted(const gt_config_t *config)
{
    for (int i = 0; i < config->stores->nelts; i++)
        if (APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *)->subscribe != NULL)
            return 1;
    return 0;
}

static int has_microsoft(const gt_config_t *config)
{
    for (int i = 0; i < config->providers->nelts; i++)
        if (APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *)->kind == GT_KIND_MICROSOFT)
            return 1;
    return 0;
}

static void note(apr_array_header_t *list, const gt_store_conf_t *store, apr_pool_t *p,
                 const char *text)
{
    APR_ARRAY_PUSH(list, const char *) =
        apr_psprintf(p, "%s%sstore %s: %s", store->where != NULL ? store->where : "",
                     store->where != NULL ? ": " : "", store->name, text);
}

static void check_store(const gt_config_t *config, const gt_store_conf_t *store,
                        apr_array_header_t *errors, apr_array_header_t *warnings, apr_pool_t *p)
{
    if (store->subscribe == NULL) {
        if (store->notification_url != NULL)
            note(warnings, store, p,
                 "GraphTokNotificationURL without GraphTokSubscribe: nothing is subscribed to");
        return;
    }
    if (store->notification_url == NULL)
        note(errors, store, p,
             "GraphTokSubscribe needs GraphTokNotificationURL, the address at which Microsoft "
             "Graph reaches a SetHandler graphtok-webhook of this store");
    if (!has_microsoft(config))
        note(errors, store, p,
             "GraphTokSubscribe needs a provider of GraphTokKind microsoft: Microsoft Graph alone "
             "tells of changes");
    if (!config->background)
        note(warnings, store, p,
             "GraphTokSubscribe with GraphTokBackground off: subscriptions are made and renewed "
             "by graphtokctl work alone, which must run beside this server");
}

void gt_hooks_check(const gt_config_t *config, apr_array_header_t *errors,
                    apr_array_header_t *warnings, apr_pool_t *p)
{
    for (int i = 0; i < config->stores->nelts; i++)
        check_store(config, APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *), errors, warnings,
                    p);
}
