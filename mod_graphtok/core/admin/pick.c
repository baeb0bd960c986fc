/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Finding the grants that an administrator names. A walk reads page after page, each by the last
 * grant of the one before, with the filter in the statement. A name is looked up in each store, as
 * an id, a user and an e-mail address.
 */

#include "admin/pick.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/cursor.h"
#include "admin/grant_view.h"
#include "base/clock.h"
#include "store/due.h"

#define PAGE 500
#define LISTED_MOST 10
#define SHOWN_MOST 100 /* bytes of a text that came from outside */
#define DAY 86400      /* s */

gt_pick_t gt_pick_all(void)
{
    return (gt_pick_t){.status = -1, .days = -1};
}

int gt_pick_status(gt_pick_t *pick, const char *word)
{
    pick->is_failing = strcmp(word, "failing") == 0;
    pick->status = pick->is_failing ? -1 : gt_status_of_name(word);
    return pick->is_failing || pick->status >= 0;
}

int gt_pick_order(gt_pick_t *pick, const char *word)
{
    static const char *const words[GT_GRANT_ORDERS] = {"user", "expires", "-expires", "updated",
                                                       "-updated"};

    for (int order = 0; order < GT_GRANT_ORDERS; order++)
        if (strcmp(word, words[order]) == 0) {
            pick->order = (gt_grant_order_t)order;
            return 1;
        }
    return 0;
}

gt_err_t *gt_pick_check(const gt_pick_t *pick, const gt_config_t *config, apr_pool_t *p)
{
    if (pick->store != NULL && gt_config_store(config, pick->store) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0913", "there is no store %s", pick->store);
    if (pick->provider != NULL && gt_config_provider(config, pick->provider) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0943", "there is no provider %s", pick->provider);
    return GT_OK;
}

static gt_grant_filter_t filter_of(const gt_pick_t *pick)
{
    return (gt_grant_filter_t){.provider = pick->provider,
                               .status = pick->status,
                               .is_failing = pick->is_failing,
                               .order = pick->order,
                               .within = pick->days < 0 ? -1 : pick->days * DAY};
}

/* ---- all of them, page by page ---- */

static gt_err_t *give(gt_walk_t *walk, const apr_array_header_t *grants, apr_pool_t *scratch)
{
    for (int i = 0; walk->go_on && i < grants->nelts; i++) {
        walk->seen++;
        GT_TRY(walk->fn(&walk->go_on, walk->baton, walk->store,
                        APR_ARRAY_IDX(grants, i, gt_grant_t *), scratch));
    }
    return GT_OK;
}

static gt_err_t *no_place(const char *text, apr_pool_t *p)
{
    return gt_err(p, GT_NOT_FOUND, "GT0955",
                  "%s is neither the id of a grant nor what the page before ended with",
                  strlen(text) <= SHOWN_MOST ? gt_printable_line(text, p) : "this text");
}

static gt_err_t *read_cursor(gt_grant_place_t *place, const gt_walk_t *walk, apr_pool_t *p)
{
    const gt_pick_t *pick = walk->pick;
    gt_engine_t engine;

    switch (gt_cursor_read(place, pick->after, pick, p)) {
    case GT_CURSOR_NONE:
        return no_place(pick->after, p);
    case GT_CURSOR_FOREIGN:
        return gt_err(p, GT_INVALID, "GT0990",
                      "the place is of a list with another filter or order: give the parameters of "
                      "that list, or begin at the first page");
    default:
        GT_TRY(gt_db_engine(&engine, walk->db, p));
        return gt_grant_is_time(place->time, pick->order, engine) ? GT_OK
                                                                  : no_place(pick->after, p);
    }
}

/** Where the walk begins: behind a grant's id, or behind a cursor. @param after  NULL: first */
static gt_err_t *find_start(const gt_grant_place_t **after, const gt_walk_t *walk, apr_pool_t *p)
{
    gt_grant_place_t *place = apr_pcalloc(p, sizeof(*place));
    gt_grant_t *grant;

    *after = NULL;
    if (walk->pick->after == NULL)
        return GT_OK;
    *after = place;
    GT_TRY(gt_grant_by_id(&grant, walk->store, walk->pick->after, p));
    if (grant == NULL)
        return read_cursor(place, walk, p);
    place->owner = grant->owner;
    return walk->pick->order == GT_BY_USER ? GT_OK : no_place(walk->pick->after, p);
}

/** Behind the last grant of a page, in the page's pool. */
static const gt_grant_place_t *place_behind(const apr_array_header_t *grants, apr_pool_t *p)
{
    const gt_grant_t *last = APR_ARRAY_IDX(grants, grants->nelts - 1, gt_grant_t *);
    gt_grant_place_t *place = apr_palloc(p, sizeof(*place));

    *place = (gt_grant_place_t){last->owner, last->time_key};
    return place;
}

static gt_err_t *walk_pages(gt_walk_t *walk, apr_pool_t *p)
{
    const gt_grant_filter_t filter = filter_of(walk->pick);
    const int size = walk->pick->page > 0 ? walk->pick->page : PAGE;
    apr_array_header_t *grants;
    const gt_grant_place_t *after;
    gt_err_t *err = GT_OK;
    apr_pool_t *page, *next;

    GT_TRY(find_start(&after, walk, p));
    apr_pool_create(&page, p);
    do {
        /* The place of a page lies in the page before it. */
        apr_pool_create(&next, p);
        err = gt_grant_list(&grants, walk->store, &filter, after, size, next);
        apr_pool_destroy(page);
        page = next;
        if (err == GT_OK)
            err = give(walk, grants, page);
        if (err == GT_OK && grants->nelts > 0)
            after = place_behind(grants, page);
    } while (err == GT_OK && walk->go_on && grants->nelts == size);
    err = gt_err_dup(err, p);
    apr_pool_destroy(page);
    return err;
}

/* ---- by name ---- */

/** The grants of a name in a store. */
typedef struct named_t {
    gt_store_t *store;
    apr_array_header_t *grants; /* of gt_grant_t *, those that are meant */
} named_t;

typedef gt_err_t *look_up_fn(apr_array_header_t **grants, gt_store_t *store, const char *name,
                             apr_pool_t *p);

/* The few rows of a name are filtered here; for a list SQL does it. */
static int is_meant(const gt_pick_t *pick, const gt_grant_t *grant)
{
    if (pick->provider != NULL && strcmp(pick->provider, grant->owner.provider) != 0)
        return 0;
    if (pick->status >= 0 && pick->status != (int)grant->status)
        return 0;
    if (pick->is_failing && grant->error_count == 0)
        return 0;
    return pick->days < 0 || grant->expires_at <= gt_now() + apr_time_from_sec(pick->days * DAY);
}

typedef int compare_fn(const void *a, const void *b);

static int by_expiry(const void *a, const void *b)
{
    const apr_time_t left = (*(gt_grant_t *const *)a)->expires_at;
    const apr_time_t right = (*(gt_grant_t *const *)b)->expires_at;

    return (left > right) - (left < right);
}

static int by_change(const void *a, const void *b)
{
    const apr_time_t left = (*(gt_grant_t *const *)a)->updated_at;
    const apr_time_t right = (*(gt_grant_t *const *)b)->updated_at;

    return (left > right) - (left < right);
}

static int by_expiry_down(const void *a, const void *b)
{
    return by_expiry(b, a);
}

static int by_change_down(const void *a, const void *b)
{
    return by_change(b, a);
}

/* Statements of a name answer by user. */
static compare_fn *const compare_by[GT_GRANT_ORDERS] = {[GT_BY_EXPIRY] = by_expiry,
                                                        [GT_BY_EXPIRY_DOWN] = by_expiry_down,
                                                        [GT_BY_CHANGE] = by_change,
                                                        [GT_BY_CHANGE_DOWN] = by_change_down};

static apr_array_header_t *meant(const apr_array_header_t *grants, const gt_pick_t *pick,
                                 apr_pool_t *p)
{
    apr_array_header_t *left = apr_array_make(p, grants->nelts, sizeof(gt_grant_t *));

    for (int i = 0; i < grants->nelts; i++)
        if (is_meant(pick, APR_ARRAY_IDX(grants, i, gt_grant_t *)))
            APR_ARRAY_PUSH(left, gt_grant_t *) = APR_ARRAY_IDX(grants, i, gt_grant_t *);
    return left;
}

/** Look a name up in each store; `found` is an array of named_t, and empty when no store has
 * any. */
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
        if (named.grants->nelts == 0)
            continue;
        named.grants = meant(named.grants, pick, p);
        if (compare_by[pick->order] != NULL)
            qsort(named.grants->elts, (size_t)named.grants->nelts, sizeof(gt_grant_t *),
                  compare_by[pick->order]);
        APR_ARRAY_PUSH(found, named_t) = named;
    }
    return GT_OK;
}

