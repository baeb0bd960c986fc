/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file write_hours.c
 * Once a minute the children agree on one, which writes what was counted since the hour began, for
 * each store. The hour ends only when its last row is written: while the database is away the
 * present one goes on. A restart of the server loses the counts of a minute at most.
 */

#include "child/write_hours.h"

#include "base/clock.h"
#include "base/log.h"
#include "metrics/pieces.h"
#include "store/hour_rows.h"

#define LOOK_EVERY apr_time_from_sec(5)
#define WRITE_EVERY apr_time_from_sec(60)
#define HOUR 3600 /* s */

static int is_empty(const gt_hour_t *hour)
{
    return hour->refreshed + hour->failed + hour->failed_calls + gt_hour_calls(hour) == 0;
}

static gt_err_t *write_store(gtm_child_t *child, const gt_piece_t *piece,
                             const gt_counted_t *counted, const char *store, apr_pool_t *p)
{
    const gt_hour_t hour = gt_piece_figures(child->figures, counted, store);
    const gt_hour_key_t key = {piece->run, piece->number};

    return is_empty(&hour) ? GT_OK
                           : gt_hour_write(gt_vault_store(child->vault, store), &key, &hour, p);
}

static gt_err_t *write_all(gtm_child_t *child, apr_pool_t *p)
{
    const apr_int64_t now = apr_time_sec(gt_now()) / HOUR;
    const apr_array_header_t *stores = child->config->stores;
    const gt_piece_t piece = gt_piece_now(child->figures);
    const gt_counted_t *counted = gt_figures_counted(child->figures, p);

    for (int i = 0; piece.hour != 0 && i < stores->nelts; i++)
        GT_TRY(write_store(child, &piece, counted,
                           APR_ARRAY_IDX(stores, i, gt_store_conf_t *)->name, p));
    if (piece.hour != now)
        gt_piece_begin(child->figures, counted, now);
    return GT_OK;
}

static void look(void *baton, apr_pool_t *scratch)
{
    gtm_child_t *child = baton;
    gt_cache_t *cache = gt_vault_parts(child->vault)->cache;
    gt_err_t *err;

    if (cache == NULL || !gt_cache_once(cache, "figures of the hour", WRITE_EVERY))
        return;
    err = write_all(child, scratch);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "figures of the hour: %s (%s)", err->detail, err->tag);
}

void gtm_write_hours(gtm_child_t *child)
{
    gt_crew_every(child->crew, "figures of the hour", LOOK_EVERY, look, child);
}
