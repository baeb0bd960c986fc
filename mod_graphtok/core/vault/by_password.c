/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file by_password.c
 * Entra locks an account after some wrong passwords, so a refusal is written into the row, with a
 * time before which no process of any node sends this password again (store/grant_account.h).
 * Where the database cannot take it, the memory of this server's children does.
 */

#include "vault/by_password.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/grant_account.h"
#include "vault/publish.h"
#include "vault/refresh_steps.h"
#include "vault/vault_struct.h"

/* ---- the password ---- */

static gt_err_t *read_password(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->account->password == NULL) {
        r->unread = gt_err(gt_task_pool(task), GT_INVALID, "GT0638",
                           "httpd alone can read it: keep it in a file and write file:PATH");
        return GT_OK;
    }
    r->read =
        (gt_read_t){.readers = r->params.vault->parts.readers, .source = r->account->password};
    gt_then_try(task, &gt_read, &r->read, &r->unread);
    return GT_OK;
}

static gt_step_fn *const read_steps[] = {read_password, NULL};
const gt_work_t gt_read_password = {"read an account's password", read_steps, NULL};

/* ---- whether it may be sent ---- */

/** The name of a refusal among the limits: of this password, for this generation of the row. */
static const char *limit_name(const gt_refresh_t *r, apr_pool_t *p)
{
    unsigned char digest[32];
    char *text = apr_psprintf(p, "%s\n%s\n%s\n%" APR_INT64_T_FMT "\n%s", r->params.key.grant.store,
                              r->owner->provider, r->account->name, r->grant->generation,
                              gt_secret_text(r->read.secret));

    gt_wipe_with_pool(text, strlen(text), p);
    gt_sha256(digest, text, strlen(text));
    return apr_pstrcat(p, "refused password\n", gt_hex(digest, sizeof(digest), p), NULL);
}

static gt_err_t *not_again(const gt_refresh_t *r, const char *message, apr_interval_time_t left,
                           apr_pool_t *p)
{
    gt_err_t *err =
        gt_err(p, GT_CLIENT_BROKEN, "GT0623",
               "account %s was refused (%s), and its password is not sent again before %d s have "
               "passed, since each refusal may lock the account; a changed password is tried at "
               "once, and graphtokctl acquire --force %s tries this one",
               r->account->name, message != NULL ? message : "by its provider",
               (int)apr_time_sec(left) + 1, r->account->name);

    err->retry_after = left;
    err->extent = GT_EXTENT_USER;
    return err;
}

gt_err_t *gt_password_may_try(gt_refresh_t *r, apr_pool_t *p)
{
    gt_password_mark_t mark;
    apr_interval_time_t left;
    const char *name;

    if (r->unread != GT_OK)
        return gt_err_in(gt_err_dup(r->unread, p), "account %s: GraphTokAccountPassword",
                         r->account->name);
    if (r->params.anew)
        return GT_OK;
    GT_TRY(gt_grant_password_mark(&mark, r->store, r->grant, r->read.secret, p));
    if (mark.is_halted && r->grant->status == GT_INACTIVE)
        return gt_err(p, GT_FORBIDDEN, "GT0634",
                      "account %s was deactivated by an administrator: graphtokctl acquire --force "
                      "%s sets it going again",
                      r->account->name, r->account->name);
    name = limit_name(r, p);
    left = gt_limit_held(r->params.vault->pauses, name, strlen(name));
    if (mark.left > left)
        left = mark.left;
    return left > 0 ? not_again(r, mark.message, left, p) : GT_OK;
}

/* ---- sending it ---- */

static gt_err_t *send_password(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);

    GT_TRY(gt_password_may_try(r, p));
    if (gt_refresh_is_ending(r))
        return gt_refresh_given_up(p);
    r->shown = (gt_flow_password_t){r->account->user, r->read.secret};
    r->post = (gt_token_params_t){
        .provider = gt_vault_provider(r->params.vault, r->owner->provider),
        .flow = &gt_flow_password,
        .params = &r->shown,
        .resource = r->params.key.resource,
        .scope = r->scope,
        .claims = r->grant->claims,
        .trace = gt_asker_trace(r->params.asker),
    };
    r->holds = GT_HOLDS_INTENT;
    r->posted = gt_ticks();
    gt_then_try(task, &gt_token_post, &r->post, &r->failure);
    return GT_OK;
}

static void note(gt_refresh_t *r, apr_pool_t *p)
{
    const char *name = limit_name(r, p);
    gt_err_t *err;
    int noted = 0;

    err = gt_grant_password_refused(&noted, r->store, r->grant, r->read.secret, r->failure, p);
    if (err != GT_OK) {
        gt_log_err(err, "noting that a password was refused");
        gt_limit_hold(r->params.vault->pauses, r->account->retry, name, strlen(name));
    }
    if (noted) {
        r->is_noted = 1;
        r->holds = GT_HOLDS_NOTHING;
        gt_vault_forget(r->params.vault, &r->params.key.grant, r->grant->generation, p);
    }
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    gt_err_t *err = r->failure;

    if (err == GT_OK || err->cls != GT_CLIENT_BROKEN || err->extent != GT_EXTENT_USER)
        return GT_OK;
    r->holds = GT_HOLDS_LEASE;
    err->retry_after = r->account->retry;
    note(r, gt_task_pool(task));
    return gt_err_in(err, "account %s", r->account->name);
}

static gt_step_fn *const steps[] = {send_password, judge, NULL};
const gt_work_t gt_by_password = {"an account's tokens by its password", steps, NULL};
