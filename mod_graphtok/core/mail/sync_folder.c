/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_folder.c
 * One folder, brought up to what its server has. The order matters, so that a round which ends
 * anywhere loses nothing:
 *
 *   1  EXAMINE, which changes nothing at the server. Another UIDVALIDITY: the folder begins anew
 *   2  changes of messages that were read before, up to this EXAMINE's modification sequence; then
 *      that stands in the row
 *   3  messages from the row's UIDNEXT on, in chunks, the row's UIDNEXT moving along
 *   4  messages that are gone, where the numbers do not fit; messages that are missing are read
 *   5  how many there are at the server stands in the row: all was read
 *
 * Sources: RFC 3501, RFC 7162 (CONDSTORE, QRESYNC), RFC 4549 (disconnected clients).
 */

#include "mail/sync_run.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/pool.h"

#define UID_LAST ((apr_int64_t)APR_UINT32_MAX)
#define SMALL 5000  /* messages whose flags are read in each round, without CONDSTORE */
#define NEWEST 1000 /* of larger folders so many are, … */
#define SCAN_EVERY apr_time_from_sec(3600) /* … and all of them so often */
#define PAGE 5000                          /* rows of a statement */

static void command(gt_task_t *task, gt_folder_run_t *folder, const char *text,
                    gt_imap_take_fn *take)
{
    gt_run_command(task, folder->run, text, take, folder);
}

static int can(const gt_folder_run_t *folder, const char *capability)
{
    return gt_imap_can(folder->run->session, capability);
}

gt_folder_run_t *gt_folder_make(gt_mail_run_t *run, const gt_listed_t *listed,
                                const gt_mail_folder_t *kept, apr_pool_t *p)
{
    gt_folder_run_t *folder = apr_pcalloc(p, sizeof(*folder));

    folder->run = run;
    folder->listed = listed;
    folder->pool = p;
    folder->chunk_pool = gt_pool_make(p, "gt_mail_chunk");
    folder->gone = apr_array_make(p, 4, sizeof(gt_imap_range_t));
    folder->is_new = kept == NULL || kept->uidvalidity == 0;
    if (kept != NULL)
        folder->place = *kept;
    folder->place.name = listed->name;
    return folder;
}

/* ---- 1 EXAMINE ---- */

/* RFC 7162 section 3.2.6: "VANISHED (EARLIER) 41,43:116". */
static gt_err_t *take_vanished(gt_folder_run_t *folder, const gt_imap_value_t *values,
                               apr_pool_t *p)
{
    apr_array_header_t *set;

    if (values != NULL && values->kind == GT_IMAP_LIST)
        values = values->next;
    if (values == NULL || values->kind != GT_IMAP_ATOM)
        return gt_imap_broken("VANISHED without its set", folder->pool);
    GT_TRY(gt_imap_uid_set(&set, values->bytes, p));
    if (folder->gone->nelts + set->nelts > GT_IMAP_RANGES_MAX)
        return gt_imap_broken("VANISHED with too many ranges", folder->pool);
    apr_array_cat(folder->gone, set);
    return GT_OK;
}

/* Flags of a message that was read before. */
static gt_err_t *take_flags(gt_folder_run_t *folder, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_imap_fetched_t fetched;

    GT_TRY(gt_imap_fetched(&fetched, answer, p));
    if (folder->present != NULL && fetched.uid > 0 && fetched.uid < folder->place.uidnext)
        GT_TRY(gt_uids_add(folder->present, fetched.uid, folder->pool));
    if (fetched.uid >= folder->place.uidnext)
        return GT_OK;
    return gt_batch_flags(folder, &fetched);
}

static void note_code(gt_folder_run_t *folder, const gt_imap_answer_t *answer)
{
    apr_int64_t number;

    if (answer->code == NULL || !gt_imap_number(&number, answer->values))
        return;
    if (strcasecmp(answer->code, "UIDVALIDITY") == 0)
        folder->uidvalidity = number;
    else if (strcasecmp(answer->code, "UIDNEXT") == 0)
        folder->uidnext = number;
    else if (strcasecmp(answer->code, "HIGHESTMODSEQ") == 0)
        folder->modseq = number;
}

