/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_accounts.c
 * The mail accounts of the location's store, for administrators: by page, one by its id, and acts
 * on one or on all of them.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/mail_acts.h"
#include "base/text.h"
#include "request/answer.h"
#include "routes/token_work.h"

#define PAGE 50       /* accounts, unless the query says how many */
#define PAGE_MOST 500 /* accounts */

/** The parameters of a list, as they are read, and the mistakes in them. */
typedef struct accounts_query_t {
    const char *user; /* NULL: all */
    apr_int64_t after, limit;
    gt_err_t *wrong; /* NULL: none so far */
    apr_pool_t *pool;
} accounts_query_t;

static void mistake(accounts_query_t *query, const char *name, const char *message)
{
    if (query->wrong == NULL)
        query->wrong =
            gt_err(query->pool, GT_INVALID, "GT1214", "the query of this list is not understood");
    gt_err_field(query->wrong, name, message);
}

static int read_parameter(void *baton, const char *name, const char *value)
{
    accounts_query_t *query = baton;

    if (strcmp(name, "user") == 0)
        query->user = *value != '\0' ? value : NULL;
    else if (strcmp(name, "cursor") == 0) {
        if (*value != '\0' && !gt_number(&query->after, value, 0, INT64_MAX))
            mistake(query, name, "as `next` of the page before gives it");
    }
    else if (strcmp(name, "limit") == 0) {
        if (!gt_number(&query->limit, value, 1, PAGE_MOST))
            mistake(query, name, apr_psprintf(query->pool, "a number from 1 to %d", PAGE_MOST));
    }
    else
        mistake(query, "(another)", "the parameters are user, limit and cursor");
    return 1;
}

static gt_err_t *show_list(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    json_t *value = gt_json_object(p), *list = json_array();
    accounts_query_t query = {.limit = PAGE, .pool = p};
    apr_array_header_t *accounts;

    (void)task;
    gt_json_put(value, "accounts", list);
    gt_json_set(value, "store", x->dir->store);
    apr_table_do(read_parameter, &query, x->query, NULL);
    GT_TRY(query.wrong);
    GT_TRY(gt_mail_account_list(&accounts, x->store, query.user, query.after, (int)query.limit, p));
    for (int i = 0; i < accounts->nelts; i++) {
        const gt_mail_account_t *account = &APR_ARRAY_IDX(accounts, i, gt_mail_account_t);

        query.after = account->id;
        json_array_append_new(list, gt_mail_account_json(account, p));
    }
    gt_json_set(value, "next",
                accounts->nelts == query.limit ? apr_psprintf(p, "%" APR_INT64_T_FMT, query.after)
                                               : NULL);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* The same for an id of another store, of no store, and for a text that is none. */
static gt_err_t *no_account(apr_pool_t *p)
{
    return gt_err(p, GT_NOT_FOUND, "GT1215", "this store has no mail account of this id");
}

static gt_err_t *show_one(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    gt_mail_account_t *account = NULL;
    apr_int64_t id;

    (void)task;
    if (gt_number(&id, x->param, 1, INT64_MAX))
        GT_TRY(gt_mail_account_get(&account, x->store, id, NULL, p));
    if (account == NULL)
        return no_account(p);
    gtm_answer_json(x, HTTP_OK, gt_json_own(gt_mail_account_json(account, p), p));
    return GT_OK;
}

/* On the account of the path, or on all where the path names none. */
static gt_err_t *act(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    const char *name = x->param2 != NULL ? x->param2 : x->param;
    const gt_mail_act_t *wanted = gt_mail_act_named(name);
    json_t *value = gt_json_object(p);
    apr_int64_t id = GT_MAIL_ALL;
    int changed;

    (void)task;
    if (wanted == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT1216", "mail accounts can be asked to %s",
                      gt_mail_act_names(p));
    if (x->param2 != NULL && !gt_number(&id, x->param, 1, INT64_MAX))
        return no_account(p);
    GT_TRY(gt_mail_act(&changed, wanted, x->store, id, &x->asker, p));
    if (id != GT_MAIL_ALL)
        gt_json_set_number(value, "id", id);
    gt_json_set(value, "status", wanted->done);
    gt_json_set_number(value, "changed", changed);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const list_steps[] = {show_list, NULL};
const gt_work_t gtm_token_accounts = {"list of mail accounts", list_steps, NULL};

static gt_step_fn *const one_steps[] = {show_one, NULL};
const gt_work_t gtm_token_account = {"one mail account", one_steps, NULL};

static gt_step_fn *const act_steps[] = {act, NULL};
const gt_work_t gtm_token_account_act = {"act on mail accounts", act_steps, NULL};
