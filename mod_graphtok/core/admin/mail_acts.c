/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_acts.c The table of acts, and an account in words. */

#include "admin/mail_acts.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/grant.h"

static gt_err_t *start(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p)
{
    return gt_mail_account_sync(changed, store, id, 1, p);
}

static gt_err_t *stop(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p)
{
    return gt_mail_account_sync(changed, store, id, 0, p);
}

static gt_err_t *by_password(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p)
{
    return gt_mail_account_auth(changed, store, id, 1, p);
}

static gt_err_t *by_token(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p)
{
    return gt_mail_account_auth(changed, store, id, 0, p);
}

static const gt_mail_act_t acts[] = {{"sync", "due", gt_mail_account_due},
                                     {"start", "started", start},
                                     {"stop", "stopped", stop},
                                     {"password", "by password", by_password},
                                     {"oauth", "by oauth", by_token}};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

const gt_mail_act_t *gt_mail_act_named(const char *name)
{
    for (apr_size_t i = 0; i < ACTS; i++)
        if (strcmp(acts[i].name, name) == 0)
            return &acts[i];
    return NULL;
}

const char *gt_mail_act_names(apr_pool_t *p)
{
    const char *names = acts[0].name;

    for (apr_size_t i = 1; i < ACTS; i++)
        names = apr_pstrcat(p, names, ", ", acts[i].name, NULL);
    return names;
}

void gt_mail_announce(const gt_store_t *store, const gt_mail_account_t *account, const char *detail,
                      const gt_asker_t *asker)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_MAIL_ACCOUNT,
                             .store = gt_store_name(store),
                             .provider = account != NULL ? account->owner.provider : NULL,
                             .user = account != NULL ? account->owner.user : NULL,
                             .asker = asker,
                             .detail = detail});
}

gt_err_t *gt_mail_act(int *changed, const gt_mail_act_t *act, gt_store_t *store, apr_int64_t id,
                      const gt_asker_t *asker, apr_pool_t *p)
{
    gt_mail_account_t *account = NULL;

    if (id != GT_MAIL_ALL) {
        GT_TRY(gt_mail_account_get(&account, store, id, NULL, p));
        if (account == NULL)
            return gt_err(p, GT_NOT_FOUND, "GT0995",
                          "store %s has no mail account %" APR_INT64_T_FMT, gt_store_name(store),
                          id);
    }
    GT_TRY(act->run(changed, store, id, p));
    if (*changed > 0)
        gt_mail_announce(store, account, act->name, asker);
    return GT_OK;
}

const char *gt_mail_state(const gt_mail_account_t *account)
{
    if (account->halt == GT_MAIL_SWITCHED_OFF)
        return "off";
    return account->halt != GT_MAIL_RUNS ? "halted" : gt_mail_status_text(account->status);
}

const char *gt_mail_trouble(const gt_mail_account_t *account)
{
    const char *halt = gt_mail_halt_text(account->halt);

    return account->halt > GT_MAIL_SWITCHED_OFF ? halt : account->last_error;
}

static void show_server(json_t *json, const char *which, const gt_mail_server_t *server,
                        apr_pool_t *p)
{
    const char *name = apr_pstrcat(p, which, "_server", NULL);

    gt_json_set(json, name, server->host);
    if (server->host == NULL)
        return;
    gt_json_set_number(json, apr_pstrcat(p, which, "_port", NULL), server->port);
    gt_json_set(json, apr_pstrcat(p, which, "_security", NULL),
                server->is_starttls ? "starttls" : "tls");
}

static json_t *folders_json(const char *folders, apr_pool_t *p)
{
    const apr_array_header_t *names = gt_split(folders, "\n", p);
    json_t *list = json_array();

    for (int i = 0; i < names->nelts; i++)
        json_array_append_new(list, json_string(APR_ARRAY_IDX(names, i, const char *)));
    return list;
}

json_t *gt_mail_account_json(const gt_mail_account_t *account, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set_number(json, "id", account->id);
    gt_json_set(json, "user", account->owner.user);
    gt_json_set(json, "provider", account->owner.provider);
    gt_json_set(json, "email_address", account->address);
    show_server(json, "incoming", &account->incoming, p);
    gt_json_set(json, "incoming_auth_method", account->by_password ? "password" : "xoauth2");
    show_server(json, "outgoing", &account->outgoing, p);
    gt_json_set_bool(json, "has_password", account->password != NULL);
    if (account->folders != NULL)
        gt_json_put(json, "folders", folders_json(account->folders, p));
    gt_json_set_bool(json, "push", account->push);
    gt_json_set_bool(json, "sync_enabled", account->sync_enabled);
    gt_json_set(json, "sync_status", gt_mail_status_text(account->status));
    gt_json_set(json, "state", gt_mail_state(account));
    gt_json_set(json, "trouble", gt_mail_trouble(account));
    gt_json_set_time(json, "last_sync_at", account->last_sync_at, p);
    gt_json_set(json, "last_error", account->last_error);
    gt_json_set_number(json, "failures", account->failures);
    gt_json_set_time(json, "due_at", account->halt == GT_MAIL_RUNS ? account->due_at : 0, p);
    gt_json_set_time(json, "created_at", account->created_at, p);
    return json;
}

void gt_mail_sums_show(json_t *json, const gt_mail_sums_t *sums, apr_pool_t *p)
{
    json_t *day = json_object();

    gt_json_set_number(json, "total", sums->total);
    gt_json_set_number(json, "active", sums->active);
    gt_json_set_number(json, "error", sums->error);
    gt_json_set_number(json, "off", sums->off);
    gt_json_set_number(day, "tried", sums->tried);
    gt_json_set_number(day, "synced", sums->synced);
    gt_json_put(json, "last_24h", day);
    gt_json_put(json, "success_rate",
                sums->tried > 0 ? json_real((double)sums->synced / (double)sums->tried)
                                : json_null());
    gt_json_set_time(json, "last_sync_at", sums->last_sync_at, p);
}
