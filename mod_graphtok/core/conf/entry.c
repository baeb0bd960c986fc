/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file entry.c An entry is read as a gt_conf_entry_t, whose members begin each kind's. */

#include "conf/entry.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#define BEGINS(type)                                                                               \
    _Static_assert(offsetof(struct type, name) == offsetof(gt_conf_entry_t, name) &&               \
                       offsetof(struct type, where) == offsetof(gt_conf_entry_t, where),           \
                   "an entry begins as gt_conf_entry_t does")

BEGINS(gt_provider_conf_t);
BEGINS(gt_store_conf_t);
BEGINS(gt_client_conf_t);
BEGINS(gt_jwt_conf_t);
BEGINS(gt_account_conf_t);

#define IN(list) offsetof(gt_config_t, list)

const gt_entry_kind_t gt_entry_provider = {"provider", "providers", IN(providers),
                                           sizeof(gt_provider_conf_t), gt_provider_members};
const gt_entry_kind_t gt_entry_store = {"store", "stores", IN(stores), sizeof(gt_store_conf_t),
                                        gt_store_members};
const gt_entry_kind_t gt_entry_client = {"client", "clients", IN(clients), sizeof(gt_client_conf_t),
                                         gt_client_members};
const gt_entry_kind_t gt_entry_jwt = {"GraphTokJWT", "jwts", IN(jwts), sizeof(gt_jwt_conf_t),
                                      gt_jwt_members};
const gt_entry_kind_t gt_entry_account = {"account", "accounts", IN(accounts),
                                          sizeof(gt_account_conf_t), gt_account_members};

apr_array_header_t *gt_entries(const gt_config_t *config, const gt_entry_kind_t *kind)
{
    return *(apr_array_header_t *const *)((const char *)config + kind->offset);
}

void *gt_entry_find(const gt_config_t *config, const gt_entry_kind_t *kind, const char *name)
{
    const apr_array_header_t *list = gt_entries(config, kind);

    for (int i = 0; i < list->nelts; i++) {
        gt_conf_entry_t *entry = APR_ARRAY_IDX(list, i, gt_conf_entry_t *);

        if (strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

void *gt_entry_make(const gt_entry_kind_t *kind, const char *name, apr_pool_t *p)
{
    gt_conf_entry_t *entry = apr_pcalloc(p, kind->size);

    gt_members_default(entry, kind->members, p);
    entry->name = apr_pstrdup(p, name);
    return entry;
}
