/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync.c
 * A round: the session, the list of folders, and each folder in turn.
 */

#include "mail/sync.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/sync_run.h"

#define LONGEST apr_time_from_sec(50 * 60) /* within the life of a token */
#define TROUBLE_MOST 300

/* ---- commands and the claim ---- */

/* Each answer is patience won, so that the claim, and the end of the round, bound a command. */
static gt_err_t *take_and_keep(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_run_t *run = baton;

    if (run->take != NULL)
        GT_TRY(run->take(run->baton, answer, p));
    return gt_run_keep(run, run->pool);
}

static void prepare(gt_mail_run_t *run, const char *text, gt_imap_take_fn *take, void *baton)
{
    run->take = take;
    run->baton = baton;
    run->command = (gt_imap_command_t){
        .session = run->session, .text = text, .is_long = 1, .take = take_and_keep, .baton = run};
}

void gt_run_command(gt_task_t *task, gt_mail_run_t *run, const char *text, gt_imap_take_fn *take,
                    void *baton)
{
    prepare(run, text, take, baton);
    gt_then(task, &gt_imap_command, &run->command);
}

void gt_run_command_try(gt_task_t *task, gt_mail_run_t *run, const char *text,
                        gt_imap_take_fn *take, void *baton)
{
    prepare(run, text, take, baton);
    gt_then_try(task, &gt_imap_command, &run->command, &run->refused);
}

int gt_run_is_no(const gt_err_t *err)
{
    return err->cls == GT_REFUSED || err->cls == GT_FORBIDDEN || err->cls == GT_NOT_FOUND;
}

gt_err_t *gt_run_keep(gt_mail_run_t *run, apr_pool_t *p)
{
    const apr_time_t now = gt_ticks();
    int is_away;

    if (now < run->keep_at)
        return GT_OK;
    if (now >= run->must_end_at)
        return gt_err(p, GT_TIMEOUT, "GT1604",
                      "the round has lasted for %d minutes; the next one goes on where it ended",
                      (int)(apr_time_sec(LONGEST) / 60));
    GT_TRY(gt_mail_sync_keep(&is_away, run->sync, p));
    run->keep_at = gt_ticks() + (is_away ? GT_MAIL_AGAIN : GT_MAIL_KEEP_EVERY);
    return GT_OK;
}

gt_err_t *gt_mail_sync_keep(int *is_away, gt_mail_sync_t *sync, apr_pool_t *p)
{
    int goes_on;
    gt_err_t *err = gt_mail_account_keep(&goes_on, sync->store, sync->account, GT_MAIL_CLAIM, p);

    *is_away = err != GT_OK && err->cls == GT_STORE_AWAY;
    if (err != GT_OK)
        return *is_away ? GT_OK : err;
    sync->claim_ends_at = gt_ticks() + GT_MAIL_CLAIM;
    return goes_on ? GT_OK
                   : gt_err(p, GT_CANCELLED, "GT1605",
                            "the account was switched off or changed, or is another process's");
}

/* ---- the session ---- */

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_mail_sync_t *sync = state;
    apr_pool_t *p;
    gt_mail_run_t *run;

    gt_mail_sync_close(sync);
    p = gt_pool_make(gt_task_pool(task), "gt_mail_round");
    run = apr_pcalloc(p, sizeof(*run));
    sync->run = run;
    sync->trouble = NULL;
    sync->token_ends_at = 0;
    run->sync = sync;
    run->pool = p;
    if (sync->claim_ends_at == 0)
        sync->claim_ends_at = gt_ticks() + GT_MAIL_CLAIM;
    run->keep_at = gt_ticks() + GT_MAIL_KEEP_EVERY;
    run->must_end_at = gt_ticks() + LONGEST;
    run->by_wire = apr_hash_make(p);
    run->by_name = apr_hash_make(p);
    run->list = apr_array_make(p, 16, sizeof(gt_listed_t *));
    run->folder_pool = gt_pool_make(p, "gt_mail_folder");
    return GT_OK;
}

void gt_mail_sync_close(gt_mail_sync_t *sync)
{
    if (sync->run != NULL)
        apr_pool_destroy(sync->run->pool);
    sync->run = NULL;
}

