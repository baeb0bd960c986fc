/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file imap_session.c Bytes of a dialled transfer become answers; a command collects its own. */

#include "imap/imap_session_struct.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "imap/imap_refusal.h"

#define PATIENCE apr_time_from_sec(60)
#define FAREWELL apr_time_from_sec(1) /* how long a server may stay after its BYE */
#define TAG_RANDOM 8
#define ONE_GO ((apr_size_t)1024 * 1024) /* bytes; then others of the same thread have their turn */

/* An answer holds at most one part of a mail, which is asked for in pieces, or one line of UIDs. */
static const gt_imap_bounds_t bounds = {1024 * 1024, 1024 * 1024, 4 * 1024 * 1024};

/* A server logs a session that just ends as lost. Nothing waits for its answer. */
static apr_status_t say_goodbye(void *baton)
{
    gt_imap_session_t *session = baton;
    const char *line =
        apr_psprintf(session->pool, "%s.%d LOGOUT\r\n", session->tag_begin, ++session->commands);
    apr_size_t taken;

    if (session->is_at_rest && session->bye == GT_OK &&
        gt_transfer_give(&taken, session->transfer, line, strlen(line), 1, session->pool) != GT_OK)
        session->is_at_rest = 0;
    return APR_SUCCESS;
}

gt_err_t *gt_imap_session_make(gt_imap_session_t **session, const gt_imap_server_t *server,
                               gt_loop_t *loop, apr_pool_t *p)
{
    gt_imap_session_t *made = apr_pcalloc(p, sizeof(*made));
    const gt_request_t request = {.url = server->url,
                                  .ca_file = server->ca_file,
                                  .pins = server->pins,
                                  .local_end = server->local_end,
                                  .proxy = server->proxy,
                                  .proxy_login = server->proxy_login,
                                  .connect_timeout = server->connect_timeout,
                                  .dials = 1,
                                  .keep_going = 1, /* for its LOGOUT */
                                  .purpose = "mail"};

    *session = NULL;
    GT_TRY(gt_transfer_make(&made->transfer, &request, loop, p));
    made->pool = p;
    made->scratch = gt_pool_make(p, "gt_imap_answers");
    made->stream = gt_imap_stream_make(&bounds, p);
    made->tag_begin = gt_random_text(TAG_RANDOM, p);
    made->capabilities = apr_hash_make(gt_pool_make(p, "gt_imap_capabilities"));
    apr_pool_pre_cleanup_register(p, made, say_goodbye);
    *session = made;
    return GT_OK;
}

/* ---- capabilities ---- */

static char *upper(const char *text, apr_pool_t *p)
{
    char *made = apr_pstrdup(p, text);

    for (char *c = made; *c != '\0'; c++)
        *c = (char)apr_toupper(*c);
    return made;
}

gt_err_t *gt_imap_note_capabilities(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_imap_session_t *session = baton;
    apr_pool_t *own = apr_hash_pool_get(session->capabilities);
    int is_code = answer->code != NULL && strcasecmp(answer->code, "CAPABILITY") == 0;

    (void)p;
    if (!is_code && (answer->form != GT_IMAP_DATA || !gt_imap_is_named(answer, "CAPABILITY")))
        return GT_OK;
    apr_pool_clear(own);
    session->capabilities = apr_hash_make(own);
    for (const gt_imap_value_t *word = answer->values; word != NULL; word = word->next)
        if (gt_imap_astring(word) != NULL)
            apr_hash_set(session->capabilities, upper(word->bytes, own), APR_HASH_KEY_STRING,
                         session);
    return GT_OK;
}

int gt_imap_can(const gt_imap_session_t *session, const char *capability)
{
    return apr_hash_get(session->capabilities, capability, APR_HASH_KEY_STRING) != NULL;
}

/* ---- lines out, answers in ---- */

gt_err_t *gt_imap_say(gt_imap_session_t *session, const char *line)
{
    apr_size_t taken, len = strlen(line);

    GT_TRY(gt_transfer_give(&taken, session->transfer, line, len, 0, session->pool));
    if (taken == len) {
        GT_TRY(gt_transfer_give(&taken, session->transfer, "\r\n", 2, 0, session->pool));
        if (taken == 2)
            return GT_OK;
    }
    return gt_err(session->pool, GT_INTERNAL, "GT1509",
                  "a command to a mail server is longer than any may be");
}

static gt_err_t *hung_up(const gt_imap_session_t *session)
{
    return session->bye != GT_OK
               ? session->bye
               : gt_err(session->pool, GT_UPSTREAM, "GT1513", "the mail server hung up");
}

static gt_err_t *too_late(const gt_imap_session_t *session)
{
    return session->bye != GT_OK ? session->bye
                                 : gt_err(session->pool, GT_TIMEOUT, "GT1510",
                                          "the mail server did not answer in time");
}

/* @return 0 when nothing has arrived */
static gt_err_t *take_bytes(int *has_some, gt_imap_session_t *session)
{
    const char *bytes;
    apr_size_t len;
    int is_over;

    apr_pool_clear(session->scratch);
    GT_TRY(gt_transfer_take(&bytes, &len, &is_over, session->transfer, session->scratch));
    gt_imap_stream_add(session->stream, bytes, len);
    session->in_one_go += len;
    *has_some = len > 0;
    return len == 0 && is_over ? hung_up(session) : GT_OK;
}

/* 1 while the step may go on reading what has arrived. A server that sends without an end must not
 * have a thread to itself, nor all the time. */
static int may_go_on(const gt_imap_session_t *session, int has_some)
{
    return has_some && session->in_one_go < ONE_GO;
}

