/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file imap_idle.c IDLE (RFC 2177): the one command that the client ends. */

#include "imap/imap_refusal.h"
#include "imap/imap_session_struct.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

#define PATIENCE apr_time_from_sec(60)

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_imap_idle_t *idle = state;
    gt_imap_session_t *session = idle->session;
    const char *tag =
        apr_psprintf(gt_task_pool(task), "%s.%d", session->tag_begin, ++session->commands);

    session->is_at_rest = 0;
    idle->has_news = idle->is_idling = 0;
    idle->command = (gt_imap_command_t){.session = session,
                                        .take = idle->take,
                                        .baton = idle->baton,
                                        .own_tag = tag,
                                        .ends_at = gt_ticks() + PATIENCE};
    return gt_imap_say(session, apr_pstrcat(gt_task_pool(task), tag, " IDLE", NULL));
}

static gt_err_t *take_news(gt_imap_idle_t *idle, const gt_imap_answer_t *answer)
{
    if (answer->form == GT_IMAP_CONTINUE)
        idle->is_idling = 1;
    if (answer->ends != NULL && strcmp(answer->ends, idle->command.own_tag) == 0)
        return gt_imap_refusal(answer, GT_IMAP_BY_NOTHING, idle->session->pool);
    if (answer->form != GT_IMAP_DATA)
        return GT_OK;
    idle->has_news = 1;
    return idle->take != NULL ? idle->take(idle->baton, answer, idle->session->scratch) : GT_OK;
}

/* News that is under way together comes together: what has arrived is read before the end. */
static gt_err_t *wait_for_news(gt_task_t *task, void *state)
{
    gt_imap_idle_t *idle = state;
    gt_imap_answer_t *answer;
    int is_late = 0;

    while (!is_late) {
        const int may_end = idle->is_idling;
        apr_time_t until = !may_end ? idle->command.ends_at : idle->has_news ? 0 : idle->until;

        GT_TRY(gt_imap_next(&answer, may_end ? &is_late : NULL, idle->session, until, task));
        if (answer == NULL)
            break;
        GT_TRY(take_news(idle, answer));
    }
    return GT_OK;
}

static gt_err_t *end(gt_task_t *task, void *state)
{
    gt_imap_idle_t *idle = state;

    idle->command.ends_at = gt_ticks() + PATIENCE;
    gt_then(task, &gt_imap_rest, &idle->command);
    return gt_imap_say(idle->session, "DONE");
}

static gt_step_fn *const idle_steps[] = {begin, wait_for_news, end, NULL};
const gt_work_t gt_imap_idle = {"waiting for news of a folder", idle_steps, NULL};
