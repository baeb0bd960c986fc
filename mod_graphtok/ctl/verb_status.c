/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * status: the configured parts, whether keys and secrets can be read, whether the database answers,
 * each store's schema version and counts. All parts are looked at; the first fault is the exit
 * status. Providers are not asked: that is `check`.
 */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/grant_view.h"
#include "admin/sums.h"
#include "base/secret.h"
#include "base/source.h"
#include "store/rights.h"
#include "store/store_ladder.h"
#include "terminal.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[0] = state->input;
    return 0;
}

/** When its credentials end, as far as that is known here. */
static void put_expiries(json_t *json, const gt_provider_conf_t *provider, apr_pool_t *p)
{
    gt_expiry_t expiries[GT_EXPIRIES_MAX];
    int count = ctl_expiries(expiries, provider, p);

    for (int i = 0; i < count; i++)
        gt_json_set_time(json, apr_pstrcat(p, expiries[i].what, "_ends", NULL), expiries[i].at, p);
}

static json_t *names_of(const gt_config_t *config, apr_pool_t *p)
{
    json_t *list = json_array();

    for (int i = 0; i < config->providers->nelts; i++) {
        const gt_provider_conf_t *provider =
            APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *);
        json_t *json = json_object();

        gt_json_set(json, "name", provider->name);
        gt_json_set(json, "tenant", provider->tenant);
        gt_json_set(json, "client_id", provider->client_id);
        put_expiries(json, provider, p);
        json_array_append_new(list, json);
    }
    return list;
}

/** Whether the tables beside its own are there, for what it does with them. */
static gt_err_t *check_beside(const gt_side_ladder_t *side, const gt_store_conf_t *store,
                              gt_db_t *db, apr_pool_t *p)
{
    int version;

    if (!side->is_wanted(store))
        return GT_OK;
    GT_TRY(gt_ladder_version(&version, gt_side_ladder(side, store, p), db, p));
    if (version == side->newest)
        return GT_OK;
    return gt_err(p, GT_CONFLICT, "GT0999",
                  "the tables for %s of store %s are at version %d of %d: run graphtokctl migrate",
                  side->what, store->name, version, side->newest);
}

gt_err_t *ctl_store_version(int *version, const gt_store_conf_t *store, gt_db_t *db, apr_pool_t *p)
{
    gt_ladder_t *ladder;

    *version = -1;
    GT_TRY(gt_rights_check(db, store, p));
    GT_TRY(gt_store_ladder(&ladder, store, p));
    GT_TRY(gt_ladder_version(version, ladder, db, p));
    if (*version != gt_store_newest())
        return gt_err(p, GT_CONFLICT, "GT0916",
                      "store %s is at version %d of %d: run graphtokctl migrate", store->name,
                      *version, gt_store_newest());
    for (int i = 0; gt_side_ladders[i] != NULL; i++)
        GT_TRY(check_beside(gt_side_ladders[i], store, db, p));
    return GT_OK;
}

/** One store: its version, and its counts when it has the newest. */
static gt_err_t *look_at(json_t *json, const gt_store_conf_t *conf, gt_db_t *db,
                         const gt_config_t *config, apr_pool_t *p)
{
    gt_grant_stats_t stats;
    json_t *counts;
    int version;
    gt_err_t *err;

    gt_json_set(json, "store", conf->name);
    gt_json_set(json, "table", conf->table);
    gt_json_set_number(json, "newest", gt_store_newest());
    err = ctl_store_version(&version, conf, db, p);
    if (version >= 0)
        gt_json_set_number(json, "version", version);
    GT_TRY(err);
    GT_TRY(gt_sums_of_now(&stats, gt_store_make(conf, db, NULL, p), config, p));
    counts = json_object();
    gt_stats_show(counts, &stats);
    gt_json_put(json, "counts", counts);
    gt_json_set_number(json, "counts_age", apr_time_sec(stats.age));
    return GT_OK;
}

/** All stores; the first failure is handed back, the others are looked at all the same. */
static gt_err_t *look_at_stores(json_t *list, gt_db_t *db, const gt_config_t *config, apr_pool_t *p)
{
    gt_err_t *first = GT_OK;

    for (int i = 0; i < config->stores->nelts; i++) {
        json_t *json = json_object();
        gt_err_t *err =
            look_at(json, APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *), db, config, p);

        if (err != GT_OK)
            gt_json_set(json, "error", err->detail);
        if (first == GT_OK)
            first = err;
        json_array_append_new(list, json);
    }
    return first;
}

/* Of the counts two ask for something to be done. */
static int is_trouble(const char *count)
{
    return strcmp(count, "refresh_failures") == 0 || strcmp(count, "needs_user") == 0;
}

