/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Making and showing bulk jobs. A job that names its grants is added to in pieces, so that no
 * statement takes long; until the last one no other process sees it. A name or an address in a
 * filter means few grants, which are looked up at once.
 */

#include "admin/bulk.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/bulk_work.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

#define PIECE 1000 /* ids of a statement */
#define ID_BYTES 9 /* random ones of a job's id */
#define LOOK_EVERY apr_time_from_sec(1)
#define LOOK_SERVES apr_time_from_sec(5) /* longer than the next look takes */

/* ---- filters ---- */

const char *gt_bulk_filter_text(const gt_pick_t *pick, apr_pool_t *p)
{
    json_t *json = gt_json_object(p);

    if (pick->status >= 0)
        gt_json_set_number(json, "status", pick->status);
    if (pick->is_failing)
        gt_json_set_bool(json, "failing", 1);
    if (pick->provider != NULL)
        gt_json_set(json, "provider", pick->provider);
    if (pick->days >= 0)
        gt_json_set_number(json, "days", pick->days);
    return gt_json_dump(json, p);
}

/* A member that is missing keeps its value. */
static int read_number(apr_int64_t *number, const json_t *json, const char *key)
{
    return json_object_get(json, key) == NULL || gt_json_number(number, json, key);
}

gt_err_t *gt_bulk_filter_read(gt_grant_filter_t *filter, const char *text, apr_pool_t *p)
{
    apr_int64_t status = -1, days = -1;
    json_t *json;

    if (gt_json_parse(&json, text, strlen(text), p) != GT_OK ||
        !read_number(&status, json, "status") || !read_number(&days, json, "days") ||
        !gt_json_optional_text(&filter->provider, json, "provider") || status < -1 ||
        status > GT_NEEDS_USER || days > INT32_MAX)
        return gt_err(p, GT_DAMAGED, "GT0987", "the filter of a bulk job cannot be read");
    filter->status = (int)status;
    filter->is_failing = json_is_true(json_object_get(json, "failing"));
    filter->within = days < 0 ? -1 : days * 86400;
    return GT_OK;
}

/* ---- making ---- */

static gt_err_t *add_picked(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                            apr_pool_t *scratch)
{
    gt_bulk_begin_t *begin = baton;
    const char *id = apr_pstrdup(begin->named->pool, grant->id);

    (void)go_on, (void)store, (void)scratch;
    APR_ARRAY_PUSH(begin->named, gt_bulk_named_t) =
        (gt_bulk_named_t){id, gt_grant_plain_id(id, begin->named->pool)};
    return GT_OK;
}

/** The grants that are named, or that a name means. */
static gt_err_t *name_grants(gt_bulk_begin_t *begin, apr_pool_t *p)
{
    gt_walk_t walk = {.pick = begin->pick,
                      .config = begin->parts->config,
                      .db = begin->parts->db,
                      .fn = add_picked,
                      .baton = begin};

    begin->named =
        apr_array_make(p, begin->ids != NULL ? begin->ids->nelts : 1, sizeof(gt_bulk_named_t));
    for (int i = 0; begin->ids != NULL && i < begin->ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(begin->ids, i, const char *);

        APR_ARRAY_PUSH(begin->named, gt_bulk_named_t) =
            (gt_bulk_named_t){id, gt_grant_plain_id(id, p)};
    }
    return begin->ids == NULL ? gt_pick_each(&walk, p) : GT_OK;
}

static gt_err_t *make_job(gt_task_t *task, void *state)
{
    gt_bulk_begin_t *begin = state;
    apr_pool_t *p = gt_task_pool(task);
    const int is_filter = begin->pick != NULL && begin->pick->name == NULL;
    gt_bulk_job_t job = {.id = gt_random_text(ID_BYTES, p),
                         .act = begin->operation->name,
                         .administrator = begin->asker->administrator,
                         .address = begin->asker->address,
                         .request_id = begin->asker->request_id};

    GT_TRY(gt_bulk_is_there(begin->store, p));
    if (is_filter)
        job.filter = gt_bulk_filter_text(begin->pick, p);
    else
        GT_TRY(name_grants(begin, p));
    GT_TRY(gt_bulk_make(begin->store, &job, p));
    begin->id = job.id;
    if (!is_filter)
        return GT_OK;
    gt_done(task);
    return gt_bulk_call(begin->store, p);
}

/* A piece at a time, so that the thread serves others in between. */
static gt_err_t *add_piece(gt_task_t *task, void *state)
{
    gt_bulk_begin_t *begin = state;
    const int left = begin->named->nelts - begin->added;
    const apr_array_header_t *named = begin->named;
    apr_array_header_t piece = *named;

    if (left <= 0)
        return GT_OK;
    piece.elts += (apr_size_t)begin->added * (apr_size_t)piece.elt_size;
    piece.nelts = left < PIECE ? left : PIECE;
    GT_TRY(gt_bulk_add(begin->store, begin->id, begin->added, &piece, gt_task_pool(task)));
    begin->added += piece.nelts;
    if (begin->added < named->nelts)
        gt_again_at(task, gt_ticks());
    return GT_OK;
}

static gt_err_t *hand_over(gt_task_t *task, void *state)
{
    gt_bulk_begin_t *begin = state;
    apr_pool_t *p = gt_task_pool(task);

    GT_TRY(gt_bulk_filled(begin->store, begin->id, NULL, p));
    return gt_bulk_call(begin->store, p);
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_bulk_begin_t *begin = state;

    (void)task;
    if (err == GT_OK)
        gt_log(GT_LOG_INFO, NULL, "bulk job %s of store %s: %s, asked for by %s", begin->id,
               gt_store_name(begin->store), begin->operation->name,
               begin->asker->administrator != NULL ? begin->asker->administrator : "-");
}

