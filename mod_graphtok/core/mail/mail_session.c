/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Three steps that run once more when the token is refused. */

#include "mail/mail_session.h"

#include <inttypes.h>

#include "base/log.h"
#include "oauth/provider.h"
#include "vault/grant_key.h"

#define RESOURCE_OUTLOOK "outlook"

/* Microsoft gives a token of its own for mail; others one for all. */
static const char *resource_of(const gt_provider_conf_t *conf)
{
    return conf->kind == GT_KIND_MICROSOFT ? RESOURCE_OUTLOOK : NULL;
}

static gt_err_t *provider_of(gt_provider_t **provider, const gt_mail_session_t *open, apr_pool_t *p)
{
    *provider = gt_vault_provider(open->vault, open->account->owner.provider);
    return *provider != NULL
               ? GT_OK
               : gt_err(p, GT_NOT_FOUND, "GT1606", "there is no provider %s in the configuration",
                        open->account->owner.provider);
}

static gt_err_t *get_secret(gt_task_t *task, void *state)
{
    gt_mail_session_t *open = state;
    apr_int64_t refused = open->token.token.generation;
    apr_pool_t *p = gt_task_pool(task);
    gt_provider_t *provider;

    GT_TRY(provider_of(&provider, open, p));
    if (open->account->by_password) {
        GT_TRY(gt_mail_account_password(&open->password, open->account, open->store, p));
        return open->password != NULL
                   ? GT_OK
                   : gt_err(p, GT_SIGN_IN, "GT1607",
                            "the account has no password: graphtokctl account password %" PRId64,
                            (int64_t)open->account->id);
    }
    open->token =
        (gt_token_for_t){.vault = open->vault,
                         .key = {.grant = gt_grant_key(open->store, &open->account->owner),
                                 .resource = resource_of(gt_provider_conf(provider))},
                         .use = GT_USE_CALL,
                         .asker = open->asker,
                         .refresh_now = open->was_refused,
                         .refused = refused};
    gt_then(task, &gt_token_for, &open->token);
    return GT_OK;
}

static gt_err_t *dial(gt_mail_session_t *open, gt_loop_t *loop, apr_pool_t *p)
{
    const char *url = gt_mail_server_url(&open->account->incoming, "imap", p);
    gt_request_t route = {.url = NULL};
    gt_imap_server_t server;
    gt_provider_t *provider;

    GT_TRY(provider_of(&provider, open, p));
    GT_TRY(gt_provider_route(&route, provider, p));
    if (url == NULL)
        return gt_err(p, GT_INVALID, "GT1608", "the account has no mail server that can be called");
    server = (gt_imap_server_t){.url = url,
                                .ca_file = route.ca_file,
                                .pins = route.pins,
                                .local_end = route.local_end,
                                .proxy = route.proxy,
                                .proxy_login = route.proxy_login,
                                .connect_timeout = route.connect_timeout};
    return gt_imap_session_make(&open->session, &server, loop, p);
}

static gt_err_t *sign_in(gt_task_t *task, void *state)
{
    gt_mail_session_t *open = state;

    if (open->pool == NULL)
        open->pool = gt_task_pool(task);
    GT_TRY(dial(open, gt_task_loop(task), open->pool));
    open->token_ends_at = open->password == NULL ? open->token.token.expires_at : 0;
    open->sign_in =
        (gt_imap_sign_in_t){.session = open->session,
                            .mailbox = open->account->address,
                            .token = open->password == NULL ? open->token.token.access : NULL,
                            .password = open->password};
    gt_then_try(task, &gt_imap_sign_in, &open->sign_in, &open->refusal);
    return GT_OK;
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_mail_session_t *open = state;

    if (open->refusal == GT_OK)
        return GT_OK;
    if (open->refusal->cls != GT_SIGN_IN || open->password != NULL)
        return open->refusal;
    if (open->was_refused)
        return gt_err_in(open->refusal, "the user must sign in again");
    open->was_refused = 1;
    gt_log(GT_LOG_INFO, NULL, "mail account %" PRId64 ": %s; it is refreshed",
           (int64_t)open->account->id, open->refusal->detail);
    gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const steps[] = {get_secret, sign_in, judge, NULL};
const gt_work_t gt_mail_session_open = {"a session with a mail server", steps, NULL};
