/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file deliver.c
 * An item is a lane: its first notification, which was claimed, and then those behind it, each
 * claimed when the one before is delivered. A process that dies leaves a claim that ends by itself;
 * the notification is then delivered again, by its id the same.
 */

#include "hooks/deliver.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notice.h"
#include "base/secret.h"
#include "base/text.h"
#include "conf/hooks.h"
#include "hooks/sign.h"
#include "jobs/job_item.h"
#include "net/transfer.h"
#include "store/delivery.h"
#include "task/reader.h"

#define EVERY apr_time_from_sec(1)
#define SLICES 4     /* of a second, of all nodes together */
#define CLAIMS 128   /* lanes of a slice */
#define IN_A_ROW 100 /* notifications of an item; then others have their turn */
#define TIMEOUT apr_time_from_sec(20)
#define CONNECT_TIMEOUT apr_time_from_sec(5)
#define REST apr_time_from_sec(30) /* of a claim that a call begins within */
#define ANSWER_MAX 65536
#define SECRET_WAIT apr_time_from_sec(30) /* until a secret that is away is asked for again */
#define FRESH apr_time_from_sec(5)
#define LONGEST_WISH apr_time_from_sec(3600) /* of an application's Retry-After */
#define GONE 410

enum { DELIVERED, FAILED };

typedef struct delivering_t {
    const gt_job_item_t *item;
    gt_delivery_t *now; /* claimed; NULL: none */
    apr_pool_t *own;    /* of this notification */
    gt_read_t read;     /* of the secret */
    gt_err_t *secret_failure;
    gt_transfer_t *transfer;
    int count;      /* so far */
    int has_failed; /* 1: the last one did */
} delivering_t;

static const gt_store_conf_t *conf_of(const delivering_t *d)
{
    return gt_store_conf(d->item->store);
}

/* ---- the message ---- */

static const char *message_id(const delivering_t *d, apr_pool_t *p)
{
    return apr_psprintf(p, "msg_%s_%" APR_INT64_T_FMT "_%" APR_INT64_T_FMT, conf_of(d)->name,
                        d->now->id, d->now->received_at);
}

/* The same in each try. */
static const char *message_body(const delivering_t *d, apr_pool_t *p)
{
    const gt_delivery_t *now = d->now;
    json_t *body = gt_json_object(p), *data = json_object(), *notification;

    gt_json_set(body, "type", apr_pstrcat(p, now->kind, ".", now->change_type, NULL));
    gt_json_set_time(body, "timestamp", apr_time_from_sec(now->received_at), p);
    gt_json_put(body, "data", data);
    gt_json_set(data, "store", conf_of(d)->name);
    gt_json_set(data, "user", now->owner.user);
    gt_json_set(data, "provider", now->owner.provider);
    if (gt_json_parse(&notification, now->body, strlen(now->body), p) == GT_OK)
        json_object_set(data, "notification", notification);
    return gt_json_dump(body, p);
}

static gt_err_t *make_request(gt_request_t *request, const delivering_t *d, apr_pool_t *p)
{
    const gt_signed_t message = {message_id(d, p), apr_time_sec(gt_now()), message_body(d, p)};
    apr_array_header_t *headers = apr_array_make(p, 3, sizeof(const char *));
    const char *signature;

    GT_TRY(gt_webhook_sign(&signature, &message, d->read.secret, p));
    APR_ARRAY_PUSH(headers, const char *) = apr_pstrcat(p, "webhook-id: ", message.id, NULL);
    APR_ARRAY_PUSH(headers, const char *) =
        apr_psprintf(p, "webhook-timestamp: %" APR_INT64_T_FMT, message.timestamp);
    APR_ARRAY_PUSH(headers, const char *) = apr_pstrcat(p, "webhook-signature: ", signature, NULL);
    *request = (gt_request_t){.method = "POST",
                              .url = conf_of(d)->deliver,
                              .headers = headers,
                              .content_type = "application/json",
                              .body = gt_secret_from(message.body, p),
                              .answer_max = ANSWER_MAX,
                              .connect_timeout = CONNECT_TIMEOUT,
                              .timeout = TIMEOUT,
                              .purpose = "delivery"};
    return GT_OK;
}

