/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_tokens.c
 * The tokens route set, for administrators: sums, tidying, and the grants of the location's store.
 */

#include <httpd.h>

#include "base/clock.h"
#include "jobs/cleanup.h"
#include "request/answer.h"
#include "routes/route_sets.h"
#include "routes/token_sums.h"
#include "routes/token_work.h"

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

static gt_step_fn *const cleanup_steps[] = {clean, show_cleaned, NULL};
const gt_work_t gtm_token_cleanup = {"cleanup", cleanup_steps, NULL};

#define ADMIN GTM_LIMIT_USER, .demands = GTM_ADMINISTRATOR
#define PLAIN GTM_LIMIT_USER, .demands = GTM_ADMINISTRATOR, .body = GTM_BODY_NOTHING

const gtm_route_t gtm_tokens_routes[] = {
    {"status", "GET", "/status", ADMIN, .work = &gtm_token_sums},
    {"cleanup", "POST", "/cleanup_tokens", PLAIN, .work = &gtm_token_cleanup},
    {"acquire", "POST", "/acquire_token", ADMIN, GTM_BODY_MAYBE_JSON, .work = &gtm_token_acquire},
    {"validate", "POST", "/validate_tokens", PLAIN, .work = &gtm_token_validate},
    {"overview", "GET", "/overview", ADMIN, .work = &gtm_token_overview},
    {"grants", "GET", "/grants", ADMIN, .work = &gtm_token_list},
    {"grant", "GET", "/grants/{}", ADMIN, .work = &gtm_token_grant},
    {"act", "POST", "/grants/{}/{}", PLAIN, .work = &gtm_token_act},
    {"act", "DELETE", "/grants/{}", PLAIN, .work = &gtm_token_act},
    {"bulk", "POST", "/bulk", ADMIN, GTM_BODY_JSON, .work = &gtm_token_bulk_ask},
    {"bulk", "GET", "/bulk", ADMIN, .work = &gtm_token_bulk_list},
    {"bulk", "GET", "/bulk/{}", ADMIN, .work = &gtm_token_bulk_show},
    {"bulk", "POST", "/bulk/{}/stop", PLAIN, .work = &gtm_token_bulk_stop},
    {"bulk", "POST", "/bulk/{}/continue", PLAIN, .work = &gtm_token_bulk_continue},
    {"accounts", "GET", "/accounts", ADMIN, .work = &gtm_token_accounts},
    {"account", "GET", "/accounts/{}", ADMIN, .work = &gtm_token_account},
    {"account-act", "POST", "/accounts/{}", PLAIN, .work = &gtm_token_account_act},
    {"account-act", "POST", "/accounts/{}/{}", PLAIN, .work = &gtm_token_account_act},
    {.name = NULL}};
