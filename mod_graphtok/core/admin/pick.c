/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Filters are applied here rather than in SQL: a page by id is one index scan whatever is asked
 * for, and the words of a filter are the same on every engine.
 */

#include "admin/pick.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/grant_view.h"
#include "base/clock.h"
#include "store/due.h"

#define PAGE 500
#define LISTED_MOST 10
#define STATS_FRESH apr_time_from_sec(10)

gt_pick_t gt_pick_all(void)
{
    return (gt_pick_t){.status = -1, .days = -1};
}

gt_err_t *gt_pick_check(const gt_pick_t *pick, const gt_config_t *config, apr_pool_t *p)
{
    if (pick->store != NULL && gt_config_store(config, pick->store) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0913", "there is no store %s", pick->store);
    if (pick->provider != NULL && gt_config_provider(config, pick->provider) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0943", "there is no provider %s", pick->provider);
    return GT_OK;
}

static int is_meant(const gt_pick_t *pick, const gt_grant_t *grant)
{
    if (pick->provider != NULL && strcmp(pick->provider, grant->owner.provider) != 0)
        return 0;
    if (pick->status >= 0 && pick->status != (int)grant->status)
        return 0;
    return pick->days < 0 ||
           grant->expires_at <= gt_now() + apr_time_from_sec(pick->days * 24 * 3600);
}

static gt_err_t *give(gt_walk_t *walk, const apr_array_header_t *grants, apr_pool_t *scratch)
{
    for (int i = 0; walk->go_on && i < grants->nelts; i++) {
        const gt_grant_t *grant = APR_ARRAY_IDX(grants, i, gt_grant_t *);

        walk->seen++;
        if (is_meant(walk->pick, grant))
            GT_TRY(walk->fn(&walk->go_on, walk->baton, walk->store, grant, scratch));
    }
    return GT_OK;
}

static gt_err_t *walk_pages(gt_walk_t *walk, apr_pool_t *p)
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

/* ---- by name ---- */

/** What a store has of a name. */
typedef struct named_t {
    gt_store_t *store;
    apr_array_header_t *grants; /* of gt_grant_t *, those that are meant */
} named_t;

typedef gt_err_t *look_up_fn(apr_array_header_t **grants, gt_store_t *store, const char *name,
                             apr_pool_t *p);

/** Look a name up in each store; `found` is an array of named_t, and empty when no store has any. */
static gt_err_t *look_up(apr_array_header_t *found, const gt_walk_t *walk, look_up_fn *in_store,
                         apr_pool_t *p)
{
    const apr_array_header_t *stores = walk->config->stores;
    const gt_pick_t *pick = walk->pick;

    for (int i = 0; i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);
        named_t named;

        if (pick->store != NULL && strcmp(pick->store, conf->name) != 0)
            continue;
        named.store = gt_store_make(conf, walk->db, NULL, p);
        GT_TRY(in_store(&named.grants, named.store, pick->name, p));
        if (named.grants->nelts > 0)
            APR_ARRAY_PUSH(found, named_t) = named;
    }
    return GT_OK;
}

/** An address that several users have says nothing of which one is meant. */
static gt_err_t *check_one_user(const apr_array_header_t *found, const gt_pick_t *pick,
                                apr_pool_t *p)
{
    const char *user = NULL, *list = "";
    int differ = 0, listed = 0;

    for (int i = 0; i < found->nelts; i++) {
        const named_t *named = &APR_ARRAY_IDX(found, i, named_t);

        for (int j = 0; j < named->grants->nelts; j++) {
            const gt_grant_t *grant = APR_ARRAY_IDX(named->grants, j, gt_grant_t *);

            if (!is_meant(pick, grant))
                continue;
            differ |= user != NULL && strcmp(user, grant->owner.user) != 0;
            user = grant->owner.user;
            if (listed++ < LISTED_MOST)
                list =
                    apr_psprintf(p, "%s%s%s (user %s at %s, store %s)", list,
                                 *list != '\0' ? ", " : "", grant->id, gt_printable_line(user, p),
                                 grant->owner.provider, gt_store_conf(named->store)->name);
        }
    }
    if (!differ)
        return GT_OK;
    return gt_err(p, GT_CONFLICT, "GT0954",
                  "several users have the e-mail address %s: name one of these ids, or a user: "
                  "%s%s",
                  pick->name, list, listed > LISTED_MOST ? ", …" : "");
}

static gt_err_t *walk_named(gt_walk_t *walk, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 2, sizeof(named_t));

    GT_TRY(look_up(found, walk, gt_grants_named, p));
    if (found->nelts == 0 && strchr(walk->pick->name, '@') != NULL) {
        GT_TRY(look_up(found, walk, gt_duty_addressed, p));
        if (!walk->pick->is_question)
            GT_TRY(check_one_user(found, walk->pick, p));
    }
    for (int i = 0; walk->go_on && i < found->nelts; i++) {
        const named_t *named = &APR_ARRAY_IDX(found, i, named_t);

        walk->store = named->store;
        GT_TRY(give(walk, named->grants, p));
    }
    return GT_OK;
}

gt_err_t *gt_pick_each(gt_walk_t *walk, apr_pool_t *p)
{
    const apr_array_header_t *stores = walk->config->stores;
    const gt_pick_t *pick = walk->pick;

    walk->go_on = 1;
    if (pick->name != NULL)
        return walk_named(walk, p);
    for (int i = 0; walk->go_on && i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);

        if (pick->store != NULL && strcmp(pick->store, conf->name) != 0)
            continue;
        walk->store = gt_store_make(conf, walk->db, NULL, p);
        GT_TRY(walk_pages(walk, p));
    }
    return GT_OK;
}

gt_err_t *gt_pick_stats(gt_grant_stats_t *stats, gt_store_t *store, const gt_config_t *config,
                        apr_pool_t *p)
{
    GT_TRY(gt_grant_stats(stats, store, p));
    if (stats->is_whole && stats->age < STATS_FRESH)
        return GT_OK;
    for (int part = 0; part < GT_COUNT_PARTS; part++)
        GT_TRY(gt_grant_count(store, part, config->refresh_margin, p));
    return gt_grant_stats(stats, store, p);
}

gt_err_t *gt_pick_count(apr_int64_t *count, const gt_pick_t *pick, const gt_config_t *config,
                        gt_db_t *db, apr_pool_t *p)
{
    *count = 0;
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);
        gt_grant_stats_t stats;

        if (pick->store != NULL && strcmp(pick->store, conf->name) != 0)
            continue;
        /* For a bar only: a table without sums yet can be worked on as well. */
        if (gt_pick_stats(&stats, gt_store_make(conf, db, NULL, p), config, p) != GT_OK) {
            *count = -1;
            return GT_OK;
        }
        *count += stats.total;
    }
    return GT_OK;
}