/* ---- the steps of one notification ---- */

/* A claim that is nearly over is no good for a call: another process may have it meanwhile. */
static gt_err_t *read_secret(gt_task_t *task, void *state)
{
    delivering_t *d = state;

    if (gt_ticks() - d->now->claimed_at > GT_DELIVERY_CLAIM - REST) {
        gt_done(task);
        return GT_OK;
    }
    d->read = (gt_read_t){.readers = gt_vault_parts(gt_jobs_vault(d->item->jobs))->readers,
                          .source = conf_of(d)->deliver_secret,
                          .fresh = FRESH};
    gt_then_try(task, &gt_read, &d->read, &d->secret_failure);
    return GT_OK;
}

/* Without the secret nothing is sent, and no try is counted. */
static gt_err_t *hold(gt_task_t *task, delivering_t *d, const gt_err_t *failure)
{
    gt_delivery_t *held = d->now;

    gt_log(GT_LOG_ERROR, "GT1115", "store %s: notifications cannot be signed, and wait: %s (%s)",
           conf_of(d)->name, failure->detail, failure->tag);
    d->now = NULL;
    gt_done(task);
    return gt_delivery_let_go(d->item->store, held, SECRET_WAIT, gt_task_pool(task));
}

static gt_err_t *send_it(gt_task_t *task, void *state)
{
    delivering_t *d = state;
    gt_request_t request;
    gt_err_t *failure = d->secret_failure;

    if (failure == GT_OK)
        failure = make_request(&request, d, d->own);
    if (failure != GT_OK)
        return hold(task, d, failure);
    GT_TRY(gt_transfer_make(&d->transfer, &request, gt_task_loop(task), d->own));
    gt_await(task, d->transfer);
    return GT_OK;
}

/* The wait that follows a try; 0: it was the last one. */
static apr_interval_time_t wait_after(const delivering_t *d, const gt_answer_t *answer)
{
    apr_interval_time_t wait = gt_hooks_wait(conf_of(d), d->now->attempts, d->own);
    const char *wish = answer != NULL ? apr_table_get(answer->headers, "Retry-After") : NULL;
    apr_interval_time_t wished = wish != NULL ? gt_retry_after(wish) : 0;

    if (wished > LONGEST_WISH)
        wished = LONGEST_WISH;
    return wait > 0 && wished > wait ? wished : wait;
}

static void tell(const delivering_t *d, const char *what)
{
    const gt_notice_t notice = {.kind = GT_NOTICE_DELIVERED,
                                .store = conf_of(d)->name,
                                .provider = d->now->owner.provider,
                                .user = d->now->owner.user,
                                .detail = what};

    gt_notice(&notice);
}

static void tell_failed(const delivering_t *d, const gt_delivery_failure_t *failure)
{
    const gt_delivery_t *now = d->now;

    tell(d, failure->is_dead ? "dead" : "retried");
    if (failure->is_dead)
        gt_log(GT_LOG_WARNING, "GT1116",
               "store %s: notification %" APR_INT64_T_FMT " of user %s was not taken at "
               "GraphTokDeliver in %d tries, and is dead: %s",
               conf_of(d)->name, now->id, now->owner.user, now->attempts + 1, failure->error);
}

/* 410 says that the address is gone: no later try would find it. */
static gt_err_t *fail(delivering_t *d, const gt_answer_t *answer, const gt_err_t *err)
{
    gt_delivery_failure_t failure = {.status = answer != NULL ? answer->status : 0,
                                     .again = wait_after(d, answer)};
    int ours;

    failure.is_dead = failure.again == 0 || failure.status == GONE;
    failure.error = err != GT_OK ? apr_psprintf(d->own, "%s (%s)", err->detail, err->tag)
                                 : apr_psprintf(d->own, "status %d", failure.status);
    d->has_failed = 1;
    GT_TRY(gt_delivery_failed(&ours, d->item->store, d->now, &failure, d->own));
    if (ours)
        tell_failed(d, &failure);
    else
        gt_log(GT_LOG_INFO, NULL,
               "store %s: notification %" APR_INT64_T_FMT
               " was not taken, after its claim had ended",
               conf_of(d)->name, d->now->id);
    return GT_OK;
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    delivering_t *d = state;
    gt_err_t *err = gt_transfer_error(d->transfer, d->own);
    const gt_answer_t *answer = gt_transfer_answer(d->transfer);
    int is_taken = err == GT_OK && answer != NULL && answer->status >= 200 && answer->status < 300;

    (void)task;
    if (is_taken) {
        GT_TRY(gt_delivery_done(d->item->store, d->now, answer->status, d->own));
        tell(d, "delivered");
    }
    else
        GT_TRY(fail(d, answer, err));
    gt_jobs_count(d->item->jobs, d->item->kind, is_taken ? DELIVERED : FAILED, 1);
    return GT_OK;
}