/** An address of several users does not say which one is meant. */
static gt_err_t *check_one_user(const apr_array_header_t *found, const gt_pick_t *pick,
                                apr_pool_t *p)
{
    const char *user = NULL, *list = "";
    int differ = 0, listed = 0;

    for (int i = 0; i < found->nelts; i++) {
        const named_t *named = &APR_ARRAY_IDX(found, i, named_t);

        for (int j = 0; j < named->grants->nelts; j++) {
            const gt_grant_t *grant = APR_ARRAY_IDX(named->grants, j, gt_grant_t *);

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

/* A number may be a user's name, and no row's id. */
static gt_err_t *only_by_id(apr_array_header_t **grants, gt_store_t *store, const char *id,
                            apr_pool_t *p)
{
    gt_grant_t *grant;

    *grants = apr_array_make(p, 1, sizeof(gt_grant_t *));
    GT_TRY(gt_grant_by_id(&grant, store, id, p));
    if (grant != NULL)
        APR_ARRAY_PUSH(*grants, gt_grant_t *) = grant;
    return GT_OK;
}

static gt_err_t *walk_named(gt_walk_t *walk, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 2, sizeof(named_t));

    GT_TRY(look_up(found, walk, walk->pick->is_id ? only_by_id : gt_grants_named, p));
    if (found->nelts == 0 && !walk->pick->is_id && strchr(walk->pick->name, '@') != NULL) {
        GT_TRY(look_up(found, walk, gt_grants_addressed, p));
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

gt_err_t *gt_pick_count(apr_int64_t *count, const gt_pick_t *pick, const gt_config_t *config,
                        gt_db_t *db, apr_pool_t *p)
{
    const gt_grant_filter_t filter = filter_of(pick);

    *count = 0;
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);
        apr_int64_t n;

        if (pick->store != NULL && strcmp(pick->store, conf->name) != 0)
            continue;
        /* For a bar only: a table whose rows take too long to count can be worked on as well. */
        if (gt_grant_list_count(&n, gt_store_make(conf, db, NULL, p), &filter, p) != GT_OK) {
            *count = -1;
            return GT_OK;
        }
        *count += n;
    }
    return GT_OK;
}
