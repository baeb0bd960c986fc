/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * An item is claimed, its act is done as for a single grant, and its result is written by the
 * process that holds the claim. A provider that asks to wait has the item put off, five times at
 * most. An item that was never ended by its processes, ten of them, is given up.
 */

#include "admin/bulk_work.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/bulk.h"
#include "admin/grant_view.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/notice.h"
#include "base/text.h"
#include "jobs/job_item.h"

#define NAME "bulk"
#define EVERY apr_time_from_sec(20)
#define AT_ONCE 1 /* µs: due times are whole seconds */
#define SOON apr_time_from_sec(1)
#define LATER apr_time_from_sec(3) /* all items are claimed, or put off */
#define BATCH 64
#define BUDGET 256
#define FILL_FOR apr_time_from_msec(50)
/* A request that makes a job with named grants has ended by then, or has died. */
#define ABANDONED apr_time_from_sec(600)
/* Beside the waits for a lease: an act, its retries within the vault, and the write of its
 * result. */
#define HOLD_MORE apr_time_from_sec(30)
#define TRIES_OF_PROVIDER 5
#define TRIES_MOST 10
#define DETAIL_BYTES 300

/* The parts of the kind. */
enum { FILLING, WITHOUT_RATE, WITH_RATE, PARTS };

enum { DONE_WELL, DONE_BADLY };

gt_err_t *gt_bulk_call(gt_store_t *store, apr_pool_t *p)
{
    return gt_due_now(store, NAME, p);
}

/* ---- an item ---- */

/** An item on its way, as the payload of background work. */
typedef struct claimed_t {
    gt_bulk_item_t item;
    gt_bulk_hold_t hold;
    const gt_operation_t *operation;
    gt_asker_t asker;
} claimed_t;

/** The state of its work. */
typedef struct doing_t {
    gt_store_t *store;
    gt_vault_t *vault;
    const claimed_t *claimed;
    gt_target_t target;
    void *state; /* of the operation */
    gt_err_t *failure;
    const char *detail; /* of a success */
    int is_put_off;
} doing_t;

static const void *copy(const void *payload, apr_pool_t *p)
{
    claimed_t *claimed = apr_pmemdup(p, payload, sizeof(*claimed));

    claimed->item.grant_id = apr_pstrdup(p, claimed->item.grant_id);
    claimed->item.owner = gt_owner_dup(&claimed->item.owner, p);
    claimed->item.detail = claimed->item.tag = NULL;
    claimed->hold.job = apr_pstrdup(p, claimed->hold.job);
    claimed->hold.claim = apr_pstrdup(p, claimed->hold.claim);
    claimed->asker = *gt_asker_dup(&claimed->asker, p);
    return claimed;
}

static void *make(const gt_job_item_t *item, apr_pool_t *p)
{
    doing_t *doing = apr_pcalloc(p, sizeof(*doing));

    doing->store = item->store;
    doing->vault = gt_jobs_vault(item->jobs);
    doing->claimed = item->payload;
    return doing;
}

/** An act is done to a user's grant at a provider, which is another one when the user has signed in
 * again after the end of the one that was meant: then the job is not about it. */
static gt_err_t *check_item(const doing_t *doing, apr_pool_t *p)
{
    const gt_bulk_item_t *item = &doing->claimed->item;
    const char *id;

    if (item->owner.user == NULL || item->owner.provider == NULL)
        return gt_err(p, GT_DAMAGED, "GT0989", "the row of this item names no grant");
    if (item->tries > TRIES_MOST)
        return gt_err(p, GT_INTERNAL, "GT0988",
                      "given up: %d processes ended before they had done it", TRIES_MOST);
    GT_TRY(gt_grant_id(&id, doing->store, &item->owner, p));
    if (id != NULL && strcmp(id, item->grant_id) != 0)
        return gt_err(p, GT_CONFLICT, "GT0994",
                      "this grant is gone, and its user has signed in again since: the new one, "
                      "%s, is left as it is",
                      id);
    return GT_OK;
}

