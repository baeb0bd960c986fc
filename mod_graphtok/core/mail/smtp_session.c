/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file smtp_session.c Lines go out, and replies come in. */

#include "mail/smtp_session.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/pool.h"

#define PATIENCE apr_time_from_sec(60)
#define READ_ROOM (GT_SMTP_REPLY_MAX + 65536) /* what may wait, and what a transfer hands over */

gt_err_t *gt_smtp_session_make(gt_smtp_session_t **session, const gt_smtp_server_t *server,
                               apr_interval_time_t patience, gt_loop_t *loop, apr_pool_t *p)
{
    gt_smtp_session_t *made = apr_pcalloc(p, sizeof(*made));
    const gt_request_t request = {.url = apr_pstrcat(p, server->url, "/", server->name, NULL),
                                  .ca_file = server->ca_file,
                                  .pins = server->pins,
                                  .local_end = server->local_end,
                                  .proxy = server->proxy,
                                  .proxy_login = server->proxy_login,
                                  .connect_timeout = server->connect_timeout,
                                  .dials = 1,
                                  .keep_going = 1, /* for its QUIT */
                                  .purpose = "send mail"};

    *session = NULL;
    GT_TRY(gt_transfer_make(&made->transfer, &request, loop, p));
    made->pool = p;
    made->patience = patience > 0 ? patience : PATIENCE;
    made->room = READ_ROOM;
    made->bytes = apr_palloc(p, made->room);
    *session = made;
    return GT_OK;
}

/* ---- out ---- */

gt_err_t *gt_smtp_ask_secret(gt_task_t *task, gt_smtp_session_t *session, const char *line)
{
    apr_size_t taken, len = strlen(line);

    session->until = gt_ticks() + session->patience;
    GT_TRY(gt_transfer_give(&taken, session->transfer, line, len, 0, session->pool));
    if (taken == len)
        GT_TRY(gt_transfer_give(&taken, session->transfer, "\r\n", 2, 0, session->pool));
    /* A server that has gone takes nothing, and its last words are worth more. */
    if (taken < 2 && gt_transfer_wants_body(session->transfer))
        return gt_err(session->pool, GT_INTERNAL, "GT1646",
                      "a line to a mail server is longer than any may be");
    gt_then(task, &gt_smtp_listen, session);
    return GT_OK;
}

gt_err_t *gt_smtp_ask(gt_task_t *task, gt_smtp_session_t *session, const char *fmt, ...)
{
    va_list args;
    const char *line;

    va_start(args, fmt);
    line = apr_pvsprintf(session->pool, fmt, args);
    va_end(args);
    return gt_smtp_ask_secret(task, session, line);
}

/* ---- in ---- */

/* The transfer's pieces are no longer than its buffer, so that there is room for each while a reply
 * is not whole. */
static gt_err_t *take_bytes(int *has_some, gt_smtp_session_t *session)
{
    apr_pool_t *scratch = gt_pool_make(session->pool, "gt_smtp_piece");
    const char *bytes;
    apr_size_t len;
    int is_over;
    gt_err_t *err = gt_transfer_take(&bytes, &len, &is_over, session->transfer, scratch);

    if (err != GT_OK)
        return err; /* in the scratch pool, which goes with the session's */
    if (len > session->room - session->len)
        return gt_smtp_broken("a reply does not end", session->pool);
    memcpy(session->bytes + session->len, bytes, len);
    session->len += len;
    *has_some = len > 0;
    apr_pool_destroy(scratch);
    if (len == 0 && is_over)
        return gt_err(session->pool, GT_UPSTREAM, "GT1647", "the mail server hung up");
    return GT_OK;
}

static gt_err_t *hear(gt_task_t *task, void *state)
{
    gt_smtp_session_t *session = state;
    apr_size_t used;
    int has_some;

    for (;;) {
        GT_TRY(
            gt_smtp_reply_of(&session->reply, &used, session->bytes, session->len, session->pool));
        memmove(session->bytes, session->bytes + used, session->len - used);
        session->len -= used;
        if (session->reply != NULL)
            return GT_OK;
        GT_TRY(take_bytes(&has_some, session));
        if (has_some)
            continue;
        if (gt_ticks() >= session->until)
            return gt_err(session->pool, GT_TIMEOUT, "GT1648",
                          "the mail server did not answer in time");
        gt_again_on_bytes_until(task, session->transfer, session->until);
        return GT_OK;
    }
}

static gt_step_fn *const listen_steps[] = {hear, NULL};
const gt_work_t gt_smtp_listen = {"a reply of SMTP", listen_steps, NULL};
