/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file hooks.c Faults that no directive shows alone. */

#include "conf/hooks.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "net/url.h"

#define TABLE "table"
#define WORD_MOST 16
#define WAITS_MOST 20
#define KEY_PREFIX "whsec_"
#define KEY_LEAST 24 /* bytes */
#define KEY_MOST 64

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

int gt_hooks_deliver(const gt_store_conf_t *store)
{
    return strcmp(store->deliver, TABLE) != 0;
}

int gt_hooks_are_delivered(const gt_config_t *config)
{
    for (int i = 0; i < config->stores->nelts; i++)
        if (gt_hooks_deliver(APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *)))
            return 1;
    return 0;
}

apr_interval_time_t gt_hooks_wait(const gt_store_conf_t *store, int tries, apr_pool_t *p)
{
    const apr_array_header_t *waits = gt_split(store->deliver_retry, " ", p);
    apr_interval_time_t wait;

    if (tries >= waits->nelts || !gt_span_parse(&wait, APR_ARRAY_IDX(waits, tries, const char *)))
        return 0;
    return wait;
}

int gt_hooks_is_retry(const char *text)
{
    char word[WORD_MOST];
    int count = 0;

    for (; *text != '\0'; count++) {
        apr_size_t len = strcspn(text, " ");
        apr_interval_time_t wait;

        if (len >= sizeof(word))
            return 0;
        memcpy(word, text, len);
        word[len] = '\0';
        if (!gt_span_parse(&wait, word) || wait < apr_time_from_sec(1) ||
            wait > apr_time_from_sec(7 * 86400))
            return 0;
        text += len + (text[len] == ' ');
    }
    return count > 0 && count <= WAITS_MOST;
}

int gt_hooks_is_deliver(const char *text)
{
    return strcmp(text, TABLE) == 0 || gt_url_is_safe(text);
}

int gt_hooks_key(unsigned char **key, apr_size_t *len, const gt_secret_t *secret, apr_pool_t *p)
{
    const char *text = gt_secret_text(secret);

    if (strncmp(text, KEY_PREFIX, strlen(KEY_PREFIX)) != 0)
        return 0;
    text += strlen(KEY_PREFIX);
    if (!gt_base64_decode(key, len, text, strlen(text), 1, p))
        return 0;
    gt_wipe_with_pool(*key, *len, p);
    return *len >= KEY_LEAST && *len <= KEY_MOST;
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

/* Notifications that wait are delivered, also when nothing is subscribed to any more. */
static void check_delivery(const gt_store_conf_t *store, apr_array_header_t *errors,
                           apr_array_header_t *warnings, apr_pool_t *p)
{
    int delivers = gt_hooks_deliver(store);

    if (delivers && store->deliver_secret == NULL)
        note(errors, store, p,
             "GraphTokDeliver needs GraphTokDeliverSecret, by which the application sees that a "
             "message is ours: whsec_ and the Base64 of 24 to 64 bytes, best in a file: "
             "file:PATH");
    if (delivers && store->subscribe == NULL)
        note(warnings, store, p,
             "GraphTokDeliver without GraphTokSubscribe: nothing new comes that could be "
             "delivered");
    if (!delivers && store->deliver_secret != NULL)
        note(warnings, store, p,
             "GraphTokDeliverSecret without the address of an application in GraphTokDeliver: "
             "nothing is delivered");
    if (store->deliver_secret != NULL && gt_source_kind(store->deliver_secret) == GT_LITERAL)
        note(warnings, store, p,
             "GraphTokDeliverSecret stands in the configuration itself; file:PATH keeps it apart");
}

static void check_store(const gt_config_t *config, const gt_store_conf_t *store,
                        apr_array_header_t *errors, apr_array_header_t *warnings, apr_pool_t *p)
{
    check_delivery(store, errors, warnings, p);
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
