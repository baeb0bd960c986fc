/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file smtp_sign_in.c
 * The greeting and AUTH (RFC 4954). The response goes on a line of its own, after the server's 334:
 * with a command before it a token would pass the 512 bytes of a command line.
 */

#include <apr_strings.h>

#include "mail/smtp_session.h"
#include "net/sasl.h"

static gt_err_t *greet(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;

    GT_TRY(gt_transfer_error(send->session->transfer, gt_task_pool(task)));
    return gt_smtp_ask(task, send->session, "EHLO %s", send->server.name);
}

/* @return -1: the server offers none that serves */
static int choose(const gt_smtp_send_t *send)
{
    int auth = send->session->can.auth;

    if (send->by_password)
        return auth & GT_SMTP_PLAIN ? GT_SASL_PLAIN : -1;
    return auth & GT_SMTP_XOAUTH2       ? GT_SASL_XOAUTH2
           : auth & GT_SMTP_OAUTHBEARER ? GT_SASL_OAUTHBEARER
                                        : -1;
}

static gt_err_t *read_extensions(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;
    apr_pool_t *p = gt_task_pool(task);

    if (session->reply->code != 250)
        return gt_smtp_refusal(session->reply, GT_SMTP_AT_HELLO, p);
    session->can = gt_smtp_can(session->reply);
    if (session->can.size_most > 0 && (apr_int64_t)send->len > session->can.size_most)
        return gt_err(p, GT_TOO_LARGE, "GT1661",
                      "the mail is too large: it has %" APR_SIZE_T_FMT
                      " bytes, and the mail server takes %" APR_INT64_T_FMT,
                      send->len, session->can.size_most);
    session->mechanism = choose(send);
    if (session->mechanism < 0)
        return gt_err(p, GT_UPSTREAM, "GT1649", "the mail server offers no sign-in by %s",
                      send->by_password ? "a password (PLAIN)" : "a token (XOAUTH2, OAUTHBEARER)");
    return gt_smtp_ask(task, session, "AUTH %s", gt_sasl_name((gt_sasl_t)session->mechanism));
}

static gt_err_t *refuse(const gt_smtp_send_t *send, apr_pool_t *p)
{
    const gt_smtp_session_t *session = send->session;
    gt_err_t *err = gt_smtp_refusal(session->reply,
                                    send->by_password ? GT_SMTP_AT_PASSWORD : GT_SMTP_AT_TOKEN, p);

    err = gt_sasl_hush(err, send->secret, p);
    return session->response != NULL ? gt_sasl_hush(err, session->response, p) : err;
}

static gt_err_t *respond(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;

    if (session->reply->code != 334)
        return refuse(send, gt_task_pool(task));
    session->response = gt_sasl_response((gt_sasl_t)session->mechanism, send->mailbox, send->secret,
                                         gt_task_pool(task));
    return gt_smtp_ask_secret(task, session, gt_secret_text(session->response));
}

/* A further 334 holds the reason of a refusal, which the server says once more in words behind
 * it. */
static gt_err_t *hear_challenge(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;

    if (send->session->reply->code != 334)
        return GT_OK;
    return gt_smtp_ask(task, send->session, "%s", gt_sasl_end((gt_sasl_t)send->session->mechanism));
}

static gt_err_t *conclude(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;

    return send->session->reply->code == 235 ? GT_OK : refuse(send, gt_task_pool(task));
}

static gt_step_fn *const steps[] = {greet,          read_extensions, respond,
                                    hear_challenge, conclude,        NULL};
const gt_work_t gt_smtp_sign_in = {"sign-in at a mail server", steps, NULL};
