/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * work: the background work of httpd's children, without httpd: for a machine of its own, or with
 * --once for cron. Beside httpd it takes its share: each piece is claimed in its row.
 */

#include "ctl.h"

#include <poll.h>

#include "admin/job_kinds.h"
#include "base/clock.h"
#include "base/log.h"
#include "progress.h"

#define ALARM_EVERY apr_time_from_sec(86400)

typedef struct working_t {
    ctl_t *ctl;
    int once;
} working_t;

static const struct argp_option options[] = {
    {"once", '1', NULL, 0, "do what is due now, then end", 0}, {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    working_t *working = state->input;

    (void)arg;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = working->ctl;
    else if (key == '1')
        working->once = 1;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static apr_int64_t sum(gt_jobs_t *jobs, apr_pool_t *p)
{
    const apr_array_header_t *counts = gt_jobs_counts(jobs, p);
    apr_int64_t all = 0;

    for (int i = 0; i < counts->nelts; i++)
        all += APR_ARRAY_IDX(counts, i, gt_jobs_count_t).count;
    return all;
}

static void tell_expiries(const gt_provider_conf_t *provider, apr_pool_t *p)
{
    gt_expiry_t expiries[GT_EXPIRIES_MAX];
    int count = ctl_expiries(expiries, provider, p);

    for (int i = 0; i < count; i++) {
        int is_over;
        const char *text = gt_expiry_alarm(&is_over, &expiries[i], provider, gt_now(), p);

        if (text != NULL && is_over)
            gt_log(GT_LOG_ERROR, "GT0930", "%s", text);
        else if (text != NULL)
            gt_log(GT_LOG_WARNING, "GT0931", "%s", text);
    }
}

/** httpd's children give the same alarms; a machine of its own has none. */
static void look_at_credentials(apr_time_t *looked, const gt_config_t *config, apr_pool_t *p)
{
    if (*looked != 0 && gt_ticks() - *looked < ALARM_EVERY)
        return;
    *looked = gt_ticks();
    for (int i = 0; i < config->providers->nelts; i++)
        tell_expiries(APR_ARRAY_IDX(config->providers, i, const gt_provider_conf_t *), p);
}

static void tick_until_end(gt_jobs_t *jobs, int once, const gt_config_t *config, apr_pool_t *p)
{
    ctl_progress_t progress;
    apr_time_t looked = 0;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, p);
    ctl_progress_begin(&progress, "work", -1);
    ctl_progress_show(&progress, 0);
    do {
        if (!once)
            look_at_credentials(&looked, config, scratch);
        gt_jobs_tick(jobs, scratch);
        apr_pool_clear(scratch);
        ctl_progress_show(&progress, sum(jobs, scratch));
        /* A signal ends the pause. */
        poll(NULL, 0, (int)apr_time_as_msec(GT_JOBS_TICK));
    } while (!ctl_stop_asked() && !(once && gt_jobs_are_idle(jobs)));
    ctl_progress_show(&progress, sum(jobs, scratch));
    ctl_progress_end(&progress);
    gt_jobs_end(jobs);
    apr_pool_destroy(scratch);
}

static void print_result(gt_jobs_t *jobs, const ctl_t *ctl)
{
    const apr_array_header_t *counts = gt_jobs_counts(jobs, ctl->pool);
    json_t *answer = gt_json_object(ctl->pool);

    for (int i = 0; i < counts->nelts; i++) {
        const gt_jobs_count_t *one = &APR_ARRAY_IDX(counts, i, gt_jobs_count_t);

        gt_json_set_number(answer, one->name, one->count);
        if (!ctl->json)
            printf("%-13s %" APR_INT64_T_FMT "\n", one->name, one->count);
    }
    if (ctl->json)
        ctl_print_json(answer);
}

gt_err_t *ctl_work(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, "", "Do httpd's background work without it.", ctl_common, NULL, NULL};
    working_t working = {.ctl = ctl};
    gt_config_t *config;
    gt_vault_t *vault;
    gt_jobs_t *jobs;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &working));
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(ctl_vault_open(&vault, config, ctl->pool));
    jobs = gt_jobs_make(vault, gt_job_kinds, ctl->pool);
    ctl_stop_begin();
    tick_until_end(jobs, working.once, config, ctl->pool);
    ctl_vault_close(vault, ctl->pool);
    print_result(jobs, ctl);
    /* A service goes on until the database is back; with --once the caller must learn of it. */
    return working.once ? gt_jobs_trouble(jobs, ctl->pool) : GT_OK;
}
