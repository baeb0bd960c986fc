/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mailing.c
 * The job: the account's token or password, the session, once more with a fresh token where the
 * first is refused, and the outcome in one place at the end.
 */

#include "mail/mailing.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "oauth/provider.h"
#include "vault/grant_key.h"

#define OUTLOOK "outlook" /* Microsoft has a token of its own for mail */
#define ANY_NAME "localhost.localdomain"
#define PASSES_IN apr_time_from_sec(60)

static apr_array_header_t *texts_dup(const apr_array_header_t *texts, apr_pool_t *p)
{
    apr_array_header_t *copy = apr_array_make(p, texts->nelts, sizeof(const char *));

    for (int i = 0; i < texts->nelts; i++)
        APR_ARRAY_PUSH(copy, const char *) = apr_pstrdup(p, APR_ARRAY_IDX(texts, i, const char *));
    return copy;
}

static gt_mail_account_t *account_dup(const gt_mail_account_t *account, apr_pool_t *p)
{
    gt_mail_account_t *copy = apr_pmemdup(p, account, sizeof(*copy));

    copy->owner = gt_owner_dup(&account->owner, p);
    copy->address = apr_pstrdup(p, account->address);
    copy->outgoing.host = apr_pstrdup(p, account->outgoing.host);
    copy->password = apr_pstrdup(p, account->password);
    return copy;
}

void *gt_mailing_init(const void *params, apr_pool_t *p)
{
    const gt_mailing_t *asked = params;
    gt_mailing_t *made = apr_pcalloc(p, sizeof(*made));

    made->vault = asked->vault;
    made->store = asked->store;
    made->asker = gt_asker_dup(asked->asker, p);
    made->ends_by = asked->ends_by;
    made->account = account_dup(asked->account, p);
    made->from = apr_pstrdup(p, asked->from);
    made->recipients = texts_dup(asked->recipients, p);
    made->fields = texts_dup(asked->fields, p);
    made->row = asked->row;
    made->row.owner = gt_owner_dup(&asked->row.owner, p);
    made->row.key = apr_pstrdup(p, asked->row.key);
    made->row.holder = apr_pstrdup(p, asked->row.holder);
    made->row.message_id = apr_pstrdup(p, asked->row.message_id);
    made->smtp.bytes = gt_compose(&made->smtp.len, &asked->wish, p);
    return made;
}

/* ---- outcomes ---- */

gt_send_state_t gt_mailing_state(const gt_err_t *err, int is_said)
{
    if (is_said)
        return GT_SEND_UNKNOWN;
    switch (err->cls) {
    case GT_UPSTREAM:
    case GT_TIMEOUT:
    case GT_THROTTLED:
    case GT_STORE_AWAY:
    case GT_BUSY:
    case GT_CANCELLED:
        return GT_SEND_TEMPORARY;
    default:
        return GT_SEND_REFUSED;
    }
}

gt_err_t *gt_mailing_told(gt_err_t *err, gt_send_state_t state, const char *message_id)
{
    err->outcome = gt_send_state_text(state);
    err->message_id = apr_pstrdup(err->pool, message_id);
    if (state == GT_SEND_TEMPORARY) {
        err->status = 503;
        err->retry_after = gt_err_wait(err) > 0 ? gt_err_wait(err) : PASSES_IN;
    }
    if (state == GT_SEND_UNKNOWN) {
        err->status = 504;
        err->retry_after = 0;
        err->may_be_done = 1;
        err = gt_err_in(err,
                        "the mail may have been sent: look for its Message-ID %s among the "
                        "mails that were sent, before it is sent again",
                        message_id);
    }
    return err;
}

/* A user who has signed in again, or whose administrator has mended the account, may repeat it. */
static gt_send_state_t state_of_row(gt_send_state_t state, const gt_err_t *err)
{
    int is_of_account = err != GT_OK && (err->cls == GT_SIGN_IN || err->cls == GT_INTERACTION ||
                                         err->cls == GT_CLIENT_BROKEN || err->cls == GT_INTERNAL ||
                                         err->cls == GT_DAMAGED);

    return state == GT_SEND_REFUSED && is_of_account ? GT_SEND_TEMPORARY : state;
}

void gt_mailing_record(const gt_mailing_t *mailing, gt_send_state_t state, int status,
                       apr_pool_t *p)
{
    gt_err_t *err = gt_send_end(mailing->store, &mailing->row, state, status, p);

    if (err != GT_OK)
        gt_log_err(err, "outcome of a mail with a key");
}

/* ---- steps ---- */

static gt_provider_t *provider_of(const gt_mailing_t *mailing)
{
    return gt_vault_provider(mailing->vault, mailing->account->owner.provider);
}

/* The request that asked is to tell the outcome. A job that outlives it would tell none, and hold
 * up the end of its process. */
