/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_health.c
 * The health route set: whether sign-in and calls can work now, and sums over
 * tokens with the time when they were counted. 200 when healthy, 503 when not. For load balancers
 * two more: whether this child serves, and whether it is to be sent requests. None of them costs
 * the database more than a question a second. The answers are the same for all and name no user.
 */

#include <ap_mpm.h>
#include <http_protocol.h>

#include "admin/grant_view.h"
#include "base/clock.h"
#include "request/answer.h"
#include "routes/mail_work.h"
#include "routes/route_sets.h"
#include "routes/token_sums.h"

typedef struct health_t {
    gt_discover_t discover;
    gt_err_t *failure; /* of the provider's discovery, or NULL */
} health_t;

typedef struct verdict_t {
    apr_time_t last; /* when the provider last answered; 0: never */
    int provider_is_well;
    int store_is_up;
    int http;           /* status of the answer */
    const char *status; /* the same in a word */
} verdict_t;

static const char *up_or_down(int is_up)
{
    return is_up ? "up" : "down";
}

static gt_err_t *ask_provider(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    health_t *own = apr_pcalloc(x->r->pool, sizeof(*own));
    apr_time_t last;
    int is_well;

    x->own = own;
    own->discover.provider = x->provider;
    /* A failure may be over: no other call would ask before the next sign-in. */
    gt_provider_health(&last, &is_well, x->provider);
    own->discover.probe = !is_well;
    gt_then_try(task, &gt_discover, &own->discover, &own->failure);
    return GT_OK;
}

/* How things stand, once a provider that was not well has been asked again. */
static verdict_t judge(gtm_request_t *x)
{
    const health_t *own = x->own;
    verdict_t v = {0};

    gt_provider_health(&v.last, &v.provider_is_well, x->provider);
    if (own->failure != GT_OK)
        v.provider_is_well = 0;
    v.store_is_up = gt_survey_ping(gt_vault_survey(x->child->vault, x->store), x->r->pool);
    v.http = v.provider_is_well && v.store_is_up ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE;
    v.status = v.http == HTTP_OK ? "healthy" : "unhealthy";
    return v;
}

/* When the first of the provider's credentials ends, and whether that is soon; null: not known. */
static void show_expiry(json_t *value, const gtm_request_t *x)
{
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    gt_expiry_t expiries[GT_EXPIRIES_MAX];
    int count = gt_credentials_expiries(expiries, gt_provider_credentials(x->provider));
    const gt_expiry_t *first = NULL;
    int is_over;

    for (int i = 0; i < count; i++)
        if (first == NULL || expiries[i].at < first->at)
            first = &expiries[i];
    gt_json_set(value, "credential", first != NULL ? first->what : NULL);
    gt_json_set_time(value, "credential_ends", first != NULL ? first->at : 0, x->r->pool);
    gt_json_set_bool(value, "credential_ends_soon",
                     first != NULL &&
                         gt_expiry_alarm(&is_over, first, conf, gt_now(), x->r->pool) != NULL);
}

static gt_err_t *show_health(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    verdict_t v = judge(x);
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "status", v.status);
    gt_json_set(value, "service",
                strcmp(x->param, "microsoft") == 0 ? "microsoft_graph" : x->param);
    gt_json_set_bool(value, "configured", 1);
    gt_json_set_time(value, "last_check", gt_now(), x->r->pool);
    gt_json_set(value, "provider", up_or_down(v.provider_is_well));
    gt_json_set_time(value, "provider_last_answer", v.last, x->r->pool);
    show_expiry(value, x);
    gt_json_set(value, "database", up_or_down(v.store_is_up));
    gtm_answer_json(x, v.http, value);
    return GT_OK;
}

static gt_err_t *show_overall(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    verdict_t v = judge(x);
    json_t *value = gt_json_object(x->r->pool), *provider = gt_json_object(x->r->pool);
    json_t *list = json_array();

    (void)task;
    gt_json_set(provider, "provider", x->owner.provider);
    gt_json_set(provider, "status", up_or_down(v.provider_is_well));
    gt_json_set_time(provider, "last_answer", v.last, x->r->pool);
    show_expiry(provider, x);
    json_array_append(list, provider);
    gt_json_set(value, "status", v.status);
    gt_json_put(value, "providers", list);
    gt_json_set(value, "database", up_or_down(v.store_is_up));
    gt_json_set_time(value, "last_check", gt_now(), x->r->pool);
    gtm_answer_json(x, v.http, value);
    return GT_OK;
}

