/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_job.c
 * Rounds in the background. Accounts that are due are claimed in their rows, some at a time, by
 * any process that has room; each becomes an item, which makes a round, tries it again after a
 * passing trouble, and gives the claim back with the outcome. An account that wants its news at
 * once is watched then, without a claim, until it is due again: news makes it due.
 */

#include "mail/sync_job.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/job_item.h"
#include "mail/sync.h"
#include "store/mail_message.h"

#define CLAIMS 64                             /* accounts of a slice */
#define TICK apr_time_from_sec(1)             /* between two slices, of all processes */
#define AT_ONE_SERVER 128                     /* sessions of a process that read */
#define WATCHED_AT_ONE 128                    /* and that wait for news */
#define PLACE_EVERY apr_time_from_msec(500)   /* a server with so many is looked at again */
#define TRIES 3                               /* after the first, 2, 4 and 8 s later */
#define FIRST_WAIT apr_time_from_sec(2)       /* T12 */
#define WATCH_LEAST apr_time_from_sec(5)      /* a shorter watch is not worth it */
#define WATCH_MOST apr_time_from_sec(29 * 60) /* RFC 2177 */
#define TOKEN_REST apr_time_from_sec(30)      /* a session ends so long before its token */
#define TIDY_EVERY apr_time_from_sec(60)
#define TIDY_SPAN apr_time_from_msec(80)

enum { SYNCED, FAILED };

/* An account's item. */
typedef struct syncing_t {
    const gt_job_item_t *item;
    gt_mail_sync_t sync;
    gt_err_t *err; /* of the last try */
    int tries;     /* so far, after the first */
    int is_to_repeat;
    const char *place;
    const char *watch_place;
    int has_place, has_watch_place;
    int is_given_back;  /* the claim */
    apr_time_t keep_at; /* ticks: the claim is made longer then, while there is no place */
    apr_time_t begun_at;
    apr_interval_time_t took; /* by the last try */
    apr_time_t due_at;        /* ticks: when it is due again */
    gt_mail_watch_t watch;
    gt_err_t *watch_err;
} syncing_t;

/* ---- the item ---- */

static gt_err_t *take_place(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;
    gt_places_t *places = gt_jobs_places(syncing->item->jobs);
    int is_away;

    syncing->has_place = gt_place_take(places, syncing->place, AT_ONE_SERVER);
    if (syncing->has_place)
        return GT_OK;
    if (gt_ticks() >= syncing->keep_at) {
        GT_TRY(gt_mail_sync_keep(&is_away, &syncing->sync, gt_task_pool(task)));
        syncing->keep_at = gt_ticks() + (is_away ? GT_MAIL_AGAIN : GT_MAIL_KEEP_EVERY);
    }
    gt_again_at(task, gt_ticks() + PLACE_EVERY);
    return GT_OK;
}

static void give_place(syncing_t *syncing)
{
    if (syncing->has_place)
        gt_place_give(gt_jobs_places(syncing->item->jobs), syncing->place);
    syncing->has_place = 0;
}

static gt_err_t *try_it(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;

    syncing->begun_at = gt_ticks();
    gt_then_try(task, &gt_mail_sync, &syncing->sync, &syncing->err);
    return GT_OK;
}

/* 1 for a trouble that may be over in some seconds. A server that asks to wait is not one. */
static int may_pass(const gt_err_t *err)
{
    return err->cls == GT_UPSTREAM || err->cls == GT_TIMEOUT || err->cls == GT_BUSY ||
           err->cls == GT_STORE_AWAY;
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;

    syncing->took = gt_ticks() - syncing->begun_at;
    if (syncing->err == GT_OK || !may_pass(syncing->err) || syncing->tries == TRIES)
        return GT_OK;
    gt_log(GT_LOG_INFO, NULL, "mail account %" PRId64 ": %s (%s); tried again",
           syncing->sync.account->id, syncing->err->detail, syncing->err->tag);
    syncing->err = gt_err_dup(syncing->err, gt_task_pool(task));
    gt_mail_sync_close(&syncing->sync);
    syncing->is_to_repeat = 1;
    return GT_OK;
}

/* 1 while the claim may still be ours: then a store that is away is asked again. */
static int is_asked_again(gt_task_t *task, const syncing_t *syncing)
{
    const int asks = gt_ticks() < syncing->sync.claim_ends_at;

    if (asks)
        gt_again_at(task, gt_ticks() + GT_MAIL_AGAIN);
    return asks;
}

