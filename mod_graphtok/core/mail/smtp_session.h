/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SMTP_SESSION_H
#define GT_SMTP_SESSION_H

/** @file smtp_session.h The inside of a session with an SMTP server: for the smtp files alone. */

#include "mail/smtp.h"
#include "mail/smtp_reply.h"
#include "net/transfer.h"

/** Where a session is, for the meaning of a refusal. */
typedef enum gt_smtp_place_t {
    GT_SMTP_AT_HELLO,
    GT_SMTP_AT_TOKEN,    /* AUTH, by a token */
    GT_SMTP_AT_PASSWORD, /* AUTH, by a password */
    GT_SMTP_AT_SENDER,   /* MAIL */
    GT_SMTP_AT_RECIPIENT,
    GT_SMTP_AT_MESSAGE /* DATA, and the message itself */
} gt_smtp_place_t;

/** A session; it lives in its task's pool, and ends with it. */
typedef struct gt_smtp_session_t {
    apr_pool_t *pool;
    gt_transfer_t *transfer;
    gt_smtp_can_t can;
    char *bytes; /* that arrived and are no whole reply yet */
    apr_size_t len, room;
    apr_interval_time_t patience;
    apr_time_t until;            /* ticks: of the reply that is waited for */
    gt_smtp_reply_t *reply;      /* the last one */
    int mechanism;               /* a gt_sasl_t */
    gt_secret_t *response;       /* of it; NULL: none was said */
    int recipient;               /* the next one, by its number */
    gt_err_t *refused, *delayed; /* recipients: for good, and for now; GT_OK: none */
    apr_size_t at;               /* in the message: the next byte to be given */
    apr_size_t added;            /* of what SMTP adds there: bytes that were given */
    int is_added;                /* all of it was */
} gt_smtp_session_t;

/** Make one; nothing is dialled yet. @return GT_INTERNAL for a server that cannot be dialled */
GT_MUST gt_err_t *gt_smtp_session_make(gt_smtp_session_t **session, const gt_smtp_server_t *server,
                                       apr_interval_time_t patience, gt_loop_t *loop,
                                       apr_pool_t *p);

/** Say a line, printf-like, and have the next step find the reply to it. */
GT_MUST gt_err_t *gt_smtp_ask(gt_task_t *task, gt_smtp_session_t *session, const char *fmt, ...)
    GT_PRINTF(3, 4);

/** The same, for a line that holds a secret. */
GT_MUST gt_err_t *gt_smtp_ask_secret(gt_task_t *task, gt_smtp_session_t *session, const char *line);

/** Work: wait for the next reply, until `until`. State: the session. */
extern const gt_work_t gt_smtp_listen;

/** Work: greet, read what the server can do, and sign in. State: the gt_smtp_send_t. */
extern const gt_work_t gt_smtp_sign_in;

/** The meaning of a reply that says no. */
GT_MUST gt_err_t *gt_smtp_refusal(const gt_smtp_reply_t *reply, gt_smtp_place_t place,
                                  apr_pool_t *p);

#endif
