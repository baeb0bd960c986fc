/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * keys reencrypt: store by store, pass by pass, until a pass finds nothing that changed under it.
 * It may be killed at any moment and started again: rows that are done stay done. Servers go on
 * beside it: each asks for a key that it does not know yet.
 */

#include "verb_keys.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/source.h"
#include "base/text.h"
#include "progress.h"
#include "ranges.h"

/* Servers look at their keyring each 5 s. */
#define SETTLED_AFTER apr_time_from_sec(7)

#define BATCH 100
#define PASSES 50
/* A lock, a failover, a database that restarts. */
#define PATIENCE apr_time_from_sec(60)
#define AGAIN_AFTER apr_time_from_msec(250)

/** One store's way to the new keys. */
typedef struct way_t {
    const keys_ask_t *params;
    gt_store_t *store;
    apr_int64_t rows;  /* to be looked at, when it began */
    apr_int64_t moved; /* in all passes */
    apr_int64_t stuck; /* in the last pass */
    apr_int64_t passes;
    apr_time_t began; /* ticks */
    const char *why_stuck;
    ctl_progress_t bar;
} way_t;

/* Wait until the rate allows as many rows as were looked at. */
static void keep_rate(const way_t *way, apr_int64_t looked)
{
    apr_interval_time_t due, spent;

    if (way->params->rate == 0)
        return;
    due = apr_time_from_sec(looked) / way->params->rate;
    spent = gt_ticks() - way->began;
    if (due > spent)
        apr_sleep(due - spent);
}

static int batch_of(const way_t *way)
{
    int fitting = way->params->rate / 4;

    if (way->params->rate == 0 || fitting > BATCH)
        return BATCH;
    return fitting > 0 ? fitting : 1;
}

/* A busy or absent database is waited for; the same rows are tried again. */
static gt_err_t *some(way_t *way, gt_rekey_t *pass, apr_pool_t *scratch)
{
    apr_time_t until = gt_ticks() + PATIENCE;

    while (1) {
        gt_err_t *err;

        apr_pool_clear(scratch);
        err = gt_rekey_some(pass, batch_of(way), scratch);
        if (pass->why_stuck != NULL)
            way->why_stuck = apr_pstrdup(way->params->ctl->pool, pass->why_stuck->detail);
        pass->why_stuck = NULL;
        if (err == GT_OK || err->cls != GT_STORE_AWAY || gt_ticks() > until || ctl_stop_asked())
            return gt_err_dup(err, way->params->ctl->pool);
        apr_sleep(AGAIN_AFTER);
    }
}

static gt_err_t *one_pass(way_t *way, gt_rekey_t *pass, apr_pool_t *scratch)
{
    apr_int64_t before = way->moved;
    gt_err_t *err = GT_OK;

    way->passes++;
    gt_rekey_begin(pass, way->store);
    while (err == GT_OK && !pass->ended && !ctl_stop_asked()) {
        err = some(way, pass, scratch);
        way->moved = before + pass->moved;
        ctl_progress_show(&way->bar, way->passes > 1 ? way->rows : pass->looked);
        if (err == GT_OK)
            keep_rate(way, pass->looked);
    }
    way->stuck = pass->stuck;
    return err;
}

static gt_err_t *verdict(const way_t *way, const gt_rekey_t *pass)
{
    apr_pool_t *p = way->params->ctl->pool;

    if (ctl_stop_asked())
        return gt_err(
            p, GT_CANCELLED, "GT0953",
            "stopped; what was done stays done, the rest can be done by the same command");
    if (pass->changed > 0)
        return gt_err(p, GT_BUSY, "GT0969",
                      "store %s: rows change faster than they can be sealed anew; run it again",
                      gt_store_conf(way->store)->name);
    if (way->stuck > 0)
        return gt_err(p, GT_DAMAGED, "GT0970",
                      "store %s: %s cannot be opened and nothing was changed there; the last one: "
                      "%s",
                      gt_store_conf(way->store)->name, gt_counted(way->stuck, "row", "rows", p),
                      way->why_stuck);
    return GT_OK;
}

