/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file imap_sign_in.c
 * Dialling and signing in. libcurl could sign in, too; it would keep a copy of the token, lose
 * what the server sends behind its OK, and give one number for every reason of a refusal.
 * Sources: net/sasl.h, RFC 4959 (SASL-IR). A session is TLS always when it gets here, so a password
 * never goes in clear.
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
    int by_password;
} mechanisms[] = {{"AUTH=XOAUTH2", GT_SASL_XOAUTH2, 0},
                  {"AUTH=OAUTHBEARER", GT_SASL_OAUTHBEARER, 0},
                  {"AUTH=PLAIN", GT_SASL_PLAIN, 1}};

/* A sign-in under way. */
typedef struct signing_in_t {
    gt_imap_session_t *session;
    const gt_secret_t *secret;
    gt_sasl_t mechanism;
    gt_secret_t *line; /* the response of the mechanism, in base64 */
    int is_said;       /* it was sent */
    gt_imap_command_t command;
    gt_err_t *refusal;
} signing_in_t;

static const gt_secret_t *secret_of(const gt_imap_sign_in_t *in)
{
    return in->password != NULL ? in->password : in->token;
}

/* A quoted string holds nothing else for sure. */
static int is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return 0;
    return 1;
}

/* A text as a quoted string (RFC 3501 section 4.3). @return behind it */
static char *quote(char *at, const char *text)
{
    *at++ = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            *at++ = '\\';
        *at++ = *text;
    }
    *at++ = '"';
    *at = '\0';
    return at;
}

/* LOGIN "user" "password", for servers without a mechanism of SASL. */
static gt_secret_t *login_of(const gt_imap_sign_in_t *in, apr_pool_t *p)
{
    gt_secret_t *text =
        gt_secret_blank(2 * (strlen(in->mailbox) + gt_secret_len(in->password)) + 16, p);
    char *at = (char *)gt_secret_bytes(text);

    memcpy(at, "LOGIN ", 6);
    at = quote(at + 6, in->mailbox);
    *at++ = ' ';
    quote(at, gt_secret_text(in->password));
    return text;
}

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

    if (!gt_sasl_is_clean(in->mailbox, secret_of(in)))
        return gt_err(gt_task_pool(task), GT_INVALID, "GT1511",
                      "the name of a mailbox, its token or its password holds a control character");
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
static int choose(gt_sasl_t *mechanism, const gt_imap_sign_in_t *in)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
        if (mechanisms[i].by_password == (in->password != NULL) &&
            gt_imap_can(in->session, mechanisms[i].capability)) {
            *mechanism = mechanisms[i].mechanism;
            return 1;
        }
    return 0;
}

/* The command's text and, for a "+", its response. */
static gt_secret_t *command_of(signing_in_t *signing_in, const gt_imap_sign_in_t *in, apr_pool_t *p)
{
    gt_secret_t *text;

    signing_in->line = gt_sasl_response(signing_in->mechanism, in->mailbox, secret_of(in), p);
    signing_in->is_said = gt_imap_can(in->session, "SASL-IR");
    text =
        gt_secret_blank(strlen("AUTHENTICATE OAUTHBEARER ") + gt_secret_len(signing_in->line), p);
    apr_snprintf((char *)gt_secret_bytes(text), gt_secret_len(text) + 1, "AUTHENTICATE %s%s%s",
                 gt_sasl_name(signing_in->mechanism), signing_in->is_said ? " " : "",
                 signing_in->is_said ? gt_secret_text(signing_in->line) : "");
    return text;
}

static gt_err_t *no_way_in(const gt_imap_sign_in_t *in, apr_pool_t *p)
{
    return in->password != NULL
               ? gt_err(p, GT_UPSTREAM, "GT1515",
                        "the mail server offers no sign-in by a password (PLAIN or LOGIN)")
               : gt_err(p, GT_UPSTREAM, "GT1512",
                        "the mail server offers no sign-in by a token (XOAUTH2 or OAUTHBEARER)");
}

/* Every server takes LOGIN, unless it says that it does not (RFC 3501 section 6.2.3). */
static int may_log_in(const gt_imap_sign_in_t *in)
{
    return in->password != NULL && !gt_imap_can(in->session, "LOGINDISABLED") &&
           is_ascii(in->mailbox) && is_ascii(gt_secret_text(in->password));
}

static gt_err_t *say_secret(gt_task_t *task, void *state)
{
    signing_in_t *signing_in = state;

    gt_then_try(task, &gt_imap_command, &signing_in->command, &signing_in->refusal);
    return GT_OK;
}

static gt_err_t *hear_words(gt_task_t *task, void *state)
{
    const signing_in_t *signing_in = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err = gt_err_dup(signing_in->refusal, p);

    if (err == GT_OK)
        return GT_OK;
    err = gt_sasl_hush(err, signing_in->secret, p);
    return signing_in->line != NULL ? gt_sasl_hush(err, signing_in->line, p) : err;
}

static gt_step_fn *const secret_steps[] = {say_secret, hear_words, NULL};
static const gt_work_t secret_work = {"a secret for a mail server", secret_steps, NULL};

static gt_err_t *authenticate(gt_task_t *task, void *state)
{
    gt_imap_sign_in_t *in = state;
    apr_pool_t *p = gt_task_pool(task);
    signing_in_t *signing_in = apr_pcalloc(p, sizeof(*signing_in));
    int has_mechanism = choose(&signing_in->mechanism, in);
    const gt_secret_t *text;

    if (!has_mechanism && !may_log_in(in))
        return no_way_in(in, p);
    signing_in->session = in->session;
    signing_in->secret = secret_of(in);
    text = has_mechanism ? command_of(signing_in, in, p) : login_of(in, p);
    signing_in->command = (gt_imap_command_t){
        .session = in->session,
        .text = gt_secret_text(text),
        .patience = in->patience > 0 ? in->patience : PATIENCE,
        .baton = signing_in,
        .go_on = has_mechanism ? go_on : NULL,
        .sign_in = in->password != NULL ? GT_IMAP_BY_PASSWORD : GT_IMAP_BY_TOKEN};
    gt_then(task, &secret_work, signing_in);
    return GT_OK;
}

/* A server can do more for a user than before; not all say so by themselves. */
static gt_step_fn *const sign_in_steps[] = {dial, ask_capabilities, authenticate, ask_capabilities,
                                            NULL};
const gt_work_t gt_imap_sign_in = {"sign-in at a mail server", sign_in_steps, NULL};
