/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_fetch.c
 * New messages of a folder, a chunk after the other. A message's first bytes are asked for, enough
 * for its header fields and its text; an attachment of 50 MiB never comes. The folder's place moves
 * with the last rows of a chunk, since a server may answer in any order. A chunk's rows are written
 * while the next chunk is read, and two are never written at a time.
 */

#include "mail/sync_run.h"

#include <string.h>

#include <apr_strings.h>

#define CHUNK (GT_MAIL_BATCH / 2) /* messages of a command: a batch, unless they are long */
#define ONE "262144"              /* bytes of a message that are asked for */
#define ITEMS " (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0." ONE ">)"

/* The piece that was asked for. Servers write its item as BODY[]<0>. */
static const gt_imap_value_t *body_of(const gt_imap_fetched_t *fetched)
{
    for (const gt_imap_value_t *word = fetched->items; word != NULL; word = word->next->next)
        if (strncasecmp(word->bytes, "BODY[]", 6) == 0)
            return word->next;
    return NULL;
}

/* Messages that were not asked for, or come once more, and news of flags are passed over. */
static gt_err_t *take(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_folder_run_t *folder = baton;
    const gt_imap_value_t *body;
    gt_imap_fetched_t fetched;

    if (answer->form != GT_IMAP_DATA || !gt_imap_is_named(answer, "FETCH"))
        return GT_OK;
    GT_TRY(gt_imap_fetched(&fetched, answer, p));
    body = body_of(&fetched);
    if (body == NULL || body->kind == GT_IMAP_LIST || fetched.uid == 0 ||
        !gt_imap_uid_in(folder->chunk, fetched.uid))
        return GT_OK;
    for (int i = 0; i < folder->taken->nelts; i++)
        if (APR_ARRAY_IDX(folder->taken, i, apr_uint32_t) == fetched.uid)
            return GT_OK;
    APR_ARRAY_PUSH(folder->taken, apr_uint32_t) = fetched.uid;
    folder->run->sync->counts.to_add--;
    return gt_batch_message(folder, &fetched, body);
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    GT_TRY(gt_run_keep(folder->run, folder->pool));
    if (folder->wanted->nelts == 0) {
        gt_instead(task, &gt_batch_settle, folder);
        return GT_OK;
    }
    apr_pool_clear(folder->chunk_pool);
    folder->chunk =
        gt_uids_cut(folder->wanted, folder->single_left > 0 ? 1 : CHUNK, folder->chunk_pool);
    folder->taken = apr_array_make(folder->chunk_pool, CHUNK, sizeof(apr_uint32_t));
    gt_run_command_try(task, folder->run,
                       apr_pstrcat(folder->chunk_pool, "UID FETCH ",
                                   gt_imap_uid_text(folder->chunk, folder->chunk_pool), ITEMS,
                                   NULL),
                       take, folder);
    return GT_OK;
}

/* One message that the server cannot give must not keep the others from coming: they are asked for
 * one at a time, and the one has a row without a text. */
static void divide(gt_folder_run_t *folder)
{
    apr_array_header_t *rest = apr_array_copy(folder->pool, folder->chunk);

    if (folder->taken->nelts > 0 && gt_imap_uid_count(folder->chunk) == 1)
        return; /* it came before the server said no */
    if (gt_imap_uid_count(folder->chunk) == 1) {
        gt_batch_blank(folder, APR_ARRAY_IDX(folder->chunk, 0, gt_imap_range_t).from);
        folder->run->sync->counts.to_add--;
        return;
    }
    folder->single_left = (int)gt_imap_uid_count(folder->chunk);
    apr_array_cat(rest, folder->wanted);
    folder->wanted = rest;
    apr_array_clear(folder->chunk);
}

/* @return the server's failure, unless it goes on with others */
static gt_err_t *judge(gt_folder_run_t *folder)
{
    if (folder->single_left > 0)
        folder->single_left--;
    if (folder->run->refused == GT_OK)
        return GT_OK;
    if (!gt_run_is_no(folder->run->refused))
        return folder->run->refused;
    divide(folder);
    return GT_OK;
}

static void move_place(gt_folder_run_t *folder)
{
    const gt_imap_range_t *last;

    if (folder->chunk->nelts == 0)
        return;
    last = &APR_ARRAY_IDX(folder->chunk, folder->chunk->nelts - 1, gt_imap_range_t);
    if (last->to >= folder->place.uidnext)
        folder->place.uidnext = (apr_int64_t)last->to + 1;
}

static gt_err_t *settle(gt_task_t *task, void *state)
{
    gt_then(task, &gt_batch_settle, state);
    return GT_OK;
}

static gt_err_t *hand_over(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    GT_TRY(judge(folder));
    move_place(folder);
    GT_TRY(gt_batch_hand_over(folder));
    gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const steps[] = {ask, settle, hand_over, NULL};
const gt_work_t gt_folder_fetch = {"messages of a folder", steps, NULL};