static gt_err_t *open_session(gt_task_t *task, void *state)
{
    gt_mail_sync_t *sync = state;

    sync->run->open = (gt_mail_session_t){.vault = sync->vault,
                                          .store = sync->store,
                                          .account = sync->account,
                                          .pool = sync->run->pool};
    gt_then(task, &gt_mail_session_open, &sync->run->open);
    return GT_OK;
}

static gt_err_t *take_enabled(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_run_t *run = baton;

    (void)p;
    for (const gt_imap_value_t *word = answer->values;
         word != NULL && gt_imap_is_named(answer, "ENABLED"); word = word->next)
        run->has_qresync |= gt_imap_is(word, "QRESYNC");
    return GT_OK;
}

static gt_err_t *enable(gt_task_t *task, void *state)
{
    gt_mail_sync_t *sync = state;
    gt_mail_run_t *run = sync->run;

    GT_TRY(gt_run_keep(run, run->pool));
    run->session = run->open.session;
    sync->token_ends_at = run->open.token_ends_at;
    if (gt_imap_can(run->session, "QRESYNC") && gt_imap_can(run->session, "ENABLE"))
        gt_run_command(task, run, "ENABLE QRESYNC", take_enabled, run);
    return GT_OK;
}

/* ---- folders ---- */

static gt_err_t *list(gt_task_t *task, void *state)
{
    gt_mail_run_t *run = ((gt_mail_sync_t *)state)->run;

    gt_run_command(task, run, gt_run_list_command(run->session, run->pool), gt_run_take_list, run);
    return GT_OK;
}

/* Each mailbox has an inbox. A list without one is no ground to drop what is kept. */
static gt_err_t *check_list(gt_task_t *task, void *state)
{
    gt_mail_sync_t *sync = state;
    gt_mail_run_t *run = sync->run;

    (void)task;
    if (!run->has_inbox)
        return gt_imap_broken("a list of folders without INBOX", run->pool);
    sync->counts.folders = run->list->nelts + run->unreadable;
    sync->counts.failed = run->unreadable;
    sync->counts.done = 0;
    if (run->unreadable > 0)
        sync->trouble = apr_psprintf(run->pool, "%s with a name that cannot be read: %.80s",
                                     gt_counted(run->unreadable, "folder", "folders", run->pool),
                                     run->unread_name);
    return gt_mail_folders(&run->kept, sync->store, sync->account, run->pool);
}

static const gt_mail_folder_t *kept_of(const gt_mail_run_t *run, const char *name)
{
    for (int i = 0; i < run->kept->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(run->kept, i, gt_mail_folder_t).name, name) == 0)
            return &APR_ARRAY_IDX(run->kept, i, gt_mail_folder_t);
    return NULL;
}

static gt_err_t *next_folder(gt_task_t *task, void *state)
{
    gt_mail_run_t *run = ((gt_mail_sync_t *)state)->run;
    const gt_listed_t *listed;

    GT_TRY(gt_run_keep(run, run->pool));
    if (run->next == run->list->nelts) {
        gt_done(task);
        return GT_OK;
    }
    listed = APR_ARRAY_IDX(run->list, run->next++, gt_listed_t *);
    apr_pool_clear(run->folder_pool);
    run->folder = gt_folder_make(run, listed, kept_of(run, listed->name), run->folder_pool);
    gt_then_try(task, &gt_folder_sync, run->folder, &run->folder_err);
    return GT_OK;
}

/* A folder that failed may have left a job which writes. */
static gt_err_t *settle(gt_task_t *task, void *state)
{
    gt_mail_run_t *run = ((gt_mail_sync_t *)state)->run;

    run->write_err = GT_OK;
    gt_then_try(task, &gt_batch_settle, run->folder, &run->write_err);
    return GT_OK;
}

/* A folder that went while the round is under way is no trouble. */
static void note_folder(gt_mail_sync_t *sync, const gt_listed_t *listed, const gt_err_t *err)
{
    const char *one;

    if (err->cls == GT_NOT_FOUND)
        return;
    sync->counts.failed++;
    one = apr_psprintf(sync->run->pool, "folder %.80s: %s", listed->name, err->detail);
    gt_log(GT_LOG_WARNING, "GT1609", "mail account %" PRId64 ", %s (%s)", sync->account->id, one,
           err->tag);
    if (sync->trouble == NULL)
        sync->trouble = one;
    else if (strlen(sync->trouble) < TROUBLE_MOST)
        sync->trouble = apr_pstrcat(sync->run->pool, sync->trouble, "; ", one, NULL);
}

