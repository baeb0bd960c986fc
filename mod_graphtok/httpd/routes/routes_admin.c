/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_admin.c
 * The pages for administrators. The work of a page is that of the API's route, whose JSON becomes
 * HTML; below /api the whole API is served for the pages' script.
 */

#include <httpd.h>

#include "admin/admin_assets.h"
#include "admin/admin_pages.h"
#include "routes/route_sets.h"
#include "routes/token_work.h"

static int keep_given(void *baton, const char *name, const char *value)
{
    if (*value != '\0' && strcmp(name, "done") != 0)
        apr_table_addn(baton, name, value);
    return 1;
}

/* A form sends its empty fields as well, and the address after an act says what was done: both mean
 * nothing to the list. */
static gt_err_t *begin(gt_task_t *task, gtm_request_t *x, const gt_work_t *work)
{
    apr_table_t *given = apr_table_make(x->r->pool, 8);

    apr_table_do(keep_given, given, x->query, NULL);
    x->query = given;
    gt_instead(task, work, x);
    return GT_OK;
}

static gt_err_t *begin_list(gt_task_t *task, void *state)
{
    return begin(task, state, &gtm_token_list);
}

static gt_err_t *begin_accounts(gt_task_t *task, void *state)
{
    return begin(task, state, &gtm_token_accounts);
}

static gt_step_fn *const list_steps[] = {begin_list, NULL};
static const gt_work_t list = {"table of grants", list_steps, NULL};

static gt_step_fn *const accounts_steps[] = {begin_accounts, NULL};
static const gt_work_t accounts = {"table of mail accounts", accounts_steps, NULL};

#define PAGE GTM_LIMIT_USER, .demands = GTM_ADMINISTRATOR
#define FORM GTM_LIMIT_USER, .demands = GTM_ADMINISTRATOR, .body = GTM_BODY_FORM

const gtm_route_t gtm_admin_routes[] = {
    {"overview", "GET", "/", PAGE, .work = &gtm_token_overview, .page = gtm_admin_overview},
    {"grants", "GET", "/grants", PAGE, .work = &list, .page = gtm_admin_grants},
    {"grant", "GET", "/grants/{}", PAGE, .work = &gtm_token_grant, .page = gtm_admin_grant},
    {"act", "POST", "/grants/{}/{}", FORM, .work = &gtm_token_act, .page = gtm_admin_acted},
    {"accounts", "GET", "/accounts", PAGE, .work = &accounts, .page = gtm_admin_accounts},
    {"account-act", "POST", "/accounts/{}/{}", FORM, .work = &gtm_token_account_act,
     .page = gtm_admin_account_acted},
    {"cleanup", "POST", "/cleanup", FORM, .work = &gtm_token_cleanup, .page = gtm_admin_cleaned},
    {"bulk", "GET", "/bulk", PAGE, .work = &gtm_token_bulk_list, .page = gtm_admin_jobs},
    {"bulk", "GET", "/bulk/{}", PAGE, .work = &gtm_token_bulk_show, .page = gtm_admin_job},
    {"bulk", "POST", "/bulk/{}/stop", FORM, .work = &gtm_token_bulk_stop,
     .page = gtm_admin_job_set},
    {"bulk", "POST", "/bulk/{}/continue", FORM, .work = &gtm_token_bulk_continue,
     .page = gtm_admin_job_set},
    {"assets", "GET", "/assets/{}", GTM_LIMIT_NONE, .demands = GTM_ADMINISTRATOR,
     .work = &gtm_admin_asset},
    {.name = NULL}};