static gt_err_t *act(gt_task_t *task, void *state)
{
    doing_t *doing = state;
    const claimed_t *claimed = doing->claimed;

    doing->failure = check_item(doing, gt_task_pool(task));
    if (doing->failure != GT_OK)
        return GT_OK;
    doing->target = (gt_target_t){.store = doing->store,
                                  .grant = {.id = claimed->item.grant_id,
                                            .owner = claimed->item.owner,
                                            .generation = claimed->item.generation},
                                  .asker = &claimed->asker};
    doing->state = claimed->operation->make(doing->vault, &doing->target, gt_task_pool(task));
    gt_then_try(task, claimed->operation->work, doing->state, &doing->failure);
    return GT_OK;
}

/** How long it makes sense to wait before another try; 0: it has its result. */
static apr_interval_time_t wait_after(const gt_err_t *failure)
{
    if (failure == GT_OK)
        return 0;
    if (failure->cls == GT_THROTTLED || failure->cls == GT_LIMITED)
        return failure->retry_after;
    return failure->cls == GT_STORE_AWAY || failure->cls == GT_BUSY ? SOON : 0;
}

/** A text for the row: one line that can be shown, and not too long. */
static const char *short_line(const char *text, apr_pool_t *p)
{
    char *line = apr_pstrdup(p, gt_printable_line(text, p));

    if (!gt_is_utf8(line, strlen(line)))
        return "";
    if (strlen(line) > DETAIL_BYTES) {
        apr_size_t end = DETAIL_BYTES;

        /* Cut before a character, never within one. */
        while (((unsigned char)line[end] & 0xC0) == 0x80)
            end--;
        line[end] = '\0';
    }
    return line;
}

static gt_err_t *write_result(doing_t *doing, apr_pool_t *p)
{
    const claimed_t *claimed = doing->claimed;
    const gt_err_t *failure = doing->failure;
    const gt_bulk_item_t result = {
        .outcome = failure == GT_OK ? GT_BULK_SUCCEEDED : GT_BULK_FAILED,
        .detail = short_line(failure == GT_OK ? doing->detail : gt_err_told(failure, p), p),
        .tag = failure == GT_OK ? NULL : failure->tag};

    GT_TRY(gt_bulk_note(doing->store, &claimed->hold, &result, p));
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_BULK,
                             .store = gt_store_name(doing->store),
                             .provider = claimed->item.owner.provider,
                             .user = claimed->item.owner.user,
                             .asker = &claimed->asker,
                             .err = failure,
                             .detail = claimed->operation->name});
    return GT_OK;
}

/** A process that ends takes no work, and cuts some off: such an item is given up by the caller. */
static gt_err_t *record(gt_task_t *task, void *state)
{
    doing_t *doing = state;
    const claimed_t *claimed = doing->claimed;
    apr_pool_t *p = gt_task_pool(task);
    apr_interval_time_t wait;

    if (doing->failure == GT_OK)
        doing->failure = claimed->operation->judge(&doing->detail, doing->state, p);
    if (doing->failure != GT_OK && doing->failure->cls == GT_CANCELLED)
        return doing->failure;
    wait = wait_after(doing->failure);
    doing->is_put_off = wait > 0 && claimed->item.tries <= TRIES_OF_PROVIDER;
    return doing->is_put_off ? gt_bulk_give_back(doing->store, &claimed->hold, wait, 1, p)
                             : write_result(doing, p);
}

static gt_step_fn *const steps[] = {act, record, NULL};
static const gt_work_t work = {"item of a bulk job", steps, NULL};

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    const claimed_t *claimed = item->payload;

    return gt_bulk_give_back(item->store, &claimed->hold, 0, 0, p);
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    const doing_t *doing = item->state;

    if (failure == GT_OK && !doing->is_put_off)
        gt_jobs_count(item->jobs, item->kind, doing->failure == GT_OK ? DONE_WELL : DONE_BADLY, 1);
}

/* ---- claiming ---- */

/** A slice that claims items. */
typedef struct claiming_t {
    gt_slice_t *slice;
    const char *claim;
    apr_interval_time_t hold;
    apr_array_header_t *found; /* of gt_job_found_t */
    apr_array_header_t *jobs;  /* of const char *: those with items among them */
} claiming_t;

