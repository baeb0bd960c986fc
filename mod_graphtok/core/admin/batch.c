/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * One operation on many grants: a job for each waits for the end of a pause and for a turn, acts,
 * and sees whether it is to be done again. An ended job comes back through a list to the maker's
 * thread, which alone counts and prints.
 */

#include "admin/batch.h"

#include <pthread.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/thread.h"
#include "store/due.h"
#include "task/crew.h"

#define ROOM 64
#define TRIES 5
#define SHORTEST apr_time_from_sec(2) /* of the waits for trouble to pass; each is twice as long */
#define LOOK_EVERY apr_time_from_msec(200) /* an end that is asked for is noticed within this */
#define LATE apr_time_from_msec(200)       /* a job later than this takes a new turn */

struct gt_batch_t {
    gt_vault_t *vault;
    const gt_operation_t *operation;
    const gt_batch_report_t *report;
    apr_pool_t *pool;
    int under_way;        /* the maker's thread only */
    int put;              /* how many there were; the maker's thread only */
    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t changed;
    struct one_t *first;       /* the jobs that have ended */
    apr_time_t paused_until;   /* ticks: a provider asked to wait */
    apr_interval_time_t pause; /* the span, not reported yet; 0: none */
};

typedef struct one_t {
    gt_batch_item_t item;
    gt_batch_t *batch;
    struct one_t *next;
    apr_time_t start_at; /* ticks; 0: it has no turn */
    int tries;
    void *state;
} one_t;

static int is_stopped(const one_t *one)
{
    const gt_batch_report_t *report = one->batch->report;

    return report->is_stopped(report->baton);
}

/* ---- pauses and turns ---- */

static apr_time_t paused_until(gt_batch_t *batch)
{
    apr_time_t until;

    pthread_mutex_lock(&batch->lock);
    until = batch->paused_until;
    pthread_mutex_unlock(&batch->lock);
    return until;
}

static void note_pause(gt_batch_t *batch, apr_interval_time_t span)
{
    apr_time_t now = gt_ticks();

    pthread_mutex_lock(&batch->lock);
    /* Told once for each pause. */
    if (batch->paused_until <= now)
        batch->pause = span;
    if (now + span > batch->paused_until)
        batch->paused_until = now + span;
    pthread_cond_signal(&batch->changed);
    pthread_mutex_unlock(&batch->lock);
}

static gt_err_t *take_turn(one_t *one, apr_time_t now, apr_pool_t *p)
{
    const gt_vault_parts_t *parts = gt_vault_parts(one->batch->vault);
    apr_interval_time_t wait = 0;

    if (one->start_at != 0 && now < one->start_at + LATE)
        return GT_OK;
    if (one->batch->operation->has_rate)
        GT_TRY(gt_due_time_slots(&wait, gt_vault_store(one->batch->vault, "main"), 1,
                                 parts->config->refresh_rate, p));
    one->start_at = now + wait;
    return GT_OK;
}

/* ---- the steps of one ---- */

static gt_err_t *wait_time_slot(gt_task_t *task, void *state)
{
    one_t *one = state;
    apr_time_t now = gt_ticks();
    apr_time_t at = paused_until(one->batch);

    one->item.is_cut = is_stopped(one);
    if (one->item.is_cut) {
        gt_done(task);
        return GT_OK;
    }
    if (at > now)
        one->start_at = 0;
    else
        GT_TRY(take_turn(one, now, gt_task_pool(task)));
    at = at > one->start_at ? at : one->start_at;
    if (at > now)
        gt_again_at(task, at - now < LOOK_EVERY ? at : now + LOOK_EVERY);
    return GT_OK;
}

static gt_err_t *act(gt_task_t *task, void *state)
{
    one_t *one = state;
    const gt_operation_t *operation = one->batch->operation;

    one->tries++;
    one->start_at = 0;
    one->state = operation->make(one->batch->vault, &one->item.target, gt_task_pool(task));
    gt_then_try(task, operation->work, one->state, &one->item.failure);
    return GT_OK;
}

static int is_asked_to_wait(const gt_err_t *err)
{
    return err != GT_OK && (err->cls == GT_THROTTLED || err->cls == GT_LIMITED) &&
           err->retry_after > 0;
}

/* The provider is away, or answers rubbish. */
static int may_pass(const gt_err_t *err)
{
    return err != GT_OK && err->cls == GT_UPSTREAM;
}

static const gt_work_t work_again;