/* One that is delivered, or dead, makes room for the next of its lane. */
static gt_err_t *go_on(gt_task_t *task, void *state)
{
    delivering_t *d = state;
    apr_pool_t *p = gt_task_pool(task), *own;
    gt_delivery_t *next;

    d->count++;
    if (d->has_failed || d->count >= IN_A_ROW) {
        d->now = NULL;
        return GT_OK;
    }
    apr_pool_create(&own, p);
    GT_TRY(gt_delivery_next(&next, d->item->store, d->now, own));
    d->now = next;
    apr_pool_destroy(d->own);
    d->own = own;
    if (next != NULL)
        gt_repeat(task);
    return GT_OK;
}

/* A process that stops, or a failure of the database, leaves the claim to others at once. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    delivering_t *d = state;
    gt_err_t *left = GT_OK;

    (void)err;
    if (d->now != NULL)
        left = gt_delivery_let_go(d->item->store, d->now, 0, gt_task_pool(task));
    if (left != GT_OK)
        gt_log_err(left, "leaving a notification, whose claim ends by itself");
}

static gt_step_fn *const steps[] = {read_secret, send_it, judge, go_on, NULL};
static const gt_work_t lane_work = {"deliveries of a lane", steps, finish};

/* ---- the kind ---- */

static apr_interval_time_t every(const gt_config_t *config)
{
    return gt_hooks_are_delivered(config) ? EVERY : 0;
}

static const void *copy(const void *payload, apr_pool_t *p)
{
    return gt_delivery_dup(payload, p);
}

static void *make(const gt_job_item_t *item, apr_pool_t *p)
{
    delivering_t *d = apr_pcalloc(p, sizeof(*d));

    d->item = item;
    apr_pool_create(&d->own, p);
    d->now = gt_delivery_dup(item->payload, d->own);
    return d;
}

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    return gt_delivery_let_go(item->store, item->payload, 0, p);
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    (void)item;
    if (failure != GT_OK && failure->cls != GT_CANCELLED)
        gt_log_err(failure, "delivering notifications");
}

static gt_err_t *claim(gt_slice_t *slice)
{
    apr_array_header_t *deliveries, *found;

    if (!gt_hooks_deliver(gt_store_conf(slice->store)) ||
        !gt_subscriptions_are_kept(slice->store, slice->pool))
        return GT_OK;
    GT_TRY(gt_delivery_claim(&deliveries, slice->store, gt_jobs_worker(slice->jobs), CLAIMS,
                             slice->pool));
    found = apr_array_make(slice->pool, deliveries->nelts, sizeof(gt_job_found_t));
    for (int i = 0; i < deliveries->nelts; i++) {
        const gt_delivery_t *one = &APR_ARRAY_IDX(deliveries, i, gt_delivery_t);

        APR_ARRAY_PUSH(found, gt_job_found_t) = (gt_job_found_t){
            one, apr_psprintf(slice->pool, "%" APR_INT64_T_FMT " %s", one->id, one->claim)};
    }
    gt_job_items_start(slice, found, gt_ticks(), 0, 0);
    return GT_OK;
}

const gt_job_kind_t gt_job_deliveries = {
    .name = "deliveries",
    .results = {"delivered", "delivery_failed"},
    .parts = SLICES,
    .budget = 512,
    .is_apart = 1,
    .back_off = apr_time_from_sec(2),
    .back_off_most = apr_time_from_sec(60),
    .every = every,
    .slice = claim,
    .work = &lane_work,
    .copy = copy,
    .make = make,
    .let_go = let_go,
    .note = note,
};
