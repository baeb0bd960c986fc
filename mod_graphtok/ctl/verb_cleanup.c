/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * cleanup: the cleanup of background work, done now: expired grants are deactivated, long inactive
 * ones removed. It goes in slices, so that httpd is not kept waiting and a signal is noticed.
 */

#include "ctl.h"

#include <string.h>

#include "jobs/cleanup.h"
#include "progress.h"
#include "ranges.h"

typedef struct cleaning_t {
    ctl_t *ctl;
    const gt_config_t *config;
    const char *store; /* NULL: all */
    int dry_run;
    ctl_progress_t progress;
    gt_due_counts_t would, counts;
} cleaning_t;

static const struct argp_option options[] = {
    {"store", 's', "NAME", 0, "only this store; default: all", 0},
    {"dry-run", 'n', NULL, 0, "count and change nothing", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cleaning_t *cleaning = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = cleaning->ctl;
    else if (key == 's')
        cleaning->store = arg;
    else if (key == 'n')
        cleaning->dry_run = 1;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/** For each store that is meant. */
static gt_err_t *each_store(cleaning_t *cleaning, gt_db_t *db,
                            gt_err_t *(*fn)(cleaning_t *, gt_store_t *))
{
    const apr_array_header_t *stores = cleaning->config->stores;

    for (int i = 0; i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);

        if (cleaning->store == NULL || strcmp(cleaning->store, conf->name) == 0)
            GT_TRY(fn(cleaning, gt_store_make(conf, db, NULL, cleaning->ctl->pool)));
    }
    return GT_OK;
}

static gt_err_t *count_range(void *baton, const gt_range_t *range, apr_pool_t *scratch)
{
    cleaning_t *cleaning = baton;

    return gt_due_count(&cleaning->would, range, cleaning->config->expire_after,
                        cleaning->config->cleanup_after, scratch);
}

static gt_err_t *count(cleaning_t *cleaning, gt_store_t *store)
{
    return ctl_each_range(store, gt_store_conf(store)->name, count_range, cleaning,
                          cleaning->ctl->pool);
}

static gt_err_t *clean(cleaning_t *cleaning, gt_store_t *store)
{
    gt_err_t *err = GT_OK;
    apr_pool_t *scratch;
    int more = 1;

    apr_pool_create(&scratch, cleaning->ctl->pool);
    while (err == GT_OK && more && !ctl_stop_asked()) {
        err = gt_cleanup(&cleaning->counts, &more, store, cleaning->config, scratch);
        ctl_progress_show(&cleaning->progress,
                          cleaning->counts.expired + cleaning->counts.removable);
        if (err == GT_OK)
            apr_pool_clear(scratch);
    }
    return err;
}

static void print_result(const cleaning_t *cleaning)
{
    const gt_due_counts_t *counts = cleaning->dry_run ? &cleaning->would : &cleaning->counts;
    json_t *answer;

    if (!cleaning->ctl->json) {
        printf("%sdeactivated %" APR_INT64_T_FMT ", removed %" APR_INT64_T_FMT "%s\n",
               cleaning->dry_run ? "would be " : "", counts->expired, counts->removable,
               ctl_stop_asked() ? " when it was stopped" : "");
        return;
    }
    answer = gt_json_object(cleaning->ctl->pool);
    gt_json_set_number(answer, "deactivated", counts->expired);
    gt_json_set_number(answer, "removed", counts->removable);
    gt_json_set_bool(answer, "dry_run", cleaning->dry_run);
    gt_json_set_bool(answer, "stopped", ctl_stop_asked());
    ctl_print_json(answer);
}

gt_err_t *ctl_cleanup(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,    parse, "",  "Deactivate expired grants, remove those long inactive.",
        ctl_common, NULL,  NULL};
    cleaning_t cleaning = {.ctl = ctl};
    gt_err_t *err = GT_OK;
    gt_config_t *config;
    gt_db_t *db;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &cleaning));
    GT_TRY(ctl_config(&config, ctl));
    if (cleaning.store != NULL && gt_config_store(config, cleaning.store) == NULL)
        return gt_err(ctl->pool, GT_NOT_FOUND, "GT0913", "there is no store %s", cleaning.store);
    GT_TRY(ctl_db(&db, config, ctl->pool));
    cleaning.config = config;
    if (cleaning.dry_run || ctl_progress_is_wanted())
        GT_TRY(each_store(&cleaning, db, count));
    if (!cleaning.dry_run)
        GT_TRY(ctl_audit_start(config, NULL, ctl->pool));
    ctl_progress_begin(&cleaning.progress, "cleanup",
                       cleaning.would.expired + cleaning.would.removable);
    ctl_stop_begin();
    if (!cleaning.dry_run)
        err = each_store(&cleaning, db, clean);
    ctl_progress_end(&cleaning.progress);
    print_result(&cleaning);
    if (err == GT_OK && ctl_stop_asked())
        err = gt_err(ctl->pool, GT_CANCELLED, "GT0953",
                     "stopped; what was done stays done, the rest can be done by the same command");
    return err;
}