/* Wait for bytes; where some have arrived, for the task's turn. */
static void go_on_later(gt_task_t *task, gt_imap_session_t *session, int has_some, apr_time_t until)
{
    session->in_one_go = 0;
    if (has_some)
        gt_again_at(task, gt_ticks());
    else
        gt_again_on_bytes_until(task, session->transfer, until);
}

gt_err_t *gt_imap_next(gt_imap_answer_t **answer, int *is_late, gt_imap_session_t *session,
                       apr_time_t until, gt_task_t *task)
{
    int has_some;

    if (is_late != NULL)
        *is_late = 0;
    for (;;) {
        GT_TRY(gt_imap_stream_next(answer, session->stream, session->scratch));
        if (*answer != NULL)
            return GT_OK;
        GT_TRY(take_bytes(&has_some, session));
        if (may_go_on(session, has_some))
            continue;
        if (gt_ticks() < until) {
            go_on_later(task, session, has_some, until);
            return GT_OK;
        }
        if (is_late == NULL)
            return too_late(session);
        *is_late = 1;
        return GT_OK;
    }
}

/* ---- a command ---- */

static void begin_patience(gt_imap_command_t *command)
{
    command->ends_at = gt_ticks() + (command->patience > 0 ? command->patience : PATIENCE);
}

static gt_err_t *send_command(gt_task_t *task, void *state)
{
    gt_imap_command_t *command = state;
    gt_imap_session_t *session = command->session;
    apr_size_t taken;

    command->own_tag =
        apr_psprintf(gt_task_pool(task), "%s.%d", session->tag_begin, ++session->commands);
    begin_patience(command);
    session->is_at_rest = 0;
    GT_TRY(gt_transfer_give(&taken, session->transfer, command->own_tag, strlen(command->own_tag),
                            0, session->pool));
    GT_TRY(gt_transfer_give(&taken, session->transfer, " ", 1, 0, session->pool));
    return gt_imap_say(session, command->text);
}

/* A BYE is the reason of the end that follows, be it asked for or not. */
static void note_bye(gt_imap_command_t *command, const gt_imap_answer_t *answer)
{
    apr_time_t end = gt_ticks() + FAREWELL;

    if (command->session->bye != GT_OK)
        return;
    command->session->bye = gt_imap_refusal(answer, GT_IMAP_BY_NOTHING, command->session->pool);
    if (command->ends_at > end)
        command->ends_at = end;
}

static gt_err_t *take_continuation(gt_imap_command_t *command, const gt_imap_answer_t *answer)
{
    if (command->literal != NULL && !command->is_wanted) {
        command->is_wanted = 1;
        return GT_OK;
    }
    return command->go_on != NULL
               ? command->go_on(command->baton, answer, command->session->scratch)
               : gt_imap_broken("it waits for more of a whole command", command->session->pool);
}

static gt_err_t *take_answer(gt_imap_command_t *command, const gt_imap_answer_t *answer)
{
    apr_pool_t *scratch = command->session->scratch;

    if (command->is_long && command->session->bye == GT_OK)
        begin_patience(command);
    if (answer->form == GT_IMAP_CONTINUE)
        return take_continuation(command, answer);
    GT_TRY(gt_imap_note_capabilities(command->session, answer, scratch));
    if (gt_imap_is_named(answer, "BYE"))
        note_bye(command, answer);
    return command->take != NULL ? command->take(command->baton, answer, scratch) : GT_OK;
}

static int ends(const gt_imap_command_t *command, const gt_imap_answer_t *answer)
{
    return answer->ends != NULL && strcmp(answer->ends, command->own_tag) == 0;
}

/* A server that has gone takes no more, and its last words are read.
 * @param waits  out: 1: the task was told to run the step again when there is room */
static gt_err_t *give_literal(int *waits, gt_imap_command_t *command, gt_task_t *task)
{
    gt_imap_session_t *session = command->session;
    apr_size_t taken, left = command->literal_len - command->given;

    *waits = 0;
    if (!command->is_wanted || left == 0 || !gt_transfer_wants_body(session->transfer))
        return GT_OK;
    GT_TRY(gt_transfer_give(&taken, session->transfer, command->literal + command->given, left, 0,
                            session->pool));
    command->given += taken;
    if (session->bye == GT_OK)
        begin_patience(command);
    *waits = taken < left;
    if (*waits)
        gt_again_on_room(task, session->transfer);
    return GT_OK;
}

static gt_err_t *judge_end(const gt_imap_command_t *command, const gt_imap_answer_t *answer,
                           apr_pool_t *p)
{
    if (!gt_imap_is_named(answer, "OK"))
        return gt_imap_refusal(answer, command->sign_in, p);
    return command->given == command->literal_len
               ? GT_OK
               : gt_imap_broken("it has carried out a command that it did not have whole", p);
}

static gt_err_t *read_answers(gt_task_t *task, void *state)
{
    gt_imap_command_t *command = state;
    gt_imap_answer_t *answer;
    int waits;

    for (;;) {
        GT_TRY(give_literal(&waits, command, task));
        if (waits)
            return GT_OK;
        GT_TRY(gt_imap_next(&answer, NULL, command->session, command->ends_at, task));
        if (answer == NULL)
            return GT_OK;
        GT_TRY(take_answer(command, answer));
        if (!ends(command, answer))
            continue;
        command->session->is_at_rest = command->given == command->literal_len;
        return judge_end(command, answer, gt_task_pool(task));
    }
}

static gt_step_fn *const command_steps[] = {send_command, read_answers, NULL};
const gt_work_t gt_imap_command = {"a command of IMAP", command_steps, NULL};

static gt_step_fn *const rest_steps[] = {read_answers, NULL};
const gt_work_t gt_imap_rest = {"the end of a command of IMAP", rest_steps, NULL};
