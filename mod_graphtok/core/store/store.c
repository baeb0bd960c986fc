/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * A store, and the user ids that its column can hold. User ids come from outside (a token's claim,
 * a header, a command line), so each is held against the type of the store's column before a
 * statement sees it: SQLite would store any text in an integer column, PostgreSQL would refuse it.
 */

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/store.h"

#define LONGEST_USER 255
#define UUID_LEN 36

gt_store_t *gt_store_make(const gt_store_conf_t *conf, gt_db_t *db, const gt_keyring_t *ring,
                          apr_pool_t *p)
{
    gt_store_t *store = apr_pcalloc(p, sizeof *store);

    store->conf = conf;
    store->names = gt_store_names(conf, p);
    store->db = db;
    store->ring = ring;
    store->ids = gt_kept_ids_make(p);
    return store;
}

gt_place_t gt_store_place(const gt_store_t *store, const gt_ids_t *ids, const char *column,
                          const gt_owner_t *owner)
{
    return (gt_place_t){.table = store->conf->table,
                        .column = column,
                        .user = owner->user,
                        .provider = owner->provider,
                        .other_table = ids->other_table[0] != '\0' ? ids->other_table : NULL,
                        .store = ids->store,
                        .resource =
                            strcmp(column, GT_ACCESS_COLUMN) == 0 ? GT_RESOURCE_GRAPH : NULL};
}

const gt_store_conf_t *gt_store_conf(const gt_store_t *store)
{
    return store->conf;
}

const char *gt_store_name(const gt_store_t *store)
{
    return store->conf->name;
}

gt_owner_t gt_owner_dup(const gt_owner_t *owner, apr_pool_t *p)
{
    return (gt_owner_t){apr_pstrdup(p, owner->user), apr_pstrdup(p, owner->provider)};
}

gt_db_t *gt_store_db(const gt_store_t *store)
{
    return store->db;
}

const gt_keyring_t *gt_store_ring(const gt_store_t *store)
{
    return store->ring;
}

gt_err_t *gt_store_has_keys(const gt_store_t *store, apr_pool_t *p)
{
    if (!gt_keyring_is_empty(store->ring))
        return GT_OK;
    return gt_err(p, GT_STORE_AWAY, "GT0434",
                  "store %s: its keyring cannot be read; the server's log says why",
                  store->conf->name);
}

gt_err_t *gt_store_ping(gt_store_t *store, apr_pool_t *p)
{
    return gt_db_ping(store->db, p);
}

int gt_store_answers(const gt_store_t *store)
{
    return gt_db_is_up(store->db);
}

static const char *exact_integer(const char *user, apr_pool_t *p)
{
    apr_int64_t number = 0;
    const char *text;

    if (!gt_number(&number, user, INT64_MIN, INT64_MAX))
        return NULL;
    text = apr_psprintf(p, "%" APR_INT64_T_FMT, number);
    return strcmp(text, user) == 0 ? text : NULL;
}

static const char *exact_uuid(const char *user, apr_pool_t *p)
{
    char *text = apr_pstrdup(p, user);
    int i;

    if (strlen(user) != UUID_LEN)
        return NULL;
    for (i = 0; i < UUID_LEN; i++) {
        int is_dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_dash ? user[i] != '-' : !isxdigit((unsigned char)user[i]))
            return NULL;
        text[i] = (char)tolower((unsigned char)user[i]);
    }
    return text;
}

const char *gt_store_user(const char *type, const char *user, apr_pool_t *p)
{
    if (strcmp(type, "integer") == 0)
        return exact_integer(user, p);
    return strcmp(type, "uuid") == 0 ? exact_uuid(user, p) : user;
}

gt_err_t *gt_store_owner(gt_owner_t *exact, const gt_store_t *store, const gt_owner_t *owner,
                         apr_pool_t *p)
{
    const char *type = store->conf->user_type;
    apr_size_t len = strlen(owner->user);

    if (len == 0 || len > LONGEST_USER || !gt_is_utf8(owner->user, len))
        return gt_err(p, GT_INVALID, "GT0420", "a user id has 1 to %d bytes of UTF-8",
                      LONGEST_USER);
    exact->provider = owner->provider;
    exact->user = gt_store_user(type, owner->user, p);
    if (exact->user == NULL)
        return gt_err(p, GT_INVALID, "GT0421", "store %s: the user id is not of the type %s",
                      store->conf->name, type);
    return GT_OK;
}
