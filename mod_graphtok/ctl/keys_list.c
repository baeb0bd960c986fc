/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * keys list: each key with its purposes and the number of rows that need it, which tells whether
 * the key can be retired. Keys that rows need and the keyring lacks come last.
 */

#include "verb_keys.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "crypt/keytext.h"
#include "ranges.h"

gt_err_t *keys_stores(apr_array_header_t **stores, const keys_ask_t *params,
                      const apr_array_header_t *all)
{
    apr_pool_t *p = params->ctl->pool;
    const apr_array_header_t *confs = params->config->stores;
    gt_db_t *db;

    *stores = apr_array_make(p, 2, sizeof(gt_store_t *));
    if (params->store != NULL && gt_config_store(params->config, params->store) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0913", "there is no store %s", params->store);
    GT_TRY(ctl_db(&db, params->config, p));
    for (int i = 0; i < confs->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(confs, i, gt_store_conf_t *);

        if (params->store == NULL || strcmp(params->store, conf->name) == 0)
            APR_ARRAY_PUSH(*stores, gt_store_t *) =
                gt_store_make(conf, db, gt_keys_of(all, conf->name)->ring, p);
    }
    return GT_OK;
}

static json_t *key_json(const gt_key_t *key, const gt_keyring_t *ring, const char *since)
{
    json_t *json = json_object();
    json_t *purposes = json_array();
    json_t *writes = json_array();

    gt_json_set(json, "id", key->id);
    gt_json_set(json, "fingerprint", key->fingerprint);
    for (int i = 0; i < GT_PURPOSES; i++) {
        const char *name = gt_purpose_name((gt_purpose_t)i);

        if ((key->purposes & 1U << i) != 0)
            json_array_append_new(purposes, json_string(name));
        if (gt_keyring_writer(ring, (gt_purpose_t)i) == key)
            json_array_append_new(writes, json_string(name));
    }
    gt_json_put(json, "purposes", purposes);
    gt_json_put(json, "writes", writes);
    gt_json_set(json, "since", since);
    gt_json_set_number(json, "rows", 0);
    return json;
}

static json_t *find(json_t *list, const char *id)
{
    apr_size_t i;
    json_t *item;

    json_array_foreach (list, i, item)
        if (strcmp(gt_json_text(item, "id"), id) == 0)
            return item;
    return NULL;
}

static void add_rows(json_t *json, const char *name, apr_int64_t rows)
{
    gt_json_set_number(json, name, json_integer_value(json_object_get(json, name)) + rows);
}

/* Fernet names no key, so those rows are counted apart. */
static void count(json_t *answer, const gt_key_rows_t *rows)
{
    json_t *missing = json_object_get(answer, "missing");
    json_t *key = find(json_object_get(answer, "keys"), rows->id);

    if (rows->id[0] == '\0' || strcmp(rows->id, "?") == 0) {
        add_rows(answer, rows->id[0] == '\0' ? "fernet_rows" : "unsealed_rows", rows->rows);
        return;
    }
    if (key == NULL)
        key = find(missing, rows->id);
    if (key == NULL) {
        key = json_object();
        gt_json_set(key, "id", rows->id);
        json_array_append_new(missing, key);
    }
    add_rows(key, "rows", rows->rows);
}

static gt_err_t *count_range(void *rows, const gt_range_t *range, apr_pool_t *scratch)
{
    return gt_rekey_rows(rows, range, scratch);
}

static int by_id(const void *one, const void *other)
{
    return strcmp(((const gt_key_rows_t *)one)->id, ((const gt_key_rows_t *)other)->id);
}

gt_err_t *keys_rows(apr_array_header_t **rows, gt_store_t *store, apr_pool_t *p)
{
    *rows = apr_array_make(p, 4, sizeof(gt_key_rows_t));
    GT_TRY(ctl_each_sealed(store, gt_store_conf(store)->name, count_range, *rows, p));
    qsort((*rows)->elts, (apr_size_t)(*rows)->nelts, sizeof(gt_key_rows_t), by_id);
    return GT_OK;
}

/** The rows of those stores that a keyring seals. */
static gt_err_t *count_all(json_t *answer, const keys_ask_t *params, const gt_keys_t *keys,
                           const apr_array_header_t *all)
{
    apr_array_header_t *stores, *rows;

    GT_TRY(keys_stores(&stores, params, all));
    for (int i = 0; i < stores->nelts; i++) {
        gt_store_t *store = APR_ARRAY_IDX(stores, i, gt_store_t *);

        if (gt_keys_of(all, gt_store_name(store)) != keys)
            continue;
        GT_TRY(keys_rows(&rows, store, params->ctl->pool));
        for (int j = 0; j < rows->nelts; j++)
            count(answer, &APR_ARRAY_IDX(rows, j, gt_key_rows_t));
    }
    return GT_OK;
}

static const char *joined(const json_t *words, apr_pool_t *p)
{
    const char *text = "";
    apr_size_t i;
    json_t *word;

    json_array_foreach ((json_t *)words, i, word)
        text = apr_pstrcat(p, text, i > 0 ? "," : "", json_string_value(word), NULL);
    return json_array_size(words) == GT_PURPOSES ? "any" : *text != '\0' ? text : "-";
}

static apr_int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void print_text(const json_t *answer, apr_pool_t *p)
{
    apr_size_t i;
    json_t *key;

    if (json_object_get(answer, "store") != NULL)
        printf("\nstore %s\n", gt_json_text(answer, "store"));
    printf("%-24s %-11s %-24s %-24s %-20s %s\n", "KEY", "FINGERPRINT", "PURPOSES", "WRITES",
           "WRITES SINCE", "ROWS");
    json_array_foreach (json_object_get(answer, "keys"), i, key) {
        const char *since = gt_json_text(key, "since");

        printf("%-24s %-11s %-24s %-24s %-20s %" APR_INT64_T_FMT "\n", gt_json_text(key, "id"),
               gt_json_text(key, "fingerprint"), joined(json_object_get(key, "purposes"), p),
               joined(json_object_get(key, "writes"), p), since != NULL ? since : "-",
               number(key, "rows"));
    }
    json_array_foreach (json_object_get(answer, "missing"), i, key)
        printf("%-24s not in the keyring: %s cannot be opened\n", gt_json_text(key, "id"),
               gt_counted(number(key, "rows"), "row", "rows", p));
    if (number(answer, "fernet_rows") > 0)
        printf("Fernet, which names no key: %s\n",
               gt_counted(number(answer, "fernet_rows"), "row", "rows", p));
    if (number(answer, "unsealed_rows") > 0)
        printf("not sealed by us: %s\n",
               gt_counted(number(answer, "unsealed_rows"), "row", "rows", p));
}

static void print_all(const json_t *answer, apr_pool_t *p)
{
    apr_size_t i;
    json_t *one;

    print_text(answer, p);
    json_array_foreach (json_object_get(answer, "stores"), i, one)
        print_text(one, p);
}

/* Since when each key writes stands in the comments of files; other sources have none. */
static const char *since(const gt_keys_t *keys, const char *id, apr_pool_t *p)
{
    const char *since = NULL;
    gt_secret_t *text;

    for (int i = 0; keys->sources != NULL && since == NULL && i < keys->sources->nelts; i++)
        if (gt_source_last(&text, APR_ARRAY_IDX(keys->sources, i, gt_source_t *), p) == GT_OK)
            since = gt_keytext_since(text, id, p);
    return since;
}

static void fill_keys(json_t *answer, const gt_keys_t *keys, apr_pool_t *p)
{
    const apr_array_header_t *set = gt_keyring_keys(keys->ring);
    json_t *list = json_array();

    for (int i = 0; i < set->nelts; i++) {
        const gt_key_t *key = APR_ARRAY_IDX(set, i, const gt_key_t *);

        json_array_append_new(list, key_json(key, keys->ring, since(keys, key->id, p)));
    }
    gt_json_put(answer, "keys", list);
    gt_json_put(answer, "missing", json_array());
    gt_json_set_number(answer, "fernet_rows", 0);
    gt_json_set_number(answer, "unsealed_rows", 0);
}

/* The keys are told also when their rows cannot be counted. */
static gt_err_t *list_one(json_t *answer, const keys_ask_t *params, const gt_keys_t *keys,
                          const apr_array_header_t *all)
{
    gt_err_t *err;

    fill_keys(answer, keys, params->ctl->pool);
    err = count_all(answer, params, keys, all);
    if (err != GT_OK)
        gt_json_set(answer, "error", err->detail);
    return err;
}

/* Of --store its keyring alone; else the server's, and below "stores" those of stores with one of
 * their own. */
gt_err_t *keys_list(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    json_t *answer = gt_json_object(p), *others = json_array();
    apr_array_header_t *all;
    gt_keys_t *first;
    gt_err_t *err;

    GT_TRY(keys_config(params));
    all = gt_keys_make_all(params->config, p);
    for (int i = 0; i < all->nelts; i++)
        GT_TRY(ctl_keys_read(APR_ARRAY_IDX(all, i, gt_keys_t *), p));
    first = gt_keys_of(all, params->store != NULL ? params->store : "");
    err = list_one(answer, params, first, all);
    gt_json_put(answer, "stores", others);
    for (int i = 1; params->store == NULL && err == GT_OK && i < all->nelts; i++) {
        const gt_keys_t *keys = APR_ARRAY_IDX(all, i, const gt_keys_t *);
        json_t *one = json_object();

        json_array_append_new(others, one);
        gt_json_set(one, "store", keys->store);
        err = list_one(one, params, keys, all);
    }
    if (params->ctl->json)
        ctl_print_json(answer);
    else
        print_all(answer, p);
    return err;
}
