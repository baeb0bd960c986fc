/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file subscribe.c
 * One subscription. The hash of its secret is in the row before Graph hears of it: a notification
 * may be here before the answer that names the subscription.
 */

#include "hooks/subscribe.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/notice.h"
#include "base/text.h"
#include "conf/hooks.h"
#include "hooks/arrival_item.h"
#include "oauth/provider.h"

#define STATE_BYTES 32
#define ID_MOST 128
#define ANSWER_MAX 65536
#define REST apr_time_from_sec(60) /* our clock may be ahead of Graph's by so much */
#define FIRST_WAIT apr_time_from_sec(60)
#define LONGEST_WAIT apr_time_from_sec(3600)

static const struct {
    const char *name, *path;
} resources[] = {{"calendar", "/me/events"}, {"mail", "/me/messages"}};

static const char *path_of(const char *resource)
{
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
        if (strcmp(resources[i].name, resource) == 0)
            return resources[i].path;
    return NULL;
}

static int is_wanted(const gt_subscribe_t *s)
{
    const gt_provider_t *provider = gt_vault_provider(s->vault, s->sub->owner.provider);

    return provider != NULL && gt_provider_conf(provider)->kind == GT_KIND_MICROSOFT &&
           gt_hooks_want(gt_store_conf(s->store), s->sub->resource);
}

/* ---- what is asked ---- */

static void begin_own(gt_subscribe_t *s)
{
    const gt_call_t model = {.vault = s->vault, .key = gt_grant_key(s->store, &s->sub->owner)};

    gt_graph_ask_begin(&s->ask, &model);
    s->ask.call.answer_max = ANSWER_MAX;
}

static void set_end(json_t *body, const gt_subscribe_t *s, apr_pool_t *p)
{
    gt_json_set_time(body, "expirationDateTime",
                     gt_now() + gt_store_conf(s->store)->subscribe_time - REST, p);
}

static json_t *new_subscription(const gt_subscribe_t *s, const char *state, apr_pool_t *p)
{
    const char *url = gt_store_conf(s->store)->notification_url;
    json_t *body = gt_json_object(p);

    gt_json_set(body, "changeType", "created,updated,deleted");
    gt_json_set(body, "notificationUrl", url);
    gt_json_set(body, "lifecycleNotificationUrl", url);
    gt_json_set(body, "resource", path_of(s->sub->resource));
    gt_json_set(body, "clientState", state);
    set_end(body, s, p);
    return body;
}

static gt_err_t *make(gt_task_t *task, gt_subscribe_t *s)
{
    apr_pool_t *p = gt_task_pool(task);
    const char *state = gt_random_text(STATE_BYTES, p);
    int ours;

    GT_TRY(gt_subscription_begin(&ours, s->store, s->sub, gt_state_hash(state, p), p));
    if (!ours) {
        gt_done(task);
        return GT_OK;
    }
    begin_own(s);
    s->ask.call.params = (gt_graph_params_t){
        .method = "POST", .path = "/subscriptions", .body = new_subscription(s, state, p)};
    s->asked_for = NULL;
    s->outcome = "made";
    gt_then_try(task, &gt_graph_ask, &s->ask, &s->failure);
    return GT_OK;
}

static void renew(gt_task_t *task, gt_subscribe_t *s)
{
    apr_pool_t *p = gt_task_pool(task);
    json_t *body = gt_json_object(p);

    set_end(body, s, p);
    begin_own(s);
    s->ask.call.params = (gt_graph_params_t){
        .method = "PATCH", .path = gt_subscription_path(s->asked_for, p), .body = body};
    s->outcome = "renewed";
    gt_then_try(task, &gt_graph_ask, &s->ask, &s->failure);
}

static void end_it(gt_task_t *task, gt_subscribe_t *s)
{
    begin_own(s);
    s->ask.call.params = (gt_graph_params_t){
        .method = "DELETE", .path = gt_subscription_path(s->asked_for, gt_task_pool(task))};
    s->outcome = "ended";
    gt_then_try(task, &gt_graph_ask, &s->ask, &s->failure);
}

/* ---- steps ---- */

/* A try before this one came to no end that is known: Graph may have made one. */
static gt_err_t *look_for_strays(gt_task_t *task, void *state)
{
    gt_subscribe_t *s = state;

    s->failure = GT_OK;
    if (s->is_lost || s->sub->subscription_id != NULL || s->sub->state_hash == NULL ||
        !is_wanted(s))
        return GT_OK;
    s->strays = (gt_end_strays_t){
        .model = {.vault = s->vault, .key = gt_grant_key(s->store, &s->sub->owner)},
        .url = gt_store_conf(s->store)->notification_url,
        .resource = path_of(s->sub->resource)};
    gt_then_try(task, &gt_end_strays, &s->strays, &s->failure);
    return GT_OK;
}

static gt_err_t *ask_graph(gt_task_t *task, void *state)
{
    gt_subscribe_t *s = state;

    s->asked_for = s->is_lost ? NULL : s->sub->subscription_id;
    if (s->failure != GT_OK) {
        s->outcome = "made";
        return GT_OK;
    }
    if (is_wanted(s)) {
        if (s->asked_for == NULL)
            return make(task, s);
        renew(task, s);
    }
    else if (s->asked_for != NULL)
        end_it(task, s);
    else
        s->outcome = "ended";
    return GT_OK;
}