/* The claim outlives each of these waits, and is made longer as soon as its store is back. */
static gt_err_t *wait_before_another(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;
    int is_away;

    if (!syncing->is_to_repeat)
        return GT_OK;
    GT_TRY(gt_mail_sync_keep(&is_away, &syncing->sync, gt_task_pool(task)));
    if (!is_away || !is_asked_again(task, syncing))
        gt_await_time(task, gt_ticks() + (FIRST_WAIT << syncing->tries++));
    return GT_OK;
}

static gt_err_t *repeat(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;

    if (syncing->is_to_repeat) {
        syncing->is_to_repeat = 0;
        gt_repeat(task);
    }
    return GT_OK;
}

static gt_step_fn *const try_steps[] = {try_it, judge, wait_before_another, repeat, NULL};
static const gt_work_t try_work = {"rounds of a mail account", try_steps, NULL};

static gt_err_t *try_some_times(gt_task_t *task, void *state)
{
    gt_then(task, &try_work, state);
    return GT_OK;
}

static gt_err_t *give_back(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;
    gt_mail_settled_t settled;
    gt_err_t *err;

    give_place(syncing);
    err = gt_mail_settle(&settled, &syncing->sync, syncing->err, syncing->took, gt_task_pool(task));
    if (err != GT_OK && err->cls == GT_STORE_AWAY && is_asked_again(task, syncing))
        return GT_OK;
    GT_TRY(err);
    syncing->is_given_back = 1;
    syncing->due_at = gt_ticks() + settled.next;
    return GT_OK;
}

/* ---- the watch ---- */

static int is_to_watch(const syncing_t *syncing)
{
    return syncing->sync.account->push && syncing->err == GT_OK &&
           syncing->watch.until - gt_ticks() >= WATCH_LEAST;
}

/* Until it is due, in which case any process may take it; and within the life of the token. */
static gt_err_t *watch(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;
    apr_time_t most = gt_ticks() + WATCH_MOST, ends = syncing->sync.token_ends_at;

    syncing->watch.sync = &syncing->sync;
    syncing->watch.until = syncing->due_at < most ? syncing->due_at : most;
    if (ends > 0 && gt_ticks() + (ends - gt_now()) - TOKEN_REST < syncing->watch.until)
        syncing->watch.until = gt_ticks() + (ends - gt_now()) - TOKEN_REST;
    if (!is_to_watch(syncing) ||
        !(syncing->has_watch_place = gt_place_take(gt_jobs_places(syncing->item->jobs),
                                                   syncing->watch_place, WATCHED_AT_ONE))) {
        gt_done(task);
        return GT_OK;
    }
    gt_then_try(task, &gt_mail_watch, &syncing->watch, &syncing->watch_err);
    return GT_OK;
}

static gt_err_t *note_news(gt_task_t *task, void *state)
{
    syncing_t *syncing = state;
    int changed;

    if (syncing->watch_err != GT_OK)
        gt_log(GT_LOG_INFO, NULL, "mail account %" PRId64 " is not watched any more: %s",
               syncing->sync.account->id, syncing->watch_err->detail);
    if (!syncing->watch.has_news)
        return GT_OK;
    return gt_mail_account_due(&changed, syncing->sync.store, syncing->sync.account->id,
                               gt_task_pool(task));
}

/* A process that stops leaves the account to another one at once: its round, or its watch, which
 * begins with a round. */
static gt_err_t *leave(const syncing_t *syncing, const gt_err_t *err, apr_pool_t *p)
{
    const gt_mail_account_t *account = syncing->sync.account;
    int changed;

    if (!syncing->is_given_back)
        return gt_mail_account_let_go(syncing->sync.store, account, p);
    if (syncing->has_watch_place && err != GT_OK)
        return gt_mail_account_due(&changed, syncing->sync.store, account->id, p);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    syncing_t *syncing = state;
    gt_err_t *left = leave(syncing, err, gt_task_pool(task));

    if (left != GT_OK)
        gt_log_err(left, "leaving a mail account, whose claim ends by itself");
    give_place(syncing);
    if (syncing->has_watch_place)
        gt_place_give(gt_jobs_places(syncing->item->jobs), syncing->watch_place);
    gt_mail_sync_close(&syncing->sync);
}

