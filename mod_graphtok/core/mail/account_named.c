/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file account_named.c An id is looked up; an address is looked for among the user's accounts. */

#include "mail/account_named.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

#define MOST 200 /* accounts of a user that are looked through */

static gt_err_t *wrong(const char *message, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_INVALID, "GT1663", "the mail account is not named as expected");

    gt_err_field(err, "account", message);
    return err;
}

static gt_err_t *missing(const char *detail, apr_pool_t *p)
{
    return gt_err(p, GT_NOT_FOUND, "GT1664", "%s", detail);
}

static gt_err_t *by_id(gt_mail_account_t **account, gt_store_t *store, const char *user,
                       apr_int64_t id, apr_pool_t *p)
{
    GT_TRY(gt_mail_account_get(account, store, id, user, p));
    return *account != NULL ? GT_OK : missing("you have no mail account with this id", p);
}

/* @param address  NULL: the only one */
static gt_err_t *by_address(gt_mail_account_t **account, gt_store_t *store, const char *user,
                            const char *address, apr_pool_t *p)
{
    apr_array_header_t *list;

    *account = NULL;
    GT_TRY(gt_mail_account_list(&list, store, user, 0, MOST, p));
    for (int i = 0; i < list->nelts; i++) {
        gt_mail_account_t *one = &APR_ARRAY_IDX(list, i, gt_mail_account_t);

        if (address != NULL && strcasecmp(one->address, address) != 0)
            continue;
        if (*account != NULL)
            return wrong("say which of your accounts by its id (GET accounts lists them)", p);
        *account = one;
    }
    if (*account != NULL)
        return GT_OK;
    return missing(address != NULL
                       ? "you have no mail account with this address"
                       : "you have no mail account: sign in with the right to your mail",
                   p);
}

gt_err_t *gt_account_named(gt_mail_account_t **account, gt_store_t *store, const char *user,
                           const json_t *named, apr_pool_t *p)
{
    const char *text = json_string_value(named);
    apr_int64_t id = json_is_integer(named) ? json_integer_value(named) : 0;

    *account = NULL;
    if (named == NULL || json_is_null(named))
        return by_address(account, store, user, NULL, p);
    if (text != NULL && strchr(text, '@') != NULL)
        return by_address(account, store, user, text, p);
    if (text != NULL && !gt_number(&id, text, 1, INT64_MAX))
        id = 0;
    if (id < 1)
        return wrong("must be the id of one of your mail accounts, or its address", p);
    return by_id(account, store, user, id, p);
}