static gt_err_t *look(gt_task_t *task, void *state)
{
    one_t *one = state;
    apr_pool_t *p = gt_task_pool(task);

    if (one->item.failure == GT_OK)
        one->item.failure = one->batch->operation->judge(&one->item.detail, one->state, p);
    if (may_pass(one->item.failure) && one->tries <= one->batch->report->again) {
        one->start_at = gt_ticks() + (SHORTEST << (one->tries - 1));
        gt_then(task, &work_again, one);
        return GT_OK;
    }
    if (!is_asked_to_wait(one->item.failure))
        return GT_OK;
    note_pause(one->batch, one->item.failure->retry_after);
    if (one->tries < TRIES)
        gt_then(task, &work_again, one);
    return GT_OK;
}

/* The item's own pool outlives the job. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    one_t *one = state;
    gt_batch_t *batch = one->batch;

    (void)task;
    one->item.failure = gt_err_dup(err != GT_OK ? err : one->item.failure, one->item.pool);
    one->item.detail = apr_pstrdup(one->item.pool, one->item.detail);
    pthread_mutex_lock(&batch->lock);
    one->next = batch->first;
    batch->first = one;
    pthread_cond_signal(&batch->changed);
    pthread_mutex_unlock(&batch->lock);
}

static gt_step_fn *const steps[] = {wait_time_slot, act, look, NULL};
static const gt_work_t work_again = {"once more", steps, NULL};
static const gt_work_t work = {"one of many", steps, finish};

/* ---- the maker's thread ---- */

gt_batch_t *gt_batch_make(gt_vault_t *vault, const gt_operation_t *operation,
                          const gt_batch_report_t *report, apr_pool_t *p)
{
    gt_batch_t *batch = apr_pcalloc(p, sizeof(*batch));

    batch->vault = vault;
    batch->operation = operation;
    batch->report = report;
    batch->pool = p;
    pthread_mutex_init(&batch->lock, NULL);
    gt_cond_init(&batch->changed);
    return batch;
}

static void tell(gt_batch_t *batch, apr_interval_time_t pause, one_t *one)
{
    const gt_batch_report_t *report = batch->report;

    if (pause > 0)
        report->paused(report->baton, pause);
    while (one != NULL) {
        one_t *next = one->next;

        batch->under_way--;
        report->ended(report->baton, &one->item);
        apr_pool_destroy(one->item.pool);
        one = next;
    }
}

/* Until no more than `most` are under way. */
static void await(gt_batch_t *batch, int most)
{
    do {
        apr_interval_time_t pause;
        one_t *one;

        pthread_mutex_lock(&batch->lock);
        while (batch->first == NULL && batch->pause == 0 && batch->under_way > most)
            gt_cond_wait(&batch->changed, &batch->lock, APR_INT64_MAX);
        one = batch->first;
        pause = batch->pause;
        batch->first = NULL;
        batch->pause = 0;
        pthread_mutex_unlock(&batch->lock);
        tell(batch, pause, one);
    } while (batch->under_way > most);
}

static void *hand_over(const void *params, apr_pool_t *p)
{
    (void)p;
    return *(one_t *const *)params;
}

gt_err_t *gt_batch_put(gt_batch_t *batch, gt_store_t *store, const gt_grant_t *grant)
{
    apr_pool_t *p = gt_pool_make(NULL, "gt_batch_item");
    one_t *one = apr_pcalloc(p, sizeof(*one));
    gt_flight_params_t params = {.work = &work, .init = hand_over, .params = &one};
    gt_err_t *err;

    one->batch = batch;
    one->item = (gt_batch_item_t){.pool = p, .target.store = store};
    one->item.target.grant.id = apr_pstrdup(p, grant->id);
    one->item.target.grant.owner = gt_owner_dup(&grant->owner, p);
    one->item.target.grant.account.email = apr_pstrdup(p, grant->account.email);
    one->item.target.grant.generation = grant->generation;
    /* A key of its own for each: of a grant that is put twice the second one would not begin, and
     * be waited for without end. */
    params.key = apr_psprintf(p, "one of many %pp %d", (void *)batch, batch->put++);
    await(batch, ROOM - 1);
    err = gt_crew_launch(gt_vault_parts(batch->vault)->crew, &params, batch->pool);
    if (err == GT_OK)
        batch->under_way++;
    else
        apr_pool_destroy(p);
    return err;
}

void gt_batch_drain(gt_batch_t *batch)
{
    await(batch, 0);
}
