/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_bulk.c
 * Bulk jobs of the location's store. A request that waits for a change is parked: it wakes once a
 * second, and the database is asked once a second for all requests of the machine that watch one
 * job.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/bulk.h"
#include "admin/bulk_work.h"
#include "base/clock.h"
#include "base/text.h"
#include "request/answer.h"
#include "routes/token_work.h"

#define JOBS 50
#define PAGE 50       /* results, unless the query says how many */
#define PAGE_MOST 500 /* results */
#define WAIT_MOST 30  /* s */
#define LOOK_EVERY apr_time_from_sec(1)
#define LOOK_SOON apr_time_from_msec(50)
/* Where a request that waits holds a thread. */
#define WAIT_ON_THREAD apr_time_from_sec(2)
/* An answer is there so long before the client's time is over. */
#define SPARE apr_time_from_sec(2)

/** A question for a job. */
typedef struct watch_t {
    apr_int64_t known, wait, limit; /* known -1: none is; wait in s */
    const char *state;              /* that is known; NULL: the first one that is seen */
    const char *cursor;
    int outcome;
    apr_time_t until; /* ticks; 0: not begun */
    gt_err_t *wrong;  /* NULL: no mistake so far */
    apr_pool_t *pool;
} watch_t;

static gt_err_t *no_job(apr_pool_t *p)
{
    return gt_err(p, GT_NOT_FOUND, "GT1210", "this store has no bulk job of this name");
}

static gt_err_t *list_jobs(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool), *list = json_array();
    apr_array_header_t *jobs;

    (void)task;
    gt_json_set(value, "store", x->dir->store);
    gt_json_put(value, "jobs", list);
    GT_TRY(gt_bulk_is_there(x->store, x->r->pool));
    GT_TRY(gt_bulk_newest(&jobs, x->store, JOBS, x->r->pool));
    for (int i = 0; i < jobs->nelts; i++)
        json_array_append_new(list,
                              gt_bulk_json(&APR_ARRAY_IDX(jobs, i, gt_bulk_job_t), x->r->pool));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* ---- one job ---- */

static void mistake(watch_t *watch, const char *name, const char *message)
{
    if (watch->wrong == NULL)
        watch->wrong = gt_err(watch->pool, GT_INVALID, "GT1213",
                              "the query of this bulk job is not understood");
    gt_err_field(watch->wrong, name, message);
}

static int read_parameter(void *baton, const char *name, const char *value)
{
    watch_t *watch = baton;

    if (strcmp(name, "known") == 0) {
        if (!gt_number(&watch->known, value, 0, INT64_MAX))
            mistake(watch, name, "how many items are known to be done: a number");
    }
    else if (strcmp(name, "wait") == 0) {
        if (!gt_number(&watch->wait, value, 0, WAIT_MOST))
            mistake(watch, name, "seconds to wait for a change: 0 to 30");
    }
    else if (strcmp(name, "limit") == 0) {
        if (!gt_number(&watch->limit, value, 0, PAGE_MOST))
            mistake(watch, name, "a number from 0 to 500");
    }
    else if (strcmp(name, "outcome") == 0) {
        watch->outcome = gt_bulk_outcome_of_name(value);
        if (watch->outcome < 0)
            mistake(watch, name, "waiting, succeeded or failed");
    }
    else if (strcmp(name, "state") == 0)
        watch->state = value;
    else if (strcmp(name, "cursor") == 0)
        watch->cursor = *value != '\0' ? value : NULL;
    else
        mistake(watch, "(another)",
                "the parameters are known, state, wait, outcome, limit and cursor");
    return 1;
}

/** Results are for who asks for them, not for each of many that only wait. */
static gt_err_t *read_query(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    watch_t *watch = apr_pcalloc(x->r->pool, sizeof(*watch));
    apr_time_t last = x->ends_by - SPARE;

    (void)task;
    *watch = (watch_t){.known = -1, .limit = -1, .outcome = -1, .pool = x->r->pool};
    x->own = watch;
    apr_table_do(read_parameter, watch, x->query, NULL);
    GT_TRY(watch->wrong);
    if (watch->limit < 0)
        watch->limit = watch->wait > 0 ? 0 : PAGE;
    watch->until = gt_ticks() + apr_time_from_sec(watch->wait);
    if (!x->parked_road && watch->until > gt_ticks() + WAIT_ON_THREAD)
        watch->until = gt_ticks() + WAIT_ON_THREAD;
    if (x->ends_by != 0 && watch->until > last)
        watch->until = last;
    return gt_bulk_is_there(x->store, x->r->pool);
}