static gt_err_t *count_range(void *baton, const gt_range_t *range, apr_pool_t *scratch)
{
    way_t *way = baton;

    return gt_rekey_left(&way->rows, range, scratch);
}

/* The last pass is one that moved no row: a server that had not seen the new keyring at the begin
 * has seen it by then, or its rows are met again. A store that writes Fernet is read once more for
 * it. */
static gt_err_t *walk(way_t *way)
{
    const char *name = gt_store_conf(way->store)->name;
    apr_pool_t *p = way->params->ctl->pool;
    apr_pool_t *scratch;
    gt_err_t *err;
    gt_rekey_t pass;

    apr_pool_create(&scratch, p);
    GT_TRY(ctl_each_sealed(way->store, name, count_range, way, p));
    ctl_progress_begin(&way->bar, name, way->rows);
    do {
        /* A row that another transaction changed is free again in a moment. */
        if (way->passes > 0 && pass.changed > 0)
            apr_sleep(AGAIN_AFTER);
        way->began = gt_ticks();
        err = one_pass(way, &pass, scratch);
    } while (err == GT_OK && (pass.moved > 0 || pass.changed > 0) && way->passes < PASSES &&
             !ctl_stop_asked());
    ctl_progress_end(&way->bar);
    return err != GT_OK ? err : verdict(way, &pass);
}

static void report(json_t *list, const way_t *way, const gt_err_t *err)
{
    const char *name = gt_store_conf(way->store)->name;
    json_t *json = json_object();

    gt_json_set(json, "store", name);
    gt_json_set_number(json, "rows", way->rows);
    gt_json_set_number(json, "moved", way->moved);
    gt_json_set_number(json, "stuck", way->stuck);
    gt_json_set_number(json, "passes", way->passes);
    gt_json_set_bool(json, "done", err == GT_OK);
    json_array_append_new(list, json);
    if (!way->params->ctl->json)
        printf("%s: %s sealed anew%s\n", name,
               gt_counted(way->moved, "row", "rows", way->params->ctl->pool),
               err == GT_OK ? "" : ", not done");
}

/* A server that has not seen a keyring yet asks for it when it meets the new key, but until then it
 * would write with the old one after this program has passed the row. */
static void let_settle(const apr_array_header_t *all)
{
    apr_interval_time_t longest = 0;

    for (int i = 0; i < all->nelts; i++) {
        const apr_array_header_t *sources = APR_ARRAY_IDX(all, i, const gt_keys_t *)->sources;

        for (int s = 0; sources != NULL && s < sources->nelts; s++) {
            const char *path = gt_source_path(APR_ARRAY_IDX(sources, s, const gt_source_t *));
            apr_interval_time_t left;
            struct stat file;

            if (path == NULL || stat(path, &file) != 0)
                continue;
            left = apr_time_from_sec(file.st_mtim.tv_sec) + SETTLED_AFTER - gt_now();
            if (left > longest && left <= SETTLED_AFTER)
                longest = left;
        }
    }
    if (longest == 0)
        return;
    fprintf(stderr, "graphtokctl: the keyring is new; servers have it in a few seconds\n");
    apr_sleep(longest);
}

/* All stores; the first failure is handed back, the others are walked all the same. */
gt_err_t *keys_reencrypt(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    json_t *answer = gt_json_object(p);
    json_t *list = json_array();
    apr_array_header_t *stores, *all;
    gt_err_t *first = GT_OK;

    gt_json_put(answer, "stores", list);
    GT_TRY(keys_config(params));
    GT_TRY(ctl_keys_all(&all, params->config, p));
    GT_TRY(ctl_audit_start(params->config, APR_ARRAY_IDX(all, 0, gt_keys_t *)->ring, p));
    GT_TRY(keys_stores(&stores, params, all));
    let_settle(all);
    ctl_stop_begin();
    for (int i = 0; i < stores->nelts; i++) {
        way_t way = {.params = params, .store = APR_ARRAY_IDX(stores, i, gt_store_t *)};
        gt_err_t *err = walk(&way);

        report(list, &way, err);
        if (first == GT_OK)
            first = err;
    }
    if (params->ctl->json)
        ctl_print_json(answer);
    return first;
}
