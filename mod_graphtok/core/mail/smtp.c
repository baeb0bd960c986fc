/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file smtp.c
 * The transaction of a mail: MAIL, a RCPT for each recipient, DATA, the message. All recipients
 * are asked for before the message is sent, so that each that is refused can be named.
 */

#include "mail/smtp.h"

#include <string.h>

#include <apr_strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "mail/smtp_session.h"
#include "net/sasl.h"

/* A server may look at a mail for long before it takes it; RFC 5321 section 4.5.3.2.6 has 10
 * minutes, which no client of ours waits for. */
#define LAST_PATIENCE apr_time_from_sec(120)

static const gt_work_t ask_recipients, say_message;

/* ---- before anything is dialled ---- */

/* gt_is_email refuses controls; a quoted string may hold a '>', and a blank, which end a path. */
static int is_path(const char *address)
{
    return gt_is_email(address) && strpbrk(address, "<> ") == NULL;
}

static int is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text > 0x7F)
            return 0;
    return 1;
}

static gt_err_t *judge(const gt_smtp_send_t *send, apr_pool_t *p)
{
    if (!is_path(send->from))
        return gt_err(p, GT_INVALID, "GT1659", "the sender is no address that SMTP can name");
    for (int i = 0; i < send->recipients->nelts; i++)
        if (!is_path(APR_ARRAY_IDX(send->recipients, i, const char *)))
            return gt_err(p, GT_INVALID, "GT1659", "a recipient is no address that SMTP can name");
    if (!gt_sasl_is_clean(send->mailbox, send->secret))
        return gt_err(p, GT_INVALID, "GT1659",
                      "the name of a mailbox, or its token or password, holds a control character");
    return GT_OK;
}

static gt_err_t *dial(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    apr_pool_t *p = gt_task_pool(task);

    send->is_said = 0;
    send->reply = NULL;
    GT_TRY(judge(send, p));
    GT_TRY(gt_smtp_session_make(&send->session, &send->server, send->patience, send->loop, p));
    gt_await_head(task, send->session->transfer);
    return GT_OK;
}

static gt_err_t *sign_in(gt_task_t *task, void *state)
{
    gt_then(task, &gt_smtp_sign_in, state);
    return GT_OK;
}

/* ---- sender and recipients ---- */

static int needs_utf8(const gt_smtp_send_t *send)
{
    int needs = !is_ascii(send->from);

    for (int i = 0; i < send->recipients->nelts; i++)
        needs |= !is_ascii(APR_ARRAY_IDX(send->recipients, i, const char *));
    return needs;
}

static gt_err_t *ask_sender(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    const gt_smtp_can_t *can = &send->session->can;
    int utf8 = needs_utf8(send);

    if (utf8 && !can->smtputf8)
        return gt_err(gt_task_pool(task), GT_INVALID, "GT1660",
                      "the part before the @ of an address has letters beyond ASCII, which this "
                      "mail server cannot send to (it has no SMTPUTF8)");
    return gt_smtp_ask(task, send->session, "MAIL FROM:<%s>%s%s", send->from,
                       can->size_most > 0
                           ? apr_psprintf(gt_task_pool(task), " SIZE=%" APR_SIZE_T_FMT, send->len)
                           : "",
                       utf8 ? " BODY=8BITMIME SMTPUTF8" : "");
}

static gt_err_t *begin_recipients(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;

    if (send->session->reply->code / 100 != 2)
        return gt_smtp_refusal(send->session->reply, GT_SMTP_AT_SENDER, gt_task_pool(task));
    gt_then(task, &ask_recipients, send);
    return GT_OK;
}

static gt_err_t *ask_recipient(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;

    return gt_smtp_ask(task, send->session, "RCPT TO:<%s>",
                       APR_ARRAY_IDX(send->recipients, send->session->recipient, const char *));
}

/* All recipients that are refused for good become fields of one error, and so do those that are
 * refused for now. A server that ends the session is heard at once. */
static gt_err_t *judge_recipient(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;
    const gt_smtp_reply_t *reply = session->reply;
    int i = session->recipient++;

    if (reply->code / 100 != 2) {
        gt_err_t *err = gt_smtp_refusal(reply, GT_SMTP_AT_RECIPIENT, gt_task_pool(task));
        gt_err_t **list = reply->code / 100 == 5 ? &session->refused : &session->delayed;

        if (reply->code == 421 || (err->cls != GT_REFUSED && reply->code / 100 == 5))
            return err;
        if (*list == GT_OK)
            *list = err;
        if (send->fields != NULL)
            gt_err_field(*list, APR_ARRAY_IDX(send->fields, i, const char *),
                         apr_psprintf(gt_task_pool(task), "%s is refused: %d %s",
                                      APR_ARRAY_IDX(send->recipients, i, const char *), reply->code,
                                      reply->words));
    }
    if (session->recipient < send->recipients->nelts)
        gt_instead(task, &ask_recipients, send);
    return GT_OK;
}