static gt_err_t *answer(gtm_request_t *x, const watch_t *watch, json_t *view)
{
    const gt_bulk_page_t page = {x->param, watch->cursor, watch->outcome, (int)watch->limit};

    GT_TRY(gt_bulk_page(view, x->store, &page, x->r->pool));
    gtm_answer_json(x, HTTP_OK, view);
    return GT_OK;
}

static gt_err_t *show_now(gtm_request_t *x, const watch_t *watch)
{
    gt_bulk_job_t *job;

    GT_TRY(gt_bulk_find(&job, x->store, x->param, x->r->pool));
    if (job == NULL)
        return no_job(x->r->pool);
    return answer(x, watch, gt_json_own(gt_bulk_json(job, x->r->pool), x->r->pool));
}

/** 1 when there is something that the client does not know, or never will be. */
static int find_news(watch_t *watch, const json_t *view)
{
    const char *state = gt_json_text(view, "state");
    apr_int64_t done;

    if (state == NULL || strcmp(state, "done") == 0 || !gt_json_number(&done, view, "done"))
        return 1;
    if (watch->state == NULL)
        watch->state = apr_pstrdup(watch->pool, state);
    return watch->known != done || strcmp(watch->state, state) != 0;
}

static gt_err_t *look(gtm_request_t *x, gt_task_t *task, watch_t *watch, apr_pool_t *scratch)
{
    const gt_vault_parts_t *parts = gt_vault_parts(x->child->vault);
    const apr_time_t now = gt_ticks();
    apr_time_t next;
    json_t *view;
    int is_known;

    GT_TRY(gt_bulk_look(&view, &is_known, parts, x->store, x->param, scratch));
    if (is_known && view == NULL)
        return no_job(x->r->pool);
    if (is_known && (find_news(watch, view) || now >= watch->until))
        return answer(x, watch, view);
    next = now + (is_known ? LOOK_EVERY : LOOK_SOON);
    gt_again_at(task, is_known && next > watch->until ? watch->until : next);
    return GT_OK;
}

static gt_err_t *show_job(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    watch_t *watch = x->own;
    apr_pool_t *scratch;
    gt_err_t *err;

    if (watch->wait == 0)
        return show_now(x, watch);
    apr_pool_create(&scratch, x->r->pool);
    err = gt_err_dup(look(x, task, watch, scratch), x->r->pool);
    apr_pool_destroy(scratch);
    return err;
}

static gt_step_fn *const show_steps[] = {read_query, show_job, NULL};
const gt_work_t gtm_token_bulk_show = {"one bulk job", show_steps, NULL};

static gt_step_fn *const list_steps[] = {list_jobs, NULL};
const gt_work_t gtm_token_bulk_list = {"list of bulk jobs", list_steps, NULL};

/* ---- stop and continue ---- */

/** Either may be asked for again, by another administrator, too: the job is as it was wanted. */
static gt_err_t *set(gtm_request_t *x, int is_stopped)
{
    const watch_t none = {.outcome = -1};
    apr_pool_t *p = x->r->pool;

    GT_TRY(gt_bulk_is_there(x->store, p));
    GT_TRY(gt_bulk_stop(x->store, x->param, is_stopped, p));
    if (!is_stopped)
        GT_TRY(gt_bulk_call(x->store, p));
    return show_now(x, &none);
}

static gt_err_t *stop(gt_task_t *task, void *state)
{
    (void)task;
    return set(state, 1);
}

static gt_err_t *go_on(gt_task_t *task, void *state)
{
    (void)task;
    return set(state, 0);
}

static gt_step_fn *const stop_steps[] = {stop, NULL};
const gt_work_t gtm_token_bulk_stop = {"stop a bulk job", stop_steps, NULL};

static gt_step_fn *const go_on_steps[] = {go_on, NULL};
const gt_work_t gtm_token_bulk_continue = {"continue a bulk job", go_on_steps, NULL};