static gt_err_t *show_tokens(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool);
    gt_grant_stats_t stats;

    (void)task;
    GT_TRY(gt_survey_stats(&stats, gt_vault_survey(x->child->vault, x->store), x->r->pool));
    gt_json_set(value, "store", x->dir->store);
    gt_stats_show(value, &stats);
    gt_json_set_bool(value, "complete", stats.is_whole);
    gt_json_set_time(value, "last_check", gt_now() - stats.age, x->r->pool);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* ---- for load balancers ---- */

static gt_err_t *show_live(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "status", "live");
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* Since the signal; child_stopping comes after the last request of prefork's child. */
static int child_ends(void)
{
    int state = 0;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

static void tell_of_provider(json_t *value, const gtm_request_t *x, const gt_vault_t *vault)
{
    const char *name = x->dir->provider;
    gt_provider_t *provider = name != NULL ? gt_vault_provider(vault, name) : NULL;
    apr_time_t last;
    int is_well;

    if (provider == NULL)
        return;
    gt_provider_health(&last, &is_well, provider);
    gt_json_set(value, "provider", up_or_down(is_well));
    gt_json_set_time(value, "provider_last_answer", last, x->r->pool);
}

/* A provider that is away makes no child unready: it would make all of them so at once, and tokens
 * that are still valid go on being served. */
static gt_err_t *show_ready(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    const gt_vault_t *vault = x->child->vault;
    const gt_store_t *store = gt_vault_store(vault, x->dir->store);
    json_t *value = gt_json_object(p);
    int ends = child_ends(), has_keys = store != NULL && gt_store_has_keys(store, p) == GT_OK;
    int is_up = store != NULL && gt_survey_ping(gt_vault_survey(vault, store), p);
    int is_ready = is_up && has_keys && !ends;

    (void)task;
    gt_json_set(value, "status", is_ready ? "ready" : "unready");
    gt_json_set(value, "keys", up_or_down(has_keys));
    gt_json_set_bool(value, "ending", ends);
    gt_json_set(value, "database", up_or_down(is_up));
    tell_of_provider(value, x, vault);
    gtm_answer_json(x, is_ready ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE, value);
    return GT_OK;
}

static gt_step_fn *const live_steps[] = {show_live, NULL};
static const gt_work_t live = {"life", live_steps, NULL};

static gt_step_fn *const ready_steps[] = {show_ready, NULL};
static const gt_work_t ready = {"readiness", ready_steps, NULL};

static gt_step_fn *const health_steps[] = {ask_provider, show_health, NULL};
static const gt_work_t health = {"health", health_steps, NULL};

static gt_step_fn *const overall_steps[] = {ask_provider, show_overall, NULL};
static const gt_work_t overall = {"overall health", overall_steps, NULL};

static gt_step_fn *const tokens_steps[] = {show_tokens, NULL};
const gt_work_t gtm_token_sums = {"token statistics", tokens_steps, NULL};

#define OF_CHILD GTM_LIMIT_NONE, .demands = GTM_NO_CALLER | GTM_NO_GRANT
#define FOR_ALL GTM_LIMIT_NONE, .demands = GTM_NO_CALLER | GTM_ANYONE
#define OF_PROVIDER GTM_LIMIT_NONE, .demands = GTM_NO_CALLER | GTM_ANYONE | GTM_NAMES_PROVIDER

/* None is limited: a balancer that got 429 would take the server out. */
const gtm_route_t gtm_health_routes[] = {
    {"live", "GET", "/live", OF_CHILD, .work = &live},
    {"ready", "GET", "/ready", OF_CHILD, .work = &ready},
    {"overall", "GET", "/", FOR_ALL, .work = &overall},
    {"oauth-tokens", "GET", "/oauth-tokens", FOR_ALL, .work = &gtm_token_sums},
    {"email-sync", "GET", "/email-sync", FOR_ALL, .work = &gtm_mail_health},
    {"tokens", "GET", "/{}/tokens", OF_PROVIDER, .work = &gtm_token_sums},
    {"health", "GET", "/{}", OF_PROVIDER, .work = &health},
    {.name = NULL}};
