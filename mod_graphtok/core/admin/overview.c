/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file overview.c Kept figures as JSON: times in RFC 3339, spans in ms. */

#include "admin/overview.h"

#include <apr_strings.h>

#include "admin/grant_view.h"
#include "base/clock.h"
#include "store/hour_rows.h"

#define HOUR apr_time_from_sec(3600)
#define DAY apr_time_from_sec(86400)
#define DATE_BYTES 10 /* of "2026-11-30T…" */

static json_t *ends_json(const gt_grant_stats_t *stats, apr_pool_t *p)
{
    json_t *list = json_array();

    for (int i = 0; i < GT_END_DAYS; i++) {
        json_t *day = json_object();
        const char *date = gt_rfc3339((stats->today + i) * DAY, p);

        gt_json_set(day, "day", apr_pstrmemdup(p, date, DATE_BYTES));
        gt_json_set_number(day, "count", stats->ends[i]);
        json_array_append_new(list, day);
    }
    return list;
}

/** In ms; null where no call was answered. */
static void set_quantile(json_t *json, const char *key, const gt_hour_t *hour, int percent)
{
    if (gt_hour_calls(hour) > 0)
        gt_json_set_number(json, key, gt_hour_quantile(hour, percent) / 1000);
    else
        gt_json_set(json, key, NULL);
}

static json_t *hour_json(const gt_hour_t *hour, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set_time(json, "at", hour->hour * HOUR, p);
    gt_json_set_number(json, "refreshed", hour->refreshed);
    gt_json_set_number(json, "failed", hour->failed);
    gt_json_set_number(json, "calls", gt_hour_calls(hour));
    gt_json_set_number(json, "failed_calls", hour->failed_calls);
    set_quantile(json, "call_p50_ms", hour, 50);
    set_quantile(json, "call_p95_ms", hour, 95);
    return json;
}

gt_err_t *gt_overview(json_t *json, gt_store_t *store, gt_survey_t *survey, apr_pool_t *p)
{
    json_t *list = json_array();
    apr_array_header_t *hours;
    gt_grant_stats_t stats;

    gt_json_put(json, "hours", list);
    GT_TRY(gt_survey_stats(&stats, survey, p));
    GT_TRY(gt_hour_list(&hours, store, p));
    gt_json_set_time(json, "counted_at", gt_now() - stats.age, p);
    gt_json_set_bool(json, "complete", stats.is_whole);
    gt_stats_show(json, &stats);
    gt_json_set_number(json, "failing", stats.refresh_failures);
    gt_json_put(json, "expiries", ends_json(&stats, p));
    for (int i = 0; i < hours->nelts; i++)
        json_array_append_new(list, hour_json(&APR_ARRAY_IDX(hours, i, gt_hour_t), p));
    return GT_OK;
}
