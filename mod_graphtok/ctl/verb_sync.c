/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * sync: rounds of one mail account or of all, one after the other, due or not. Beside httpd each is
 * claimed in its row: one that another process synchronises now is waited for.
 */

#include "ctl.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "mail/sync.h"
#include "progress.h"
#include "task/wait.h"

#define PAGE 500
#define LONGEST apr_time_from_sec(3600)
#define CLAIM_WAIT apr_time_from_sec(60)
#define CLAIM_EVERY 200 /* ms */

typedef struct syncing_t {
    ctl_t *ctl;
    const char *store_name; /* NULL: the one that keeps mail */
    apr_int64_t id;         /* 0: all */
    gt_vault_t *vault;
    gt_store_t *store;
    json_t *rows;
    gt_mail_counts_t sum;
    gt_mail_sync_t *now; /* under way */
    gt_err_t *first;     /* failure of an account */
    ctl_progress_t progress;
} syncing_t;

static const struct argp_option options[] = {
    {"store", 's', "NAME", 0, "of this store; default: the one that keeps mail", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    syncing_t *syncing = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = syncing->ctl;
    else if (key == 's')
        syncing->store_name = arg;
    else if (key == ARGP_KEY_ARG && syncing->id == 0) {
        if (!gt_number(&syncing->id, arg, 1, INT64_MAX))
            argp_error(state, "'%s' is no ID of an account: graphtokctl account list shows them",
                       arg);
    }
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "one ID, or none for all accounts");
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static gt_err_t *find_store(syncing_t *syncing, const gt_config_t *config)
{
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        if (conf->mail_sync &&
            (syncing->store_name == NULL || strcmp(syncing->store_name, conf->name) == 0))
            syncing->store = gt_vault_store(syncing->vault, conf->name);
    }
    return syncing->store != NULL
               ? GT_OK
               : gt_err(syncing->ctl->pool, GT_NOT_FOUND, "GT0991",
                        "no such store keeps mail: write GraphTokMailSync on in its section");
}

/* ---- one account ---- */

static int look(void *baton)
{
    syncing_t *syncing = baton;
    const gt_mail_counts_t *counts = &syncing->now->counts;

    if (counts->to_add > 0)
        syncing->progress.total = syncing->sum.added + counts->added + counts->to_add;
    ctl_progress_show(&syncing->progress, syncing->sum.added + counts->added);
    return ctl_stop_asked();
}

/* Why an account cannot be had; GT_OK: another process has it. */
static gt_err_t *why_not(const syncing_t *syncing, apr_int64_t id, apr_pool_t *p)
{
    gt_mail_account_t *account;

    GT_TRY(gt_mail_account_get(&account, syncing->store, id, NULL, p));
    if (account == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0972", "store %s has no mail account %" PRId64,
                      gt_store_name(syncing->store), id);
    return account->halt == GT_MAIL_RUNS
               ? GT_OK
               : gt_err(p, GT_CONFLICT, "GT0992", "mail account %" PRId64 ": %s", id,
                        gt_mail_halt_text(account->halt));
}

static gt_err_t *claim(gt_mail_account_t **account, const syncing_t *syncing, apr_int64_t id,
                       apr_pool_t *p)
{
    const apr_time_t until = gt_ticks() + CLAIM_WAIT;

    for (;;) {
        GT_TRY(gt_mail_account_claim_one(account, syncing->store, id,
                                         gt_vault_parts(syncing->vault)->holder, GT_MAIL_CLAIM, p));
        if (*account != NULL)
            return GT_OK;
        GT_TRY(why_not(syncing, id, p));
        if (gt_ticks() >= until || ctl_stop_asked())
            return gt_err(p, GT_BUSY, "GT0993",
                          "mail account %" PRId64 " is synchronised by another process", id);
        poll(NULL, 0, CLAIM_EVERY);
    }
}

static void add_counts(gt_mail_counts_t *sum, const gt_mail_counts_t *one)
{
    sum->added += one->added;
    sum->changed += one->changed;
    sum->removed += one->removed;
}