static gt_err_t *take_examine(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_folder_run_t *folder = baton;

    if (answer->form == GT_IMAP_STATUS) {
        note_code(folder, answer);
        folder->is_limited |= answer->code != NULL && strcasecmp(answer->code, "MESSAGELIMIT") == 0;
    }
    else if (gt_imap_is_named(answer, "EXISTS"))
        folder->exists = answer->number;
    else if (folder->by_qresync && gt_imap_is_named(answer, "VANISHED"))
        return take_vanished(folder, answer->values, p);
    else if (folder->by_qresync && gt_imap_is_named(answer, "FETCH"))
        return take_flags(folder, answer, p);
    return GT_OK;
}

/* 1 when the list told already that nothing has happened. */
static int is_unchanged(const gt_folder_run_t *folder)
{
    const gt_listed_t *listed = folder->listed;
    const gt_mail_folder_t *place = &folder->place;

    return listed->has_status && !folder->is_new && listed->uidvalidity == place->uidvalidity &&
           listed->uidnext == place->uidnext && listed->modseq == place->modseq &&
           listed->exists == place->exists;
}

static gt_err_t *examine(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;
    const char *with = can(folder, "CONDSTORE") || can(folder, "QRESYNC") ? " (CONDSTORE)" : "";

    if (is_unchanged(folder)) {
        gt_done(task);
        return GT_OK;
    }
    folder->by_qresync = folder->run->has_qresync && folder->place.modseq > 0 &&
                         folder->place.uidvalidity > 0 && folder->place.uidnext > 1;
    if (folder->by_qresync)
        with = apr_psprintf(
            folder->pool,
            " (QRESYNC (%" APR_INT64_T_FMT " %" APR_INT64_T_FMT " 1:%" APR_INT64_T_FMT "))",
            folder->place.uidvalidity, folder->place.modseq, folder->place.uidnext - 1);
    command(task, folder, apr_pstrcat(folder->pool, "EXAMINE ", folder->listed->wire, with, NULL),
            take_examine);
    return GT_OK;
}

static gt_err_t *check_examine(gt_folder_run_t *folder)
{
    if (folder->uidvalidity < 1 || folder->uidvalidity > UID_LAST)
        return gt_imap_broken("a folder without its UIDVALIDITY", folder->pool);
    if (folder->uidnext > UID_LAST + 1)
        return gt_imap_broken("a UIDNEXT beyond all UIDs", folder->pool);
    return GT_OK;
}

/* Another UIDVALIDITY: UIDs mean other messages now, and what is kept of the old ones goes. */
static gt_err_t *begin_anew(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;
    gt_mail_run_t *run = folder->run;
    int is_ours, dropped;

    GT_TRY(check_examine(folder));
    folder->is_anew = folder->place.uidnext <= 1;
    /* Changes of the newest messages alone came: they are asked for, in parts. */
    if (folder->is_limited)
        folder->by_qresync = 0;
    if (!folder->is_new && folder->place.uidvalidity == folder->uidvalidity)
        return GT_OK;
    GT_TRY(gt_run_keep(run, folder->pool));
    GT_TRY(gt_mail_drop(&dropped, run->sync->store, run->sync->account, folder->listed->name,
                        folder->uidvalidity, folder->pool));
    run->sync->counts.removed += dropped;
    if (dropped == GT_MAIL_BATCH) {
        gt_again_at(task, gt_ticks());
        return GT_OK;
    }
    folder->place = (gt_mail_folder_t){.name = folder->listed->name,
                                       .use = folder->listed->use,
                                       .uidvalidity = folder->uidvalidity,
                                       .uidnext = 1,
                                       .modseq = folder->modseq,
                                       .exists = -1};
    folder->is_anew = 1;
    folder->by_qresync = 0;
    folder->fresh = folder->flagged = NULL;
    apr_array_clear(folder->gone);
    GT_TRY(gt_mail_folder_begin(&is_ours, run->sync->store, run->sync->account, &folder->place,
                                folder->pool));
    return is_ours ? GT_OK
                   : gt_err(run->pool, GT_CANCELLED, "GT1602",
                            "the account is synchronised by another process by now");
}

/* ---- 2 changes ---- */

static gt_err_t *take_changes(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_folder_run_t *folder = baton;

    if (gt_imap_is_named(answer, "FETCH"))
        return take_flags(folder, answer, p);
    if (folder->rest_to == 0 && folder->changes_to > 0)
        folder->rest_to = gt_uids_rest(answer, 1, folder->changes_to);
    return GT_OK;
}

