/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file bearers.c The table of issuers of callers' tokens. It is made once at the child's start;
 * afterwards it is only read. */

#include "child/bearers.h"

#include <string.h>

#include "child/segment.h"

#define FOLLOW_EVERY apr_time_from_sec(1)
#define SLOTS 16384

/* Made by the parent; kept over graceful restarts. */
static gtm_segment_t *memory;

apr_size_t gtm_bearers_bytes(const gt_config_t *config)
{
    return config->jwts->nelts > 0 ? gt_slots_size(SLOTS, GT_REMEMBERED_BYTES) : 0;
}

int gtm_bearers_map(const gt_config_t *config, server_rec *s, apr_pool_t *p)
{
    memory = NULL;
    if (gtm_bearers_bytes(config) == 0)
        return 1;
    memory = gtm_segment("graphtok-bearers", gtm_bearers_bytes(config), s);
    if (memory == NULL)
        return 0;
    /* Left by another version of this module: it begins anew. */
    if (gt_slots_open(memory->memory, memory->size, SLOTS, GT_REMEMBERED_BYTES, p) == NULL)
        memset(memory->memory, 0, memory->size);
    return 1;
}

/* NULL: tokens are not remembered. */
static gt_remembered_t *open_memory(apr_pool_t *p)
{
    gt_slots_t *slots =
        memory != NULL ? gt_slots_open(memory->memory, memory->size, SLOTS, GT_REMEMBERED_BYTES, p)
                       : NULL;

    return slots != NULL ? gt_remembered_make(slots, memory->key, p) : NULL;
}

gt_bearer_t *gtm_bearers_find(const gtm_child_t *child, const char *name)
{
    return apr_hash_get(child->bearers, name, APR_HASH_KEY_STRING);
}

static void follow(void *baton, apr_pool_t *scratch)
{
    const gtm_child_t *child = baton;

    for (apr_hash_index_t *i = apr_hash_first(scratch, child->bearers); i != NULL;
         i = apr_hash_next(i))
        gt_bearer_follow(apr_hash_this_val(i), scratch);
}

void gtm_bearers_make(gtm_child_t *child, apr_pool_t *p)
{
    const apr_array_header_t *jwts = child->config->jwts;
    gt_remembered_t *remembered = open_memory(p);

    child->bearers = apr_hash_make(p);
    for (int i = 0; i < jwts->nelts; i++) {
        const gt_jwt_conf_t *conf = APR_ARRAY_IDX(jwts, i, gt_jwt_conf_t *);

        gt_bearer_t *bearer = gt_bearer_make(conf, child->crew, child->readers, p);

        gt_bearer_remember(bearer, remembered);
        apr_hash_set(child->bearers, conf->name, APR_HASH_KEY_STRING, bearer);
    }
    if (jwts->nelts > 0)
        gt_crew_every(child->crew, "keys of callers", FOLLOW_EVERY, follow, child);
}
