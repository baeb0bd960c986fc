/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file arrival_item.c
 * A repeat of a notification has the same members as the first, but perhaps the end of the
 * subscription. Two changes of one resource differ in the etag; so where an update has none, and no
 * id of its own, a repeat cannot be told from news, and both are kept.
 */

#include "hooks/arrival_item.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

static const char *const lives[GT_LIVES] = {NULL, "reauthorizationRequired", "subscriptionRemoved",
                                            "missed"};

static const char *hash_of(const char *text, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, text, strlen(text));
    return gt_base64url(digest, sizeof(digest), p);
}

const char *gt_state_hash(const char *client_state, apr_pool_t *p)
{
    return hash_of(client_state, p);
}

const char *gt_arrival_lane(apr_int64_t subscription, const char *resource, apr_pool_t *p)
{
    return hash_of(apr_psprintf(p, "%" APR_INT64_T_FMT " %s", subscription, resource), p);
}

/* A text of bounded length without controls; NULL: the member is missing or another thing. */
static const char *text_of(const json_t *value, const char *key, apr_size_t most)
{
    const char *text = gt_json_text(value, key);

    return text != NULL && strlen(text) <= most && !gt_has_control(text, strlen(text)) ? text
                                                                                       : NULL;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* A change has a type and a resource; a lifecycle event its name. */
static int read_kind(gt_arrival_item_t *item, const json_t *value)
{
    const char *life = text_of(value, "lifecycleEvent", GT_ARRIVAL_NAME);

    if (life == NULL) {
        item->row.change_type = text_of(value, "changeType", GT_ARRIVAL_NAME);
        item->row.resource = text_of(value, "resource", GT_ARRIVAL_RESOURCE);
        return item->row.change_type != NULL && item->row.resource != NULL &&
               (strcmp(item->row.change_type, "created") == 0 ||
                strcmp(item->row.change_type, "updated") == 0 ||
                strcmp(item->row.change_type, "deleted") == 0);
    }
    item->row.change_type = life;
    item->row.resource = "";
    for (int i = GT_LIFE_REAUTHORIZE; i < GT_LIVES; i++)
        if (strcmp(life, lives[i]) == 0)
            item->life = (gt_lifecycle_t)i;
    return item->life != GT_LIFE_NONE;
}

static int is_told_from_repeats(const gt_arrival_item_t *item, const json_t *value)
{
    const json_t *data = json_object_get(value, "resourceData");

    return gt_json_text(value, "id") != NULL || gt_json_text(data, "@odata.etag") != NULL ||
           (item->life == GT_LIFE_NONE && strcmp(item->row.change_type, "updated") != 0);
}

/* As it is stored and handed on: the secret stays here. */
static json_t *without_secret(const json_t *value, apr_pool_t *p)
{
    json_t *copy = gt_json_own(json_copy((json_t *)value), p);

    json_object_del(copy, "clientState");
    return copy;
}

static const char *repeat_key(const json_t *shown, apr_pool_t *p)
{
    json_t *copy = gt_json_own(json_copy((json_t *)shown), p);

    json_object_del(copy, "subscriptionExpirationDateTime");
    return hash_of(gt_json_dump(copy, p), p);
}

int gt_arrival_item_read(gt_arrival_item_t *item, const json_t *value, apr_pool_t *p)
{
    const char *state = text_of(value, "clientState", GT_ARRIVAL_NAME);
    json_t *shown;

    memset(item, 0, sizeof(*item));
    item->subscription_id = text_of(value, "subscriptionId", GT_ARRIVAL_NAME);
    item->tenant = or_empty(text_of(value, "tenantId", GT_ARRIVAL_NAME));
    if (item->subscription_id == NULL || *item->subscription_id == '\0' || !read_kind(item, value))
        return 0;
    item->state_hash = state != NULL ? hash_of(state, p) : "";
    shown = without_secret(value, p);
    item->row.body = gt_json_dump(shown, p);
    if (is_told_from_repeats(item, value))
        item->row.repeat_key = repeat_key(shown, p);
    return strlen(item->row.body) <= GT_ARRIVAL_BODY;
}

gt_notification_t *gt_arrival_missed(const gt_subscription_t *sub, apr_pool_t *p)
{
    gt_notification_t *made = apr_pcalloc(p, sizeof(*made));
    json_t *body = gt_json_object(p);

    gt_json_set(body, "lifecycleEvent", lives[GT_LIFE_MISSED]);
    gt_json_set(body, "subscriptionId", sub->subscription_id);
    *made = (gt_notification_t){.subscription = sub->id,
                                .change_type = lives[GT_LIFE_MISSED],
                                .resource = "",
                                .lane = gt_arrival_lane(sub->id, "", p),
                                .body = gt_json_dump(body, p)};
    return made;
}