/** A job's next items, `most` of them. */
static gt_err_t *claim_items(claiming_t *claiming, const gt_bulk_job_t *job,
                             const gt_operation_t *operation, int most)
{
    gt_slice_t *slice = claiming->slice;
    const gt_bulk_claim_t wanted = {job->id, claiming->claim, claiming->hold, most};
    apr_array_header_t *items;

    GT_TRY(gt_bulk_claim(&items, slice->store, &wanted, slice->pool));
    /* Nothing is left but what others have in hand, or nothing at all. */
    if (items->nelts == 0)
        return gt_bulk_end(slice->store, job->id, slice->pool);
    APR_ARRAY_PUSH(claiming->jobs, const char *) = job->id;
    for (int i = 0; i < items->nelts; i++) {
        claimed_t *claimed = apr_pcalloc(slice->pool, sizeof(*claimed));

        claimed->item = APR_ARRAY_IDX(items, i, gt_bulk_item_t);
        claimed->hold = (gt_bulk_hold_t){job->id, claiming->claim, claimed->item.n};
        claimed->operation = operation;
        claimed->asker = (gt_asker_t){.address = job->address,
                                      .request_id = job->request_id,
                                      .route = "bulk",
                                      .administrator = job->administrator,
                                      .job = job->id};
        /* By its claim: one that was claimed again, because its time was over, has to begin again,
         * since the claim before cannot write its result any more. */
        APR_ARRAY_PUSH(claiming->found, gt_job_found_t) =
            (gt_job_found_t){claimed, apr_psprintf(slice->pool, "%s %s %" APR_INT64_T_FMT,
                                                   claiming->claim, job->id, claimed->item.n)};
    }
    return GT_OK;
}

/** 1 when a job's items are claimed in a part. */
static int is_of_part(const gt_bulk_job_t *job, const gt_operation_t *operation, int part)
{
    return job->is_filled && operation != NULL && operation->has_rate == (part == WITH_RATE);
}

/** How many jobs have items in this part. */
static int count_jobs(const apr_array_header_t *jobs, int part)
{
    int n = 0;

    for (int i = 0; i < jobs->nelts; i++) {
        const gt_bulk_job_t *job = &APR_ARRAY_IDX(jobs, i, gt_bulk_job_t);

        n += is_of_part(job, gt_operation_named(job->act), part);
    }
    return n;
}

/** From each of `left` jobs an even share, so that a small one need not wait for the end of a large
 * one. */
static gt_err_t *claim_from(claiming_t *claiming, const apr_array_header_t *jobs, int left,
                            int most)
{
    for (int i = 0; i < jobs->nelts; i++) {
        const gt_bulk_job_t *job = &APR_ARRAY_IDX(jobs, i, gt_bulk_job_t);
        const gt_operation_t *operation = gt_operation_named(job->act);
        const int room = most - claiming->found->nelts;

        if (!is_of_part(job, operation, claiming->slice->part) || room <= 0)
            continue;
        GT_TRY(claim_items(claiming, job, operation, (room + left - 1) / left));
        left--;
    }
    return GT_OK;
}

/** Turns of GraphTokRefreshRate for all that was claimed; the claims last until the last turn, and
 * for the act. @param span  out: from the first turn to the last */
static gt_err_t *take_turns(apr_interval_time_t *wait, apr_interval_time_t *span,
                            const claiming_t *claiming)
{
    const gt_slice_t *slice = claiming->slice;
    const int n = claiming->found->nelts;

    *wait = *span = 0;
    if (slice->part != WITH_RATE)
        return GT_OK;
    GT_TRY(gt_job_turns_take(wait, slice->jobs, n, slice->pool));
    *span = apr_time_from_sec(n) / gt_jobs_config(slice->jobs)->refresh_rate;
    for (int i = 0; *wait + *span > HOLD_MORE / 2 && i < claiming->jobs->nelts; i++)
        GT_TRY(gt_bulk_prolong(slice->store, APR_ARRAY_IDX(claiming->jobs, i, const char *),
                               claiming->claim, *wait + *span + claiming->hold, slice->pool));
    return GT_OK;
}

static int batch_of(const gt_slice_t *slice)
{
    const apr_int64_t rate = gt_jobs_config(slice->jobs)->refresh_rate;

    return slice->part == WITH_RATE && rate < BATCH ? (int)rate : BATCH;
}