/* Graph tells of no change until there is another one. */
static gt_err_t *make_anew(gt_task_t *task, gt_subscribe_t *s)
{
    apr_pool_t *p = gt_task_pool(task);
    apr_array_header_t *rows = apr_array_make(p, 1, sizeof(const gt_notification_t *));
    int stored;

    s->is_lost = 1;
    APR_ARRAY_PUSH(rows, const gt_notification_t *) = gt_arrival_missed(s->sub, p);
    GT_TRY(gt_notifications_add(&stored, s->store, rows, p));
    gt_repeat(task);
    return GT_OK;
}

static apr_size_t len_without_slash(const char *url)
{
    apr_size_t len = strlen(url);

    return len > 0 && url[len - 1] == '/' ? len - 1 : len;
}

/* 1: Graph goes on to call an address that GraphTokNotificationURL had before. */
static int is_elsewhere(const gt_subscribe_t *s)
{
    const char *wanted = gt_store_conf(s->store)->notification_url;
    const char *url = gt_json_text(s->ask.root, "notificationUrl");

    return strcmp(s->outcome, "renewed") == 0 && url != NULL &&
           (len_without_slash(url) != len_without_slash(wanted) ||
            strncmp(url, wanted, len_without_slash(wanted)) != 0);
}

/* Graph has ended one that we thought alive, or its address is another one by now. */
static gt_err_t *look_for_loss(gt_task_t *task, void *state)
{
    gt_subscribe_t *s = state;

    if (s->asked_for == NULL)
        return GT_OK;
    if (s->failure == GT_OK && is_elsewhere(s)) {
        s->moved = s->asked_for;
        return make_anew(task, s);
    }
    if (s->failure == GT_OK || s->failure->cls != GT_NOT_FOUND)
        return GT_OK;
    if (strcmp(s->outcome, "ended") != 0)
        return make_anew(task, s);
    s->failure = GT_OK;
    return GT_OK;
}

/* The life that Graph gave it, at most what was asked for: it tells the rest of it by its clock. */
static apr_interval_time_t life_of(const gt_subscribe_t *s)
{
    const apr_interval_time_t most = gt_store_conf(s->store)->subscribe_time;
    const char *text = gt_json_text(s->ask.root, "expirationDateTime");
    apr_time_t end;

    if (text == NULL || !gt_rfc3339_parse(&end, text) || end - gt_now() > most)
        return most;
    return end - gt_now() < REST ? REST : end - gt_now();
}

/* @return NULL: the answer names no subscription */
static const char *id_of(const gt_subscribe_t *s)
{
    const char *id = gt_json_text(s->ask.root, "id");

    return id != NULL && *id != '\0' && strlen(id) <= ID_MOST && !gt_has_control(id, strlen(id))
               ? id
               : NULL;
}

/* A trouble that may pass is tried again soon, another one when its user may have mended it. */
static apr_interval_time_t wait_after(const gt_subscribe_t *s)
{
    apr_interval_time_t wait = gt_err_wait(s->failure);
    apr_interval_time_t own = gt_class_row(s->failure->cls)->may_retry
                                  ? gt_backoff(s->sub->failures, FIRST_WAIT, LONGEST_WAIT)
                                  : LONGEST_WAIT;

    return wait > own ? wait : own;
}

static gt_err_t *note_failure(gt_subscribe_t *s, apr_pool_t *p)
{
    /* It is not wanted, and its grant does not serve to end it. */
    if (strcmp(s->outcome, "ended") == 0 && !gt_class_row(s->failure->cls)->may_retry)
        return gt_subscription_drop(s->store, s->sub, p);
    return gt_subscription_failed(s->store, s->sub,
                                  apr_psprintf(p, "%s (%s)", s->failure->detail, s->failure->tag),
                                  wait_after(s), p);
}

static gt_err_t *settle(gt_task_t *task, void *state)
{
    gt_subscribe_t *s = state;
    apr_pool_t *p = gt_task_pool(task);
    int ours;

    if (s->failure == GT_OK && strcmp(s->outcome, "made") == 0 && id_of(s) == NULL)
        s->failure = gt_err(p, GT_UPSTREAM, "GT1111", "Graph's answer names no subscription");
    if (s->failure != GT_OK)
        return note_failure(s, p);
    if (strcmp(s->outcome, "ended") == 0)
        return gt_subscription_drop(s->store, s->sub, p);
    GT_TRY(gt_subscription_done(&ours, s->store, s->sub,
                                strcmp(s->outcome, "made") == 0 ? id_of(s) : NULL, life_of(s), p));
    if (strcmp(s->outcome, "made") != 0)
        return GT_OK;
    /* The row went, or another process made one as well: this one would be listened to by none. */
    s->asked_for = ours ? s->moved : id_of(s);
    if (s->asked_for != NULL)
        end_it(task, s);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_subscribe_t *s = state;
    const gt_notice_t notice = {.kind = GT_NOTICE_SUBSCRIPTION,
                                .store = gt_store_name(s->store),
                                .provider = s->sub->owner.provider,
                                .user = s->sub->owner.user,
                                .detail = s->outcome,
                                .err = err != GT_OK ? err : s->failure};

    (void)task;
    if (s->outcome != NULL && (err == GT_OK || err->cls != GT_CANCELLED))
        gt_notice(&notice);
}

static gt_step_fn *const steps[] = {look_for_strays, ask_graph, look_for_loss, settle, NULL};
const gt_work_t gt_subscribe = {"a subscription", steps, finish};
