/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_tokens.c
 * The tokens route set, for administrators: the sums of the location's store, its grants by page,
 * one of them, and acts on one. A grant is named by its row's id; those of other stores are out of
 * reach here. The administrator stands in the audit beside the user.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/grant_page.h"
#include "admin/grant_view.h"
#include "admin/operation.h"
#include "base/clock.h"
#include "base/text.h"
#include "jobs/cleanup.h"
#include "request/answer.h"
#include "routes/route_sets.h"
#include "routes/token_sums.h"

#define PAGE 50       /* grants, unless the query says how many */
#define PAGE_MOST 500 /* grants */
#define DAYS_MOST 36500

/* ---- tidying ---- */

/* A piece at a time, so that the thread serves others in between. */
static gt_err_t *clean(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_due_counts_t *counts = x->own;
    int more;

    if (counts == NULL)
        x->own = counts = apr_pcalloc(x->r->pool, sizeof(*counts));
    GT_TRY(gt_cleanup(counts, &more, x->store, x->child->config, x->r->pool));
    if (more)
        gt_again_at(task, gt_ticks());
    return GT_OK;
}

static gt_err_t *show_cleaned(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gt_due_counts_t *counts = x->own;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "store", x->dir->store);
    gt_json_set_number(value, "deactivated", counts->expired);
    gt_json_set_number(value, "removed", counts->removable);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* ---- a page of grants ---- */

/** The parameters of a list, as they are read, and the mistakes in them. */
typedef struct list_query_t {
    gt_pick_t pick;
    apr_int64_t limit;
    gt_err_t *wrong; /* NULL: none so far */
    apr_pool_t *pool;
} list_query_t;

static void mistake(list_query_t *query, const char *name, const char *message)
{
    if (query->wrong == NULL)
        query->wrong =
            gt_err(query->pool, GT_INVALID, "GT1201", "the query of this list is not understood");
    gt_err_field(query->wrong, name, message);
}

static int read_parameter(void *baton, const char *name, const char *value)
{
    list_query_t *query = baton;

    if (strcmp(name, "q") == 0)
        query->pick.name = *value != '\0' ? value : NULL;
    else if (strcmp(name, "provider") == 0)
        query->pick.provider = value;
    else if (strcmp(name, "cursor") == 0)
        query->pick.after = *value != '\0' ? value : NULL;
    else if (strcmp(name, "status") == 0) {
        query->pick.status = gt_status_of_name(value);
        if (query->pick.status < 0)
            mistake(query, name, "active, inactive or needs-user");
    }
    else if (strcmp(name, "limit") == 0) {
        if (!gt_number(&query->limit, value, 1, PAGE_MOST))
            mistake(query, name, apr_psprintf(query->pool, "a number from 1 to %d", PAGE_MOST));
    }
    else if (strcmp(name, "days") == 0) {
        if (!gt_number(&query->pick.days, value, 0, DAYS_MOST))
            mistake(query, name, "days from now within which the token ends: 0 to 36500");
    }
    else
        mistake(query, "(another)",
                "the parameters are q, status, provider, days, limit and cursor");
    return 1;
}

static gt_err_t *show_grants(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool), *grants = json_array();
    list_query_t query = {.pick = gt_pick_all(), .limit = PAGE, .pool = x->r->pool};
    const char *next;

    (void)task;
    gt_json_put(value, "grants", grants);
    query.pick.store = x->dir->store;
    query.pick.is_question = 1;
    apr_table_do(read_parameter, &query, x->query, NULL);
    GT_TRY(query.wrong);
    GT_TRY(gt_pick_check(&query.pick, x->child->config, x->r->pool));
    GT_TRY(gt_grant_page(grants, &next, &query.pick, query.limit, gt_vault_parts(x->child->vault),
                         x->r->pool));
    gt_json_set(value, "store", x->dir->store);
    gt_json_set(value, "next", next);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* ---- one grant ---- */

/** An act on one grant. */
typedef struct act_t {
    const gt_operation_t *operation;
    gt_target_t target;
    void *work_state;
} act_t;

/* The same for an id of another store, of no store, and for a text that is none. */
static gt_err_t *find_grant(gt_grant_t **grant, const gtm_request_t *x)
{
    GT_TRY(gt_grant_by_id(grant, x->store, x->param, x->r->pool));
    return *grant != NULL
               ? GT_OK
               : gt_err(x->r->pool, GT_NOT_FOUND, "GT1202", "this store has no grant of this id");
}

static gt_err_t *show_grant(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_grant_t *grant;

    (void)task;
    GT_TRY(find_grant(&grant, x));
    GT_TRY(gt_grant_take_name(grant, x->store, x->r->pool));
    gtm_answer_json(x, HTTP_OK,
                    gt_json_own(gt_grant_json(x->store, grant, x->r->pool), x->r->pool));
    return GT_OK;
}

static gt_err_t *begin_act(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    act_t *act = apr_pcalloc(x->r->pool, sizeof(*act));
    const char *name = x->param2 != NULL ? x->param2 : "revoke";
    gt_grant_t *grant;

    x->own = act;
    act->operation = gt_operation_named(name);
    if (act->operation == NULL)
        return gt_err(x->r->pool, GT_NOT_FOUND, "GT1203", "a grant can be asked to %s",
                      gt_operation_names(x->r->pool));
    GT_TRY(find_grant(&grant, x));
    act->target = (gt_target_t){x->store, *grant, &x->asker};
    act->work_state = act->operation->make(x->child->vault, &act->target, x->r->pool);
    gt_then(task, act->operation->work, act->work_state);
    return GT_OK;
}

static gt_err_t *show_act(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const act_t *act = x->own;
    json_t *value = gt_json_object(x->r->pool);
    const char *detail;

    (void)task;
    GT_TRY(act->operation->judge(&detail, act->work_state, x->r->pool));
    gt_json_set(value, "id", act->target.grant.id);
    gt_json_set(value, "status", act->operation->done);
    gt_json_set(value, "detail", detail);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const cleanup_steps[] = {clean, show_cleaned, NULL};
static const gt_work_t cleanup = {"cleanup", cleanup_steps, NULL};

static gt_step_fn *const grants_steps[] = {show_grants, NULL};
static const gt_work_t grants = {"list of grants", grants_steps, NULL};

static gt_step_fn *const grant_steps[] = {show_grant, NULL};
static const gt_work_t grant = {"one grant", grant_steps, NULL};

static gt_step_fn *const act_steps[] = {begin_act, show_act, NULL};
static const gt_work_t act = {"act on a grant", act_steps, NULL};

#define ADMIN GTM_LIMIT_USER, .demands = GTM_ADMINISTRATOR

const gtm_route_t gtm_tokens_routes[] = {
    {"status", "GET", "/status", ADMIN, .work = &gtm_token_sums},
    {"cleanup", "POST", "/cleanup_tokens", ADMIN, .work = &cleanup},
    {"grants", "GET", "/grants", ADMIN, .work = &grants},
    {"grant", "GET", "/grants/{}", ADMIN, .work = &grant},
    {"act", "POST", "/grants/{}/{}", ADMIN, .work = &act},
    {"act", "DELETE", "/grants/{}", ADMIN, .work = &act},
    {.name = NULL}};
