/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Filters are applied here rather than in SQL: a page by id is one index scan whatever is asked
 * for, and the words of a filter are the same on every engine.
 */

#include "grants.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"

#define PAGE 500
#define DAYS_MOST 36500
#define STATS_FRESH apr_time_from_sec(10)

static const char *const status_names[] = {"inactive", "active", "needs-user"};

static const struct argp_option options[] = {
    {"store", 's', "NAME", 0, "only this store", 0},
    {"provider", 'p', "NAME", 0, "only at this provider", 0},
    {"days", 'd', "N", 0, "only tokens that end within N days, or have ended", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    ctl_pick_t *pick = state->input;

    if (key == 's')
        pick->store = arg;
    else if (key == 'p')
        pick->provider = arg;
    else if (key != 'd')
        return ARGP_ERR_UNKNOWN;
    else if (!gt_number(&pick->days, arg, 0, DAYS_MOST))
        argp_error(state, "--days %s: a number of days is expected", arg);
    return 0;
}

const struct argp ctl_pick_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

ctl_pick_t ctl_pick_all(void)
{
    return (ctl_pick_t){.status = -1, .days = -1};
}

const char *ctl_status_name(gt_status_t status)
{
    return status_names[status];
}

gt_err_t *ctl_pick_check(const ctl_pick_t *pick, const gt_config_t *config, apr_pool_t *p)
{
    if (pick->store != NULL && gt_config_store(config, pick->store) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0913", "there is no store %s", pick->store);
    if (pick->provider != NULL && gt_config_provider(config, pick->provider) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0943", "there is no provider %s", pick->provider);
    return GT_OK;
}

static int is_meant(const ctl_pick_t *pick, const gt_grant_t *grant)
{
    if (pick->provider != NULL && strcmp(pick->provider, grant->owner.provider) != 0)
        return 0;
    if (pick->status >= 0 && pick->status != (int)grant->status)
        return 0;
    return pick->days < 0 ||
           grant->expires_at <= gt_now() + apr_time_from_sec(pick->days * 24 * 3600);
}

static gt_err_t *give(ctl_walk_t *walk, const apr_array_header_t *grants, apr_pool_t *scratch)
{
    for (int i = 0; walk->go_on && i < grants->nelts; i++) {
        const gt_grant_t *grant = APR_ARRAY_IDX(grants, i, gt_grant_t *);

        walk->seen++;
        if (is_meant(walk->pick, grant))
            GT_TRY(walk->fn(&walk->go_on, walk->baton, walk->store, grant, scratch));
    }
    return GT_OK;
}

static gt_err_t *walk_pages(ctl_walk_t *walk, apr_pool_t *p)
{
    apr_array_header_t *grants;
    char after[64] = "";
    apr_pool_t *scratch;
    gt_err_t *err = GT_OK;
    int is_last = 0;

    if (walk->pick->after != NULL)
        apr_cpystrn(after, walk->pick->after, sizeof(after));
    apr_pool_create(&scratch, p);
    while (err == GT_OK && walk->go_on && !is_last) {
        apr_pool_clear(scratch);
        err = gt_grant_list(&grants, walk->store, after[0] != '\0' ? after : NULL, PAGE, scratch);
        if (err != GT_OK)
            break;
        is_last = grants->nelts < PAGE;
        if (grants->nelts > 0)
            apr_cpystrn(after, APR_ARRAY_IDX(grants, grants->nelts - 1, gt_grant_t *)->id,
                        sizeof(after));
        err = give(walk, grants, scratch);
    }
    err = gt_err_dup(err, p);
    apr_pool_destroy(scratch);
    return err;
}

gt_err_t *ctl_each_grant(ctl_walk_t *walk, apr_pool_t *p)
{
    const apr_array_header_t *stores = walk->config->stores;
    const ctl_pick_t *pick = walk->pick;

    walk->go_on = 1;
    for (int i = 0; walk->go_on && i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);
        apr_array_header_t *grants;

        if (pick->store != NULL && strcmp(pick->store, conf->name) != 0)
            continue;
        walk->store = gt_store_make(conf, walk->db, NULL, p);
        if (pick->name == NULL) {
            GT_TRY(walk_pages(walk, p));
            continue;
        }
        GT_TRY(gt_duty_named(&grants, walk->store, pick->name, p));
        GT_TRY(give(walk, grants, p));
    }
    return GT_OK;
}

gt_err_t *ctl_stats(gt_grant_stats_t *stats, gt_store_t *store, const gt_config_t *config,
                    apr_pool_t *p)
{
    GT_TRY(gt_grant_stats(stats, store, p));
    if (stats->is_whole && stats->age < STATS_FRESH)
        return GT_OK;
    for (int part = 0; part < GT_COUNT_PARTS; part++)
        GT_TRY(gt_grant_count(store, part, config->refresh_margin, p));
    return gt_grant_stats(stats, store, p);
}

gt_err_t *ctl_count_grants(apr_int64_t *count, const ctl_pick_t *pick, const gt_config_t *config,
                           gt_db_t *db, apr_pool_t *p)
{
    *count = 0;
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);
        gt_grant_stats_t stats;

        if (pick->store != NULL && strcmp(pick->store, conf->name) != 0)
            continue;
        /* For a bar only: a table without sums yet can be worked on as well. */
        if (ctl_stats(&stats, gt_store_make(conf, db, NULL, p), config, p) != GT_OK) {
            *count = -1;
            return GT_OK;
        }
        *count += stats.total;
    }
    return GT_OK;
}

json_t *ctl_grant_json(const gt_store_t *store, const gt_grant_t *grant, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set(json, "id", grant->id);
    gt_json_set(json, "store", gt_store_conf(store)->name);
    gt_json_set(json, "user", grant->owner.user);
    gt_json_set(json, "provider", grant->owner.provider);
    gt_json_set(json, "email", grant->account.email);
    gt_json_set(json, "scope", grant->scope);
    gt_json_set(json, "status", ctl_status_name(grant->status));
    gt_json_set_time(json, "expires_at", grant->expires_at, p);
    gt_json_set_time(json, "created_at", grant->created_at, p);
    gt_json_set_time(json, "updated_at", grant->updated_at, p);
    if (grant->last_used_at != 0)
        gt_json_set_time(json, "last_used_at", grant->last_used_at, p);
    else
        gt_json_set(json, "last_used_at", NULL);
    gt_json_set_number(json, "use_count", grant->use_count);
    gt_json_set_number(json, "error_count", grant->error_count);
    gt_json_set(json, "error_message", grant->error_message);
    return json;
}