/* Without modification sequences the flags themselves are read. */
static const char *scan_text(gt_folder_run_t *folder)
{
    apr_time_t age = apr_time_now() - folder->place.scanned_at;

    if (folder->exists > SMALL && age < SCAN_EVERY && age >= 0) {
        folder->changes_to = 0;
        return apr_psprintf(folder->pool, "FETCH %" APR_INT64_T_FMT ":* (UID FLAGS)",
                            folder->exists - NEWEST + 1);
    }
    if (folder->present == NULL)
        folder->present = apr_array_make(folder->pool, 64, sizeof(gt_imap_range_t));
    folder->is_scanned = 1;
    return apr_psprintf(folder->pool, "UID FETCH 1:%" APR_INT64_T_FMT " (UID FLAGS)",
                        folder->changes_to);
}

static gt_err_t *ask_changes(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;
    const gt_mail_folder_t *place = &folder->place;

    if (place->uidnext <= 1 || folder->by_qresync || folder->exists == 0)
        return GT_OK;
    folder->changes_to = folder->rest_to > 0 ? folder->rest_to : place->uidnext - 1;
    folder->rest_to = 0;
    if (folder->modseq == 0 || place->modseq == 0)
        command(task, folder, scan_text(folder), take_changes);
    else if (folder->modseq != place->modseq)
        command(task, folder,
                apr_psprintf(folder->pool,
                             "UID FETCH 1:%" APR_INT64_T_FMT
                             " (UID FLAGS) (CHANGEDSINCE %" APR_INT64_T_FMT ")",
                             folder->changes_to, place->modseq),
                take_changes);
    return GT_OK;
}