static apr_interval_time_t time_left(const gt_mailing_t *mailing)
{
    apr_interval_time_t left = mailing->ends_by - gt_ticks();

    if (mailing->ends_by == 0 || left > GT_MAILING_LONGEST)
        return GT_MAILING_LONGEST;
    return left > 0 ? left : 1;
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_mailing_t *mailing = state;
    apr_pool_t *p = gt_task_pool(task);

    gt_task_limit(task, time_left(mailing));
    if (provider_of(mailing) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT1672", "there is no provider %s in the configuration",
                      mailing->account->owner.provider);
    if (!mailing->account->by_password)
        return GT_OK;
    GT_TRY(gt_mail_account_password(&mailing->password, mailing->account, mailing->store, p));
    return mailing->password != NULL
               ? GT_OK
               : gt_err(
                     p, GT_FORBIDDEN, "GT1673",
                     "the account has no password: graphtokctl account password %" APR_INT64_T_FMT,
                     mailing->account->id);
}

static gt_err_t *get_token(gt_task_t *task, void *state)
{
    gt_mailing_t *mailing = state;
    const gt_provider_conf_t *conf = gt_provider_conf(provider_of(mailing));
    apr_int64_t refused = mailing->token.token.generation;

    if (mailing->account->by_password)
        return GT_OK;
    mailing->token =
        (gt_token_for_t){.vault = mailing->vault,
                         .key = {.grant = gt_grant_key(mailing->store, &mailing->account->owner),
                                 .resource = conf->kind == GT_KIND_MICROSOFT ? OUTLOOK : NULL},
                         .use = GT_USE_CALL,
                         .asker = mailing->asker,
                         .refresh_now = mailing->was_refused,
                         .refused = refused};
    gt_then(task, &gt_token_for, &mailing->token);
    return GT_OK;
}

static gt_err_t *make_server(gt_smtp_server_t *server, const gt_mailing_t *mailing, apr_pool_t *p)
{
    const char *domain = strrchr(mailing->from, '@') + 1;
    gt_request_t route = {.url = NULL};

    GT_TRY(gt_provider_route(&route, provider_of(mailing), p));
    *server = (gt_smtp_server_t){.url = gt_mail_server_url(&mailing->account->outgoing, "smtp", p),
                                 .name = gt_is_domain(domain) ? domain : ANY_NAME,
                                 .ca_file = route.ca_file,
                                 .pins = route.pins,
                                 .local_end = route.local_end,
                                 .proxy = route.proxy,
                                 .proxy_login = route.proxy_login,
                                 .connect_timeout = route.connect_timeout};
    return server->url != NULL ? GT_OK
                               : gt_err(p, GT_INVALID, "GT1674",
                                        "the account's server for sending cannot be called");
}

static gt_err_t *say(gt_task_t *task, void *state)
{
    gt_mailing_t *mailing = state;
    gt_smtp_send_t *smtp = &mailing->smtp;

    GT_TRY(make_server(&smtp->server, mailing, gt_task_pool(task)));
    smtp->loop = gt_task_loop(task);
    smtp->mailbox = mailing->account->address;
    smtp->by_password = mailing->account->by_password;
    smtp->secret = smtp->by_password ? mailing->password : mailing->token.token.access;
    smtp->from = mailing->from;
    smtp->recipients = mailing->recipients;
    smtp->fields = mailing->fields;
    gt_then_try(task, &gt_smtp_send, smtp, &mailing->refusal);
    return GT_OK;
}

static const gt_work_t again;

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_mailing_t *mailing = state;
    gt_err_t *err = mailing->refusal;

    if (err == GT_OK || err->cls != GT_SIGN_IN || mailing->was_refused)
        return err;
    mailing->was_refused = 1;
    gt_log(GT_LOG_INFO, NULL, "mail account %" APR_INT64_T_FMT ": %s; it is refreshed",
           mailing->account->id, err->detail);
    gt_instead(task, &again, mailing);
    return GT_OK;
}

/* However it ends: also with its process, in good order, or by its time. */
static void conclude(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_mailing_t *mailing = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_send_state_t end =
        err == GT_OK ? GT_SEND_SENT : gt_mailing_state(err, mailing->smtp.is_said);
    gt_notice_t notice = {.kind = GT_NOTICE_MAIL,
                          .store = gt_store_name(mailing->store),
                          .provider = mailing->account->owner.provider,
                          .user = mailing->account->owner.user,
                          .asker = mailing->asker,
                          .err = err};

    if (mailing->row.key != NULL)
        gt_mailing_record(mailing, state_of_row(end, err), err != GT_OK ? gt_err_status(err) : 0,
                          p);
    notice.detail =
        apr_psprintf(p, "%s: account %" APR_INT64_T_FMT ", %s, %s", gt_send_state_text(end),
                     mailing->account->id, mailing->row.message_id,
                     gt_counted(mailing->recipients->nelts, "recipient", "recipients", p));
    gt_notice(&notice);
}

static gt_step_fn *const again_steps[] = {get_token, say, judge, NULL};
static const gt_work_t again = {"send a mail by a fresh token", again_steps, NULL};

static gt_step_fn *const steps[] = {begin, get_token, say, judge, NULL};
const gt_work_t gt_mailing = {"send a mail", steps, conclude};