static gt_step_fn *const steps[] = {make_job, add_piece, hand_over, NULL};
const gt_work_t gt_bulk_begin = {"bulk job", steps, finish};

/* ---- showing ---- */

static const char *const outcomes[] = {"waiting", "succeeded", "failed"};

int gt_bulk_outcome_of_name(const char *name)
{
    for (int outcome = GT_BULK_WAITS; outcome <= GT_BULK_FAILED; outcome++)
        if (strcmp(name, outcomes[outcome]) == 0)
            return outcome;
    return -1;
}

const char *gt_bulk_state(const gt_bulk_job_t *job)
{
    if (job->ended_at != 0)
        return "done";
    if (job->is_stopped)
        return job->is_busy ? "stopping" : "stopped";
    return job->begun_at != 0 ? "running" : "waiting";
}

json_t *gt_bulk_json(const gt_bulk_job_t *job, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set(json, "job", job->id);
    gt_json_set(json, "act", job->act);
    gt_json_set(json, "state", gt_bulk_state(job));
    gt_json_set_bool(json, "complete", job->is_filled);
    gt_json_set_number(json, "total", job->total);
    gt_json_set_number(json, "done", job->succeeded + job->failed);
    gt_json_set_number(json, "succeeded", job->succeeded);
    gt_json_set_number(json, "failed", job->failed);
    gt_json_set(json, "detail", job->detail);
    gt_json_set(json, "administrator", job->administrator);
    gt_json_set_time(json, "created_at", job->created_at, p);
    gt_json_set_time(json, "updated_at", job->updated_at, p);
    gt_json_set_time(json, "ended_at", job->ended_at, p);
    return json;
}

static json_t *item_json(const gt_bulk_item_t *item, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set(json, "id", item->grant_id);
    gt_json_set(json, "user", item->owner.user);
    gt_json_set(json, "provider", item->owner.provider);
    gt_json_set(json, "outcome", outcomes[item->outcome]);
    gt_json_set(json, "detail", item->detail);
    gt_json_set(json, "tag", item->tag);
    gt_json_set_time(json, "at", item->ended_at, p);
    return json;
}

/* "JOB PLACE" in base64url. */
static gt_err_t *read_cursor(apr_int64_t *after, const char *cursor, const char *job, apr_pool_t *p)
{
    const apr_size_t job_length = strlen(job);
    unsigned char *bytes;
    apr_size_t len;

    *after = -1;
    if (cursor == NULL)
        return GT_OK;
    if (gt_base64_decode(&bytes, &len, cursor, strlen(cursor), 0, p) &&
        strlen((char *)bytes) == len && len > job_length && memcmp(bytes, job, job_length) == 0 &&
        bytes[job_length] == ' ' && gt_number(after, (char *)bytes + job_length + 1, 0, INT64_MAX))
        return GT_OK;
    return gt_err(p, GT_INVALID, "GT0986", "the cursor is not one of this job's results");
}

gt_err_t *gt_bulk_page(json_t *json, gt_store_t *store, const gt_bulk_page_t *page, apr_pool_t *p)
{
    json_t *results = json_array();
    gt_bulk_rows_t rows = {.job = page->job, .outcome = page->outcome, .most = page->limit + 1};
    const char *place, *next = NULL;
    apr_array_header_t *items;

    gt_json_put(json, "results", results);
    gt_json_set(json, "next", NULL);
    GT_TRY(read_cursor(&rows.after, page->cursor, page->job, p));
    if (page->limit == 0)
        return GT_OK;
    GT_TRY(gt_bulk_items(&items, store, &rows, p));
    for (int i = 0; i < items->nelts && i < page->limit; i++) {
        const gt_bulk_item_t *item = &APR_ARRAY_IDX(items, i, gt_bulk_item_t);

        json_array_append_new(results, item_json(item, p));
        if (i + 1 == page->limit && items->nelts > page->limit) {
            place = apr_psprintf(p, "%s %" APR_INT64_T_FMT, page->job, item->n);
            next = gt_base64url(place, strlen(place), p);
        }
    }
    gt_json_set(json, "next", next);
    return GT_OK;
}

/* ---- watching ---- */

static const char *name_of(const gt_store_t *store, const char *id, apr_pool_t *p)
{
    return apr_pstrcat(p, "bulk job ", id, " of ", gt_store_name(store), NULL);
}

static gt_err_t *look_now(json_t **view, const gt_vault_parts_t *parts, gt_store_t *store,
                          const char *id, apr_pool_t *p)
{
    const char *name = name_of(store, id, p);
    gt_bulk_job_t *job;

    GT_TRY(gt_bulk_find(&job, store, id, p));
    *view = job != NULL ? gt_json_own(gt_bulk_json(job, p), p) : NULL;
    if (job != NULL)
        (void)gt_cache_keep_text(parts->cache, name, gt_json_dump(*view, p), LOOK_SERVES);
    return GT_OK;
}

gt_err_t *gt_bulk_look(json_t **view, int *is_known, const gt_vault_parts_t *parts,
                       gt_store_t *store, const char *id, apr_pool_t *p)
{
    const char *name = name_of(store, id, p);
    /* No grant's: the name of a store is never empty. */
    const gt_token_key_t claim = {{"", {name, "bulk"}}, "look"};
    const char *text;

    *view = NULL;
    *is_known = 1;
    if (gt_cache_claim(parts->cache, &claim, LOOK_EVERY))
        return look_now(view, parts, store, id, p);
    text = gt_cache_text(parts->cache, name, p);
    *is_known = text != NULL;
    return text != NULL ? gt_json_parse(view, text, strlen(text), p) : GT_OK;
}