static gt_err_t *claim(gt_slice_t *slice, const apr_array_header_t *jobs)
{
    claiming_t claiming = {.slice = slice,
                           .claim = gt_random_text(9, slice->pool),
                           .hold = 2 * gt_jobs_config(slice->jobs)->lease + HOLD_MORE,
                           .found = apr_array_make(slice->pool, BATCH, sizeof(gt_job_found_t)),
                           .jobs = apr_array_make(slice->pool, 4, sizeof(const char *))};
    const int most = batch_of(slice), left = count_jobs(jobs, slice->part);
    apr_interval_time_t wait, span;

    if (left == 0)
        return GT_OK;
    slice->again = LATER;
    GT_TRY(claim_from(&claiming, jobs, left, most));
    if (claiming.found->nelts == 0)
        return GT_OK;
    GT_TRY(take_turns(&wait, &span, &claiming));
    gt_job_items_start(slice, claiming.found, gt_ticks() + wait, span, slice->part == WITH_RATE);
    if (slice->part == WITH_RATE)
        slice->again = wait + span > SOON ? wait + span : SOON;
    else
        slice->again = claiming.found->nelts == most ? AT_ONCE : SOON;
    return GT_OK;
}

/* ---- filling ---- */

/** Go through the ids of a store from where a job is, for a moment.
 * @param more  out: 1: it is to be gone on with */
static gt_err_t *fill(int *more, const gt_slice_t *slice, gt_bulk_job_t *job)
{
    const apr_time_t until = gt_ticks() + FILL_FOR;
    gt_grant_filter_t filter;
    gt_range_t range;
    int found;

    *more = 0;
    if (gt_bulk_filter_read(&filter, job->filter, slice->pool) != GT_OK)
        return gt_bulk_filled(slice->store, job->id, "its filter cannot be read", slice->pool);
    gt_range_begin(&range, slice->store);
    if (job->filled_to != NULL)
        apr_cpystrn(range.last, job->filled_to, sizeof(range.last));
    while (gt_ticks() < until) {
        GT_TRY(gt_range_next(&found, &range, slice->pool));
        *more = found && job->total < GT_BULK_FILTER_MAX;
        if (!*more)
            return gt_bulk_filled(slice->store, job->id,
                                  found ? "there are more grants than a bulk job may have: make "
                                          "another job for the others"
                                        : NULL,
                                  slice->pool);
        GT_TRY(gt_bulk_fill(&found, job, &range, &filter, slice->pool));
        if (!found)
            return GT_OK;
    }
    return GT_OK;
}

static gt_err_t *fill_all(gt_slice_t *slice, apr_array_header_t *jobs)
{
    for (int i = 0; i < jobs->nelts; i++) {
        gt_bulk_job_t *job = &APR_ARRAY_IDX(jobs, i, gt_bulk_job_t);
        int more = 0;

        if (job->is_filled)
            continue;
        if (job->filter == NULL) {
            if (gt_now() - job->updated_at > ABANDONED)
                GT_TRY(gt_bulk_drop(slice->store, job->id, slice->pool));
            continue;
        }
        GT_TRY(fill(&more, slice, job));
        if (more) {
            slice->again = AT_ONCE;
            return GT_OK;
        }
        GT_TRY(gt_bulk_call(slice->store, slice->pool));
    }
    return GT_OK;
}

static gt_err_t *go_on(gt_slice_t *slice)
{
    apr_array_header_t *jobs;

    if (!gt_store_has(slice->store, GT_ADDS_BULK, slice->pool))
        return GT_OK;
    GT_TRY(gt_bulk_active(&jobs, slice->store, slice->pool));
    return slice->part == FILLING ? fill_all(slice, jobs) : claim(slice, jobs);
}

static apr_interval_time_t every(const gt_config_t *config)
{
    (void)config;
    return EVERY;
}

const gt_job_kind_t gt_job_bulk = {
    .name = NAME,
    .results = {"bulk_done", "bulk_failed"},
    .parts = PARTS,
    .budget = BUDGET,
    .back_off = apr_time_from_sec(10),
    .back_off_most = apr_time_from_sec(300),
    .every = every,
    .slice = go_on,
    .work = &work,
    .copy = copy,
    .make = make,
    .let_go = let_go,
    .note = note,
};
