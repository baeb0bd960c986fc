/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any JSON as a notification that a stranger posts. One that is taken names a subscription, its
 * secret is not in what is stored, and it has the key of its repeats, also with another end of the
 * subscription.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "hooks/arrival_item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int holds)
{
    if (!holds)
        abort();
}

static void look_at(const gt_arrival_item_t *item, apr_pool_t *p)
{
    const char *id = item->subscription_id, *body = item->row.body;
    json_t *stored;

    need(*id != '\0' && strlen(id) <= GT_ARRIVAL_NAME && !gt_has_control(id, strlen(id)));
    need(strlen(item->row.resource) <= GT_ARRIVAL_RESOURCE && item->row.change_type != NULL);
    need(strlen(body) <= GT_ARRIVAL_BODY && gt_json_parse(&stored, body, strlen(body), p) == GT_OK);
    need(json_object_get(stored, "clientState") == NULL);
}

static void look_at_repeat(const gt_arrival_item_t *item, json_t *value, apr_pool_t *p)
{
    gt_arrival_item_t again;

    gt_json_set(value, "subscriptionExpirationDateTime", "2030-01-01T00:00:00Z");
    if (!gt_arrival_item_read(&again, value, p))
        return; /* it is too long by now */
    need((again.row.repeat_key == NULL) == (item->row.repeat_key == NULL));
    need(again.row.repeat_key == NULL || strcmp(again.row.repeat_key, item->row.repeat_key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gt_arrival_item_t item;
    apr_pool_t *p;
    json_t *value;

    apr_pool_create(&p, NULL);
    if (gt_json_parse(&value, (const char *)data, size, p) == GT_OK &&
        gt_arrival_item_read(&item, value, p)) {
        look_at(&item, p);
        look_at_repeat(&item, value, p);
    }
    apr_pool_destroy(p);
    return 0;
}