static gt_err_t *note_and_go_on(gt_task_t *task, void *state)
{
    gt_mail_sync_t *sync = state;
    gt_mail_run_t *run = sync->run;

    if (run->write_err != GT_OK && (run->folder_err == GT_OK || gt_run_is_no(run->folder_err)))
        run->folder_err = run->write_err;
    if (run->folder_err != GT_OK && !gt_run_is_no(run->folder_err))
        return gt_err_in(run->folder_err, "folder %.80s", run->folder->listed->name);
    if (run->folder_err != GT_OK)
        note_folder(sync, run->folder->listed, run->folder_err);
    sync->counts.done++;
    gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const each_steps[] = {next_folder, settle, note_and_go_on, NULL};
static const gt_work_t each_work = {"the folders of a mailbox", each_steps, NULL};

static gt_err_t *each(gt_task_t *task, void *state)
{
    gt_then(task, &each_work, state);
    return GT_OK;
}

/* ---- folders that are gone ---- */

static int is_listed(const gt_mail_run_t *run, const char *name)
{
    for (int i = 0; i < run->list->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(run->list, i, gt_listed_t *)->name, name) == 0)
            return 1;
    return 0;
}

/* One that was renamed is one that is gone and a new one, since servers may give two folders the
 * same UIDVALIDITY. */
static gt_err_t *drop_gone(gt_task_t *task, void *state)
{
    gt_mail_sync_t *sync = state;
    gt_mail_run_t *run = sync->run;
    const gt_mail_folder_t *kept;
    int dropped;

    GT_TRY(gt_run_keep(run, run->pool));
    while (run->gone < run->kept->nelts &&
           is_listed(run, APR_ARRAY_IDX(run->kept, run->gone, gt_mail_folder_t).name))
        run->gone++;
    if (run->gone == run->kept->nelts)
        return GT_OK;
    kept = &APR_ARRAY_IDX(run->kept, run->gone, gt_mail_folder_t);
    apr_pool_clear(run->folder_pool);
    GT_TRY(gt_mail_drop(&dropped, sync->store, sync->account, kept->name, 0, run->folder_pool));
    sync->counts.removed += dropped;
    if (dropped < GT_MAIL_BATCH) {
        GT_TRY(gt_mail_folder_drop(sync->store, sync->account, kept->name, run->folder_pool));
        run->gone++;
    }
    gt_again_at(task, gt_ticks());
    return GT_OK;
}

static gt_step_fn *const sync_steps[] = {begin,      open_session, enable,    list,
                                         check_list, each,         drop_gone, NULL};
const gt_work_t gt_mail_sync = {"synchronising a mail account", sync_steps, NULL};

/* ---- news ---- */

static gt_err_t *look_at_inbox(gt_task_t *task, void *state)
{
    gt_mail_watch_t *watch = state;
    gt_mail_run_t *run = watch->sync->run;

    watch->has_news = 0;
    run->command = (gt_imap_command_t){.session = run->session, .text = "EXAMINE INBOX"};
    if (gt_imap_can(run->session, "IDLE"))
        gt_then(task, &gt_imap_command, &run->command);
    else
        gt_done(task);
    return GT_OK;
}

static gt_err_t *wait_for_news(gt_task_t *task, void *state)
{
    gt_mail_watch_t *watch = state;

    watch->idle = apr_pcalloc(gt_task_pool(task), sizeof(*watch->idle));
    watch->idle->session = watch->sync->run->session;
    watch->idle->until = watch->until;
    gt_then(task, &gt_imap_idle, watch->idle);
    return GT_OK;
}

static gt_err_t *note_news(gt_task_t *task, void *state)
{
    gt_mail_watch_t *watch = state;

    (void)task;
    watch->has_news = watch->idle->has_news;
    return GT_OK;
}

static gt_step_fn *const watch_steps[] = {look_at_inbox, wait_for_news, note_news, NULL};
const gt_work_t gt_mail_watch = {"waiting for news of a mailbox", watch_steps, NULL};