static void show(const syncing_t *syncing, const gt_mail_sync_t *sync, const char *error)
{
    json_t *row = json_object();

    json_array_append_new(syncing->rows, row);
    gt_json_set_number(row, "id", sync->account->id);
    gt_json_set(row, "email_address", sync->account->address);
    gt_json_set_number(row, "folders", sync->counts.folders);
    gt_json_set_number(row, "added", sync->counts.added);
    gt_json_set_number(row, "changed", sync->counts.changed);
    gt_json_set_number(row, "removed", sync->counts.removed);
    gt_json_set(row, "error", error);
    if (syncing->ctl->json)
        return;
    printf("%8" PRId64 "  %-30s  %" PRId64 " added, %" PRId64 " changed, %" PRId64 " removed\n",
           sync->account->id, sync->account->address, sync->counts.added, sync->counts.changed,
           sync->counts.removed);
    if (error != NULL)
        printf("%8s  %s\n", "", error);
}

static gt_err_t *round_of(syncing_t *syncing, apr_int64_t id, apr_pool_t *p)
{
    const gt_end_t end = {look, syncing};
    gt_mail_sync_t sync = {.vault = syncing->vault,
                           .store = syncing->store,
                           .crew = gt_vault_parts(syncing->vault)->crew};
    apr_time_t begun = gt_ticks();
    gt_mail_settled_t settled;
    gt_err_t *err;

    GT_TRY(claim(&sync.account, syncing, id, p));
    syncing->now = &sync;
    err = gt_wait_run_until(&end, &gt_mail_sync, &sync, gt_vault_parts(syncing->vault)->loop,
                            LONGEST, p);
    GT_TRY(gt_mail_settle(&settled, &sync, err, gt_ticks() - begun, p));
    add_counts(&syncing->sum, &sync.counts);
    ctl_progress_end(&syncing->progress);
    show(syncing, &sync, settled.error);
    if (err == GT_OK && settled.error != NULL)
        err = gt_err(p, GT_UPSTREAM, "GT0971", "not all folders could be read");
    return err;
}

static gt_err_t *try_one(syncing_t *syncing, apr_int64_t id)
{
    gt_err_t *err;
    apr_pool_t *p;

    apr_pool_create(&p, syncing->ctl->pool);
    err = round_of(syncing, id, p);
    if (err != GT_OK && syncing->first == GT_OK)
        syncing->first = gt_err_dup(err, syncing->ctl->pool);
    apr_pool_destroy(p);
    return GT_OK;
}

/* ---- all ---- */

static gt_err_t *try_all(syncing_t *syncing)
{
    apr_array_header_t *page;
    apr_int64_t after = 0;
    apr_pool_t *p;

    apr_pool_create(&p, syncing->ctl->pool);
    do {
        apr_pool_clear(p);
        GT_TRY(gt_mail_account_list(&page, syncing->store, NULL, after, PAGE, p));
        for (int i = 0; i < page->nelts && !ctl_stop_asked(); i++) {
            const gt_mail_account_t *account = &APR_ARRAY_IDX(page, i, gt_mail_account_t);

            after = account->id;
            if (account->halt == GT_MAIL_RUNS)
                GT_TRY(try_one(syncing, account->id));
        }
    } while (page->nelts == PAGE && !ctl_stop_asked());
    return GT_OK;
}

static void print_sum(const syncing_t *syncing)
{
    json_t *answer = gt_json_object(syncing->ctl->pool);

    gt_json_put(answer, "accounts", json_incref(syncing->rows));
    gt_json_set_number(answer, "added", syncing->sum.added);
    gt_json_set_number(answer, "changed", syncing->sum.changed);
    gt_json_set_number(answer, "removed", syncing->sum.removed);
    if (syncing->ctl->json)
        ctl_print_json(answer);
}

gt_err_t *ctl_sync(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,    parse, "[ID]", "Synchronise a mail account now, or all of them.",
        ctl_common, NULL,  NULL};
    syncing_t syncing = {.ctl = ctl};
    gt_config_t *config;
    gt_err_t *err;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &syncing));
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(ctl_vault_open(&syncing.vault, config, ctl->pool));
    GT_TRY(find_store(&syncing, config));
    syncing.rows = gt_json_own(json_array(), ctl->pool);
    ctl_stop_begin();
    ctl_progress_begin(&syncing.progress, "sync", -1);
    err = syncing.id != 0 ? try_one(&syncing, syncing.id) : try_all(&syncing);
    ctl_progress_end(&syncing.progress);
    ctl_vault_close(syncing.vault, ctl->pool);
    GT_TRY(err);
    print_sum(&syncing);
    return syncing.first;
}
