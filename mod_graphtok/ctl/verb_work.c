/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * work: the background work of httpd's children, without httpd: for a machine of its own, or with
 * --once for cron. Beside httpd it takes its share: each piece is claimed in its row.
 */

#include "ctl.h"

#include <poll.h>

#include "jobs/jobs.h"
#include "progress.h"

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

static apr_int64_t sum(const gt_jobs_done_t *done)
{
    return done->refreshed + done->not_refreshed + done->expired + done->removed + done->valid +
           done->not_valid;
}

static void tick_until_end(gt_jobs_t *jobs, int once, apr_pool_t *p)
{
    ctl_progress_t progress;
    gt_jobs_done_t done;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, p);
    ctl_progress_begin(&progress, "work", -1);
    ctl_progress_show(&progress, 0);
    do {
        gt_jobs_tick(jobs, scratch);
        apr_pool_clear(scratch);
        gt_jobs_done(&done, jobs);
        ctl_progress_show(&progress, sum(&done));
        /* A signal ends the pause. */
        poll(NULL, 0, (int)apr_time_as_msec(GT_JOBS_TICK));
    } while (!ctl_stop_asked() && !(once && gt_jobs_are_idle(jobs)));
    gt_jobs_done(&done, jobs);
    ctl_progress_show(&progress, sum(&done));
    ctl_progress_end(&progress);
    gt_jobs_stop(jobs);
    apr_pool_destroy(scratch);
}

static void print_result(gt_jobs_t *jobs, const ctl_t *ctl)
{
    gt_jobs_done_t done;
    const struct {
        const char *name;
        apr_int64_t number;
    } numbers[] = {{"refreshed", (gt_jobs_done(&done, jobs), done.refreshed)},
                   {"not_refreshed", done.not_refreshed},
                   {"deactivated", done.expired},
                   {"removed", done.removed},
                   {"valid", done.valid},
                   {"not_valid", done.not_valid}};
    json_t *answer = gt_json_object(ctl->pool);

    for (apr_size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        gt_json_set_number(answer, numbers[i].name, numbers[i].number);
        if (!ctl->json)
            printf("%-13s %" APR_INT64_T_FMT "\n", numbers[i].name, numbers[i].number);
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
    jobs = gt_jobs_make(vault, ctl->pool);
    ctl_stop_begin();
    tick_until_end(jobs, working.once, ctl->pool);
    ctl_vault_close(vault, ctl->pool);
    print_result(jobs, ctl);
    /* A service goes on until the database is back; with --once the caller must learn of it. */
    return working.once ? gt_jobs_trouble(jobs, ctl->pool) : GT_OK;
}
