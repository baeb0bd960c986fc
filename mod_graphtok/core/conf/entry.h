/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ENTRY_H
#define GT_ENTRY_H

/**
 * @file entry.h
 * The entries that a configuration has by name: providers, stores, clients, issuers of callers'
 * tokens, accounts. Each is a container of httpd's and an element of a list in the JSON; a kind is
 * a row here. Rows are constant, and entries are not changed once the configuration is resolved,
 * so that any thread may read both.
 */

#include "conf/config.h"

/** The first members of each entry. */
typedef struct gt_conf_entry_t {
    const char *name;
    const char *where; /* "FILE:LINE" of its definition; NULL: it has none */
} gt_conf_entry_t;

/** A kind of entries. */
typedef struct gt_entry_kind_t {
    const char *word;  /* "store": how messages call one of it */
    const char *list;  /* "stores": the list in the JSON */
    apr_size_t offset; /* of the list in gt_config_t: apr_array_header_t *, of pointers */
    apr_size_t size;   /* of an entry */
    const gt_member_t *members;
} gt_entry_kind_t;

extern const gt_entry_kind_t gt_entry_provider, gt_entry_store, gt_entry_client, gt_entry_jwt,
    gt_entry_account;

/** The entries of a kind. */
apr_array_header_t *gt_entries(const gt_config_t *config, const gt_entry_kind_t *kind);

/** The entry of this name, or NULL. */
void *gt_entry_find(const gt_config_t *config, const gt_entry_kind_t *kind, const char *name);

/** An entry with the defaults of its members, in `p`; it is in no list yet. */
void *gt_entry_make(const gt_entry_kind_t *kind, const char *name, apr_pool_t *p);

#endif