static gt_err_t *ask_rest(gt_task_t *task, void *state)
{
    if (((gt_folder_run_t *)state)->rest_to > 0)
        gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const changes_steps[] = {ask_changes, ask_rest, NULL};
static const gt_work_t changes_work = {"changes of a folder", changes_steps, NULL};

static gt_err_t *read_changes(gt_task_t *task, void *state)
{
    gt_then(task, &changes_work, state);
    return GT_OK;
}

/* The first ranges of those that are gone, as rows name them. */
static apr_array_header_t *some_gone(const gt_folder_run_t *folder)
{
    apr_array_header_t *some = apr_array_make(folder->pool, 16, sizeof(gt_mail_range_t));

    for (int i = 0; i < folder->gone->nelts && i < GT_MAIL_BATCH; i++) {
        const gt_imap_range_t *range = &APR_ARRAY_IDX(folder->gone, i, gt_imap_range_t);

        APR_ARRAY_PUSH(some, gt_mail_range_t) = (gt_mail_range_t){range->from, range->to};
    }
    return some;
}

/* Ranges go in batches, and each batch again while it had more messages than may go at a time. */
static gt_err_t *remove_gone(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;
    apr_array_header_t *gone = folder->gone, *some;
    int removed = 0;

    if (gone->nelts == 0)
        return GT_OK;
    some = some_gone(folder);
    GT_TRY(gt_batch_write(folder, some, &removed));
    if (removed < GT_MAIL_BATCH) {
        gone->nelts -= some->nelts;
        memmove(gone->elts, gone->elts + some->nelts * gone->elt_size,
                (size_t)(gone->nelts * gone->elt_size));
    }
    gt_again_at(task, gt_ticks());
    return GT_OK;
}

static gt_err_t *write_changes(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    (void)task;
    folder->place.modseq = folder->modseq;
    return gt_batch_write(folder, NULL, NULL);
}

/* ---- 3 new messages ---- */

/* Messages that come in after EXAMINE are left to the next round. Where no UIDNEXT is told, "n:*"
 * names the last message even if it is below n (RFC 3501 section 9); it is passed over then. */
static gt_err_t *find_new(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    folder->find = (gt_folder_find_t){.folder = folder,
                                      .from = folder->place.uidnext,
                                      .to = folder->uidnext > 0 ? folder->uidnext - 1 : 0};
    if (folder->exists == 0 || folder->place.uidnext > UID_LAST ||
        (folder->uidnext > 0 && folder->uidnext <= folder->place.uidnext))
        return GT_OK;
    gt_then(task, &gt_folder_find, &folder->find);
    return GT_OK;
}

static gt_err_t *fetch_new(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    folder->wanted = folder->find.found;
    if (folder->wanted == NULL)
        return GT_OK;
    folder->new_ones = apr_array_copy(folder->pool, folder->wanted);
    folder->found = gt_imap_uid_count(folder->wanted);
    folder->run->sync->counts.to_add += folder->found;
    gt_then(task, &gt_folder_fetch, folder);
    return GT_OK;
}

/* ---- 4 what is gone, and what is missing ---- */

/* With all flags it is known which messages are there. Else the numbers tell, as they were and as
 * they are at the server. */
static int is_to_compare(const gt_folder_run_t *folder)
{
    if (folder->is_anew)
        return 0;
    if (folder->present != NULL || folder->place.exists < 0)
        return 1;
    return folder->place.exists - folder->removed + folder->found != folder->exists;
}

static gt_err_t *find_present(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    folder->is_comparing = is_to_compare(folder);
    if (!folder->is_comparing || folder->present != NULL)
        return GT_OK;
    folder->find = (gt_folder_find_t){.folder = folder, .from = 1, .to = folder->place.uidnext - 1};
    if (folder->exists > 0 && folder->place.uidnext > 1)
        gt_then(task, &gt_folder_find, &folder->find);
    return GT_OK;
}

/* Rows in pages; others get their turn in between. */
static gt_err_t *read_known(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;
    const gt_mail_sync_t *sync = folder->run->sync;
    apr_array_header_t *uids;

    if (!folder->is_comparing)
        return GT_OK;
    if (folder->known == NULL)
        folder->known = apr_array_make(folder->pool, 64, sizeof(gt_imap_range_t));
    apr_pool_clear(folder->chunk_pool);
    GT_TRY(gt_mail_uids(&uids, sync->store, sync->account, &folder->place, folder->known_after,
                        PAGE, folder->chunk_pool));
    for (int i = 0; i < uids->nelts; i++) {
        folder->known_after = APR_ARRAY_IDX(uids, i, apr_int64_t);
        gt_imap_uid_add(folder->known, (apr_uint32_t)folder->known_after);
    }
    if (uids->nelts == PAGE)
        gt_again_at(task, gt_ticks());
    return gt_run_keep(folder->run, folder->pool);
}

/* The messages that are there: by the flags that were read, and the new messages; or by the answer
 * to the question which are. */
static apr_array_header_t *present_of(const gt_folder_run_t *folder)
{
    apr_array_header_t *found = folder->find.found;

    if (folder->present == NULL)
        return found != NULL ? found : apr_array_make(folder->pool, 1, sizeof(gt_imap_range_t));
    if (folder->new_ones != NULL)
        apr_array_cat(folder->present, folder->new_ones);
    gt_imap_uid_sort(folder->present);
    return folder->present;
}

static gt_err_t *compare(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;
    int keeps_all = gt_store_conf(folder->run->sync->store)->mail_keep == 0;
    const apr_array_header_t *present;

    (void)task;
    folder->wanted = apr_array_make(folder->pool, 1, sizeof(gt_imap_range_t));
    if (!folder->is_comparing || folder->place.uidnext <= 1)
        return GT_OK;
    present = present_of(folder);
    if (present->nelts == 0 && keeps_all && folder->exists > 0)
        return gt_imap_broken("a folder that has messages and has none", folder->pool);
    folder->gone = gt_uids_without(folder->known, present, folder->pool);
    /* Flags tell no dates: messages that are too old to be kept would be read again and again. */
    if (keeps_all || folder->present == NULL)
        folder->wanted = gt_uids_without(present, folder->known, folder->pool);
    folder->run->sync->counts.to_add += gt_imap_uid_count(folder->wanted);
    return GT_OK;
}

static gt_err_t *fetch_missing(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    if (folder->wanted->nelts > 0)
        gt_then(task, &gt_folder_fetch, folder);
    return GT_OK;
}

/* ---- 5 the end ---- */

static gt_err_t *write_end(gt_task_t *task, void *state)
{
    gt_folder_run_t *folder = state;

    (void)task;
    folder->place.exists = folder->exists;
    if (folder->uidnext > folder->place.uidnext)
        folder->place.uidnext = folder->uidnext;
    folder->is_finishing = 1;
    return gt_batch_write(folder, NULL, NULL);
}

static gt_step_fn *const folder_steps[] = {
    examine,      begin_anew, read_changes, remove_gone, write_changes, find_new,  fetch_new,
    find_present, read_known, compare,      remove_gone, fetch_missing, write_end, NULL};
const gt_work_t gt_folder_sync = {"a folder", folder_steps, NULL};