static gt_step_fn *const steps[] = {take_place, try_some_times, give_back, watch, note_news, NULL};
static const gt_work_t account_work = {"a mail account", steps, finish};

/* ---- the kind ---- */

static apr_interval_time_t every(const gt_config_t *config)
{
    for (int i = 0; i < config->stores->nelts; i++)
        if (APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *)->mail_sync)
            return TICK;
    return 0;
}

static const void *copy(const void *payload, apr_pool_t *p)
{
    return gt_mail_account_dup(payload, p);
}

static void *make(const gt_job_item_t *item, apr_pool_t *p)
{
    syncing_t *syncing = apr_pcalloc(p, sizeof(*syncing));
    gt_mail_account_t *account = gt_mail_account_dup(item->payload, p);

    syncing->item = item;
    syncing->sync = (gt_mail_sync_t){.vault = gt_jobs_vault(item->jobs),
                                     .store = item->store,
                                     .crew = item->crew,
                                     .account = account};
    syncing->place = apr_pstrcat(p, "mail ", account->incoming.host, NULL);
    syncing->watch_place = apr_pstrcat(p, "news ", account->incoming.host, NULL);
    syncing->begun_at = gt_ticks();
    syncing->keep_at = gt_ticks() + GT_MAIL_KEEP_EVERY;
    return syncing;
}

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    return gt_mail_account_let_go(item->store, item->payload, p);
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    const syncing_t *syncing = item->state;

    if (failure != GT_OK)
        gt_log_err(failure, "a mail account");
    gt_jobs_count(item->jobs, item->kind,
                  failure == GT_OK && syncing->err == GT_OK ? SYNCED : FAILED, 1);
}

static gt_err_t *claim(gt_slice_t *slice)
{
    apr_array_header_t *accounts, *found;

    if (!gt_mail_is_kept(slice->store, slice->pool))
        return GT_OK;
    GT_TRY(gt_mail_account_claim(&accounts, slice->store, gt_jobs_worker(slice->jobs),
                                 GT_MAIL_CLAIM, CLAIMS, slice->pool));
    found = apr_array_make(slice->pool, accounts->nelts, sizeof(gt_job_found_t));
    for (int i = 0; i < accounts->nelts; i++) {
        const gt_mail_account_t *account = &APR_ARRAY_IDX(accounts, i, gt_mail_account_t);

        /* A watch of the same account may last while the next round begins. */
        APR_ARRAY_PUSH(found, gt_job_found_t) = (gt_job_found_t){
            account, apr_psprintf(slice->pool, "%" PRId64 " %s", account->id, account->claim)};
    }
    gt_job_items_start(slice, found, gt_ticks(), 0, 0);
    if (accounts->nelts == CLAIMS)
        slice->again = TICK;
    return GT_OK;
}

const gt_job_kind_t gt_job_mail_sync = {
    .name = "mail_sync",
    .results = {"synced", "sync_failed"},
    .parts = 1,
    .budget = 1024,
    .is_apart = 1,
    .back_off = apr_time_from_sec(2),
    .back_off_most = apr_time_from_sec(60),
    .every = every,
    .slice = claim,
    .work = &account_work,
    .copy = copy,
    .make = make,
    .let_go = let_go,
    .note = note,
};

/* ---- tidying ---- */

static apr_interval_time_t tidy_every(const gt_config_t *config)
{
    return every(config) > 0 ? TIDY_EVERY : 0;
}

static gt_err_t *tidy(gt_slice_t *slice)
{
    apr_time_t until = gt_ticks() + TIDY_SPAN;
    apr_int64_t dropped = 0;
    int more = 1;

    if (!gt_mail_is_kept(slice->store, slice->pool))
        return GT_OK;
    while (more && gt_ticks() < until)
        GT_TRY(gt_mail_tidy(&dropped, &more, slice->store, slice->pool));
    gt_jobs_count(slice->jobs, slice->kind, 0, dropped);
    if (more)
        slice->again = TICK;
    return GT_OK;
}

const gt_job_kind_t gt_job_mail_tidy = {
    .name = "mail_tidy",
    .results = {"mail_dropped"},
    .parts = 1,
    .budget = 1,
    .back_off = apr_time_from_sec(10),
    .back_off_most = apr_time_from_sec(300),
    .every = tidy_every,
    .slice = tidy,
};
