/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file imap_sign_in.c
 * Dialling and signing in. libcurl could sign in, too; it would keep a copy of the token, lose
 * what the server sends behind its OK, and give one number for every reason of a refusal.
 * Sources: net/sasl.h, RFC 4959 (SASL-IR).
 */

#include <string.h>

#include <apr_strings.h>

#include "imap/imap_refusal.h"
#include "imap/imap_session_struct.h"
#include "net/sasl.h"

#define PATIENCE apr_time_from_sec(30)

/* The mechanisms, in the order in which they are chosen. */
static const struct {
    const char *capability;
    gt_sasl_t mechanism;
} mechanisms[] = {{"AUTH=XOAUTH2", GT_SASL_XOAUTH2}, {"AUTH=OAUTHBEARER", GT_SASL_OAUTHBEARER}};

/* A sign-in under way. */
typedef struct signing_in_t {
    gt_imap_session_t *session;
    gt_sasl_t mechanism;
    gt_secret_t *line; /* the response of the mechanism, in base64 */
    int is_said;       /* it was sent */
    gt_imap_command_t command;
} signing_in_t;

/* The first "+" wants the response, unless it was sent with the command; another one holds the
 * reason of a refusal, which the server says once more in words behind it. */
static gt_err_t *go_on(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    signing_in_t *signing_in = baton;

    (void)answer, (void)p;
    if (signing_in->is_said)
        return gt_imap_say(signing_in->session, gt_sasl_end(signing_in->mechanism));
    signing_in->is_said = 1;
    return gt_imap_say(signing_in->session, gt_secret_text(signing_in->line));
}

/* ---- steps ---- */

static gt_err_t *dial(gt_task_t *task, void *state)
{
    gt_imap_sign_in_t *in = state;

    if (!gt_sasl_is_clean(in->mailbox, in->token))
        return gt_err(gt_task_pool(task), GT_INVALID, "GT1511",
                      "the name of a mailbox, or its token, holds a control character");
    gt_await_head(task, in->session->transfer);
    return GT_OK;
}

static gt_err_t *ask_capabilities(gt_task_t *task, void *state)
{
    gt_imap_sign_in_t *in = state;
    gt_imap_command_t *command = apr_pcalloc(gt_task_pool(task), sizeof(*command));

    GT_TRY(gt_transfer_error(in->session->transfer, gt_task_pool(task)));
    command->session = in->session;
    command->text = "CAPABILITY";
    command->patience = in->patience > 0 ? in->patience : PATIENCE;
    gt_then(task, &gt_imap_command, command);
    return GT_OK;
}

/* @return 0: the server offers none of them */
static int choose(gt_sasl_t *mechanism, const gt_imap_session_t *session)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
        if (gt_imap_can(session, mechanisms[i].capability)) {
            *mechanism = mechanisms[i].mechanism;
            return 1;
        }
    return 0;
}

static gt_err_t *authenticate(gt_task_t *task, void *state)
{
    gt_imap_sign_in_t *in = state;
    apr_pool_t *p = gt_task_pool(task);
    signing_in_t *signing_in = apr_pcalloc(p, sizeof(*signing_in));
    gt_secret_t *text;

    if (!choose(&signing_in->mechanism, in->session))
        return gt_err(p, GT_UPSTREAM, "GT1512",
                      "the mail server offers no sign-in by a token (XOAUTH2 or OAUTHBEARER)");
    signing_in->session = in->session;
    signing_in->line = gt_sasl_response(signing_in->mechanism, in->mailbox, in->token, p);
    signing_in->is_said = gt_imap_can(in->session, "SASL-IR");
    text =
        gt_secret_blank(strlen("AUTHENTICATE OAUTHBEARER ") + gt_secret_len(signing_in->line), p);
    apr_snprintf((char *)gt_secret_bytes(text), gt_secret_len(text) + 1, "AUTHENTICATE %s%s%s",
                 gt_sasl_name(signing_in->mechanism), signing_in->is_said ? " " : "",
                 signing_in->is_said ? gt_secret_text(signing_in->line) : "");
    signing_in->command =
        (gt_imap_command_t){.session = in->session,
                            .text = gt_secret_text(text),
                            .patience = in->patience > 0 ? in->patience : PATIENCE,
                            .baton = signing_in,
                            .go_on = go_on,
                            .is_sign_in = 1};
    gt_then(task, &gt_imap_command, &signing_in->command);
    return GT_OK;
}

/* A server can do more for a user than before; not all say so by themselves. */
static gt_step_fn *const sign_in_steps[] = {dial, ask_capabilities, authenticate, ask_capabilities,
                                            NULL};
const gt_work_t gt_imap_sign_in = {"sign-in at a mail server", sign_in_steps, NULL};