static void print_store(const ctl_t *ctl, const json_t *store)
{
    const json_t *counts = json_object_get(store, "counts");
    const char *key;
    json_t *value;

    printf("store %s, table %s: ", gt_json_text(store, "store"), gt_json_text(store, "table"));
    if (counts == NULL) {
        printf("%s%s%s\n", ctl_hue(ctl, stdout, CTL_BAD), gt_json_text(store, "error"),
               ctl_hue_end(ctl, stdout));
        return;
    }
    printf("version %" JSON_INTEGER_FORMAT "\n",
           json_integer_value(json_object_get(store, "version")));
    json_object_foreach ((json_t *)counts, key, value) {
        const int stands_out = is_trouble(key) && json_integer_value(value) > 0;

        printf("    %-17s %s%" JSON_INTEGER_FORMAT "%s\n", key,
               stands_out ? ctl_hue(ctl, stdout, CTL_WARNS) : "", json_integer_value(value),
               stands_out ? ctl_hue_end(ctl, stdout) : "");
    }
}

static void print_end(const json_t *provider, const char *member)
{
    const char *at = gt_json_text(provider, member);

    if (at != NULL)
        printf("    %-17s %s\n", member, at);
}

static void print_text(const ctl_t *ctl, const json_t *answer)
{
    const json_t *database = json_object_get(answer, "database");
    const int is_up = json_is_true(json_object_get(database, "up"));
    apr_size_t i;
    json_t *item;

    json_array_foreach (json_object_get(answer, "providers"), i, item) {
        const char *tenant = gt_json_text(item, "tenant");

        printf("provider %s%s%s\n", gt_json_text(item, "name"), tenant != NULL ? ", tenant " : "",
               tenant != NULL ? tenant : "");
        print_end(item, "certificate_ends");
        print_end(item, "secret_ends");
    }
    printf("database %s: %s%s%s\n", gt_json_text(database, "driver"),
           ctl_hue(ctl, stdout, is_up ? CTL_GOOD : CTL_BAD), is_up ? "up" : "away",
           ctl_hue_end(ctl, stdout));
    json_array_foreach (json_object_get(answer, "stores"), i, item)
        print_store(ctl, item);
}

/** A secret that graphtokctl can read must be there; one that only httpd can have is not looked
 * at. */
static gt_err_t *look_at_secret(gt_source_t *source, apr_pool_t *p)
{
    gt_secret_t *secret;

    if (source == NULL || ctl_demand_readable(source, "", p) != GT_OK)
        return GT_OK;
    GT_TRY(gt_source_read(&secret, source, p));
    gt_secret_wipe(secret);
    return GT_OK;
}

/** Keyrings that graphtokctl can read, with their keys, and the client secrets. */
static gt_err_t *look_at_secrets(const gt_config_t *config, apr_pool_t *p)
{
    const apr_array_header_t *all = gt_keys_make_all(config, p);

    for (int i = 0; i < all->nelts; i++) {
        gt_keys_t *keys = APR_ARRAY_IDX(all, i, gt_keys_t *);

        if (keys->sources != NULL && ctl_keys_are_ours(keys, p))
            GT_TRY(ctl_keys_read(keys, p));
    }
    for (int i = 0; i < config->providers->nelts; i++)
        for (int s = 0; s < GT_PROVIDER_SOURCES; s++)
            GT_TRY(look_at_secret(
                gt_provider_conf_source(APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *),
                                        s, NULL),
                p));
    return GT_OK;
}

/** Everything; the first failure is handed back. */
static gt_err_t *look(json_t *answer, const ctl_t *ctl)
{
    json_t *database = json_object();
    json_t *stores = json_array();
    gt_engine_t engine;
    gt_config_t *config;
    gt_err_t *err, *first;
    gt_db_t *db;

    gt_json_put(answer, "database", database);
    gt_json_put(answer, "stores", stores);
    GT_TRY(ctl_config(&config, ctl));
    gt_json_put(answer, "providers", names_of(config, ctl->pool));
    first = look_at_secrets(config, ctl->pool);
    if (first != GT_OK)
        gt_json_set(answer, "error", first->detail);
    gt_json_set(database, "driver", config->db_driver);
    gt_json_set(database, "params",
                gt_db_params_shown(config->db_driver, config->db_params, ctl->pool));
    GT_TRY(ctl_db(&db, config, ctl->pool));
    err = gt_db_engine(&engine, db, ctl->pool);
    if (err == GT_OK)
        err = look_at_stores(stores, db, config, ctl->pool);
    else
        gt_json_set(database, "error", err->detail);
    gt_json_set_bool(database, "up", gt_db_is_up(db));
    return first != GT_OK ? first : err;
}

gt_err_t *ctl_status(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        NULL,       parse, "",  "Show configuration, database, schema and counts.",
        ctl_common, NULL,  NULL};
    json_t *answer = gt_json_object(ctl->pool);
    gt_err_t *err;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, ctl));
    err = look(answer, ctl);
    if (json_object_get(answer, "providers") == NULL)
        return err;
    if (ctl->json)
        ctl_print_json(answer);
    else
        print_text(ctl, answer);
    return err;
}
