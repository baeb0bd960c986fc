/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file bearers.c The table of issuers of callers' tokens. It is made once at the child's start;
 * afterwards it is only read. */

#include "child/bearers.h"

#define FOLLOW_EVERY apr_time_from_sec(1)

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

    child->bearers = apr_hash_make(p);
    for (int i = 0; i < jwts->nelts; i++) {
        const gt_jwt_conf_t *conf = APR_ARRAY_IDX(jwts, i, gt_jwt_conf_t *);

        apr_hash_set(child->bearers, conf->name, APR_HASH_KEY_STRING,
                     gt_bearer_make(conf, child->crew, child->readers, p));
    }
    if (jwts->nelts > 0)
        gt_crew_every(child->crew, "keys of callers", FOLLOW_EVERY, follow, child);
}
