/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file token_list.c The grants of the location's store, by page. */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/grant_page.h"
#include "base/text.h"
#include "request/answer.h"
#include "routes/token_work.h"

#define PAGE 50       /* grants, unless the query says how many */
#define PAGE_MOST 500 /* grants */
#define DAYS_MOST 36500

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
        if (!gt_pick_status(&query->pick, value))
            mistake(query, name, "active, inactive, needs-user or failing");
    }
    else if (strcmp(name, "sort") == 0) {
        if (!gt_pick_order(&query->pick, value))
            mistake(query, name, "user, expires, -expires, updated or -updated");
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
                "the parameters are q, status, provider, days, sort, limit and cursor");
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

static gt_step_fn *const list_steps[] = {show_grants, NULL};
const gt_work_t gtm_token_list = {"list of grants", list_steps, NULL};
