/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_acquire.c
 * Have a token of an account of the server itself, as the program whose routes these are had one of
 * its only account. Where the location's store has several, the body names one.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "base/text.h"
#include "conf/account.h"
#include "request/answer.h"
#include "routes/token_work.h"

/** The body. */
typedef struct asked_t {
    const char *type, *name; /* NULL: not given */
    int is_anew;
    const gt_account_conf_t *account;
    gt_token_for_t token;
    gt_err_t *wrong;
    apr_pool_t *pool;
} asked_t;

static const char *type_of(const gt_account_conf_t *account)
{
    return account->grant == GT_GRANT_PASSWORD ? "ropc" : "client_credentials";
}

static void mistake(asked_t *asked, const char *name, const char *message)
{
    if (asked->wrong == NULL)
        asked->wrong =
            gt_err(asked->pool, GT_INVALID, "GT1230", "the token that is wanted is not understood");
    gt_err_field(asked->wrong, name, message);
}

static gt_err_t *read_body(asked_t *asked, json_t *json)
{
    const char *name;
    json_t *value;

    json_object_foreach (json, name, value) {
        if (strcmp(name, "token_type") == 0) {
            asked->type = json_string_value(value);
            if (asked->type == NULL || (strcmp(asked->type, "ropc") != 0 &&
                                        strcmp(asked->type, "client_credentials") != 0))
                mistake(asked, name, "ropc or client_credentials");
        }
        else if (strcmp(name, "force_refresh") == 0) {
            asked->is_anew = json_is_true(value);
            if (!json_is_boolean(value))
                mistake(asked, name, "true or false");
        }
        else if (strcmp(name, "account") == 0) {
            asked->name = json_string_value(value);
            if (asked->name == NULL)
                mistake(asked, name, "the name of a <GraphTokAccount NAME>");
        }
        else
            mistake(asked, "(another)", "the members are token_type, force_refresh and account");
    }
    return asked->wrong;
}

static int is_meant(const asked_t *asked, const gt_account_conf_t *account, const gtm_request_t *x)
{
    return strcmp(account->store, x->dir->store) == 0 &&
           (asked->type == NULL || strcmp(asked->type, type_of(account)) == 0) &&
           (asked->name == NULL || strcmp(asked->name, account->name) == 0);
}

/** "events (ropc), sync (client_credentials)" of all accounts of the store; NULL: it has none. */
static const char *list_of(const gtm_request_t *x)
{
    const apr_array_header_t *accounts = x->child->config->accounts;
    const asked_t any = {.type = NULL};
    const char *list = NULL;

    for (int i = 0; i < accounts->nelts; i++) {
        const gt_account_conf_t *account = APR_ARRAY_IDX(accounts, i, gt_account_conf_t *);

        if (is_meant(&any, account, x))
            list = apr_pstrcat(x->r->pool, list != NULL ? list : "", list != NULL ? ", " : "",
                               account->name, " (", type_of(account), ")", NULL);
    }
    return list;
}

static gt_err_t *find_account(asked_t *asked, const gtm_request_t *x)
{
    const apr_array_header_t *accounts = x->child->config->accounts;
    const char *list = list_of(x);
    int found = 0;

    for (int i = 0; i < accounts->nelts; i++) {
        const gt_account_conf_t *account = APR_ARRAY_IDX(accounts, i, gt_account_conf_t *);

        if (is_meant(asked, account, x)) {
            asked->account = account;
            found++;
        }
    }
    if (found == 1)
        return GT_OK;
    if (list == NULL)
        return gt_err(x->r->pool, GT_NOT_FOUND, "GT1231",
                      "store %s has no account: write a <GraphTokAccount NAME> for it",
                      x->dir->store);
    if (found == 0)
        return gt_err(x->r->pool, GT_NOT_FOUND, "GT1232", "store %s has no such account; it has %s",
                      x->dir->store, list);
    return gt_err(x->r->pool, GT_CONFLICT, "GT1233",
                  "several accounts are meant: say which one as \"account\"; store %s has %s",
                  x->dir->store, list);
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    asked_t *asked = apr_pcalloc(p, sizeof(*asked));

    x->own = asked;
    asked->pool = p;
    GT_TRY(read_body(asked, x->body));
    GT_TRY(find_account(asked, x));
    asked->token =
        (gt_token_for_t){.vault = x->child->vault,
                         .key.grant = gt_account_key(x->child->config, asked->account, p),
                         .use = GT_USE_LOOK,
                         .asker = &x->asker,
                         .anew = asked->is_anew};
    gt_then(task, &gt_token_for, &asked->token);
    return GT_OK;
}

/** The token itself stays here. */
static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const asked_t *asked = x->own;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "store", x->dir->store);
    gt_json_set(value, "account", asked->account->name);
    gt_json_set(value, "token_type", type_of(asked->account));
    gt_json_set(value, "status", "acquired");
    gt_json_set_time(value, "expires_at", asked->token.token.expires_at, x->r->pool);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, show, NULL};
const gt_work_t gtm_token_acquire = {"acquire an account's token", steps, NULL};