static gt_step_fn *const recipient_steps[] = {ask_recipient, judge_recipient, NULL};
static const gt_work_t ask_recipients = {"recipients of a mail", recipient_steps, NULL};

/* ---- the message ---- */

static gt_err_t *ask_message(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;

    if (session->refused != GT_OK)
        return session->refused;
    if (session->delayed != GT_OK)
        return session->delayed;
    return gt_smtp_ask(task, session, "DATA");
}

static gt_err_t *begin_message(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;

    if (send->session->reply->code != 354)
        return gt_smtp_refusal(send->session->reply, GT_SMTP_AT_MESSAGE, gt_task_pool(task));
    gt_then(task, &say_message, send);
    return GT_OK;
}

/* Bytes that stand in the message alone: up to the next line that begins with a dot, or its end. */
static apr_size_t plain_len(const char *at, const char *end)
{
    const char *line = at;

    while ((line = memchr(line, '\n', (apr_size_t)(end - line))) != NULL && ++line < end)
        if (*line == '.')
            return (apr_size_t)(line - at);
    return (apr_size_t)(end - at);
}

/* The addition of SMTP at this place of the message: a dot before a line that begins with one (RFC
 * 5321 section 4.5.2), or the end. NULL: nothing. */
static const char *addition(const gt_smtp_send_t *send)
{
    const gt_smtp_session_t *session = send->session;
    const char *at = send->bytes + session->at;

    if (session->at == send->len)
        return ".\r\n";
    return *at == '.' && (session->at == 0 || at[-1] == '\n') && !session->is_added ? "." : NULL;
}

/* A dot stays added until the line behind it has begun. */
static void note_given(gt_smtp_session_t *session, int of_addition, apr_size_t taken,
                       apr_size_t len)
{
    if (of_addition) {
        session->is_added = taken == len;
        session->added = session->is_added ? 0 : session->added + taken;
    }
    else if (taken > 0) {
        session->is_added = 0;
        session->at += taken;
    }
}

/* The end is noted as said before it is: from then on the mail may be sent. */
static gt_err_t *give_message(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;
    apr_size_t taken;

    while (gt_transfer_wants_body(session->transfer)) {
        const char *at = send->bytes + session->at, *added = addition(send);
        apr_size_t len = plain_len(at, send->bytes + send->len);

        if (added != NULL) {
            at = added + session->added;
            len = strlen(at);
            send->is_said |= session->at == send->len;
        }
        GT_TRY(gt_transfer_give(&taken, session->transfer, at, len, 0, session->pool));
        note_given(session, added != NULL, taken, len);
        if (taken < len) {
            gt_again_on_room(task, session->transfer);
            return GT_OK;
        }
        if (session->at == send->len && session->is_added)
            return GT_OK;
    }
    return GT_OK;
}

static gt_err_t *hear_verdict(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;

    session->until = gt_ticks() + (send->patience > 0 ? send->patience : LAST_PATIENCE);
    gt_then(task, &gt_smtp_listen, session);
    return GT_OK;
}

static gt_step_fn *const message_steps[] = {give_message, hear_verdict, NULL};
static const gt_work_t say_message = {"the message of a mail", message_steps, NULL};

/* A server may refuse a message before its end; one that takes it then speaks no SMTP. */
static gt_err_t *take_verdict(gt_task_t *task, void *state)
{
    gt_smtp_send_t *send = state;
    gt_smtp_session_t *session = send->session;
    apr_size_t taken;

    if (session->reply->code / 100 != 2) {
        send->is_said = 0;
        return gt_smtp_refusal(session->reply, GT_SMTP_AT_MESSAGE, gt_task_pool(task));
    }
    if (!send->is_said)
        return gt_smtp_refusal(session->reply, GT_SMTP_AT_HELLO, gt_task_pool(task));
    send->reply = session->reply->words;
    return gt_transfer_give(&taken, session->transfer, "QUIT\r\n", 6, 1, session->pool);
}

static gt_step_fn *const steps[] = {dial,        sign_in,       ask_sender,   begin_recipients,
                                    ask_message, begin_message, take_verdict, NULL};
const gt_work_t gt_smtp_send = {"send a mail", steps, NULL};
