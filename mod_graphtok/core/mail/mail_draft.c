/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mail_draft.c
 * The request is read and the mail composed before the server is asked for anything; then LIST,
 * with a key EXAMINE and SEARCH, and APPEND. The folder is looked for each time: it may have been
 * renamed since it was last synchronised.
 */

#include "mail/mail_draft.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "base/log.h"
#include "imap/folder_name.h"
#include "mail/account_named.h"
#include "mail/mail_key.h"
#include "mail/reply.h"
#include "store/mail_message.h"

#define LONGEST apr_time_from_sec(120)
#define ROW_SPAN (LONGEST + GT_MAIL_KEY_REST)
#define NAME_MOST 1000 /* bytes of a folder's name, on the wire */
#define DIGEST 16

enum { NAMED_SO = 1, SAID_SO = 2 };

static const gt_work_t look_for_it;

/* ---- the mail ---- */

static gt_err_t *find_original(gt_mail_message_t **original, gt_mail_draft_t *draft, apr_int64_t id,
                               apr_pool_t *p)
{
    const json_t *named = json_object_get(draft->body, "account");
    gt_mail_account_t *account = NULL, *said;
    apr_int64_t of = 0;

    *original = NULL;
    GT_TRY(gt_mail_message_account(&of, draft->store, id, p));
    if (of != 0)
        GT_TRY(gt_mail_account_get(&account, draft->store, of, draft->user, p));
    if (account != NULL && named != NULL && !json_is_null(named)) {
        GT_TRY(gt_account_named(&said, draft->store, draft->user, named, p));
        if (said->id != account->id)
            account = NULL;
    }
    if (account != NULL)
        GT_TRY(gt_mail_message(original, draft->store, account, id, p));
    draft->open.account = account;
    return *original != NULL
               ? GT_OK
               : gt_err(p, GT_NOT_FOUND, "GT1675", "the user has no kept message of this id%s",
                        named != NULL ? " in this account" : "");
}

static gt_err_t *find_account(gt_mail_draft_t *draft, apr_pool_t *p)
{
    gt_mail_account_t *account;

    GT_TRY(gt_account_named(&account, draft->store, draft->user,
                            json_object_get(draft->body, "account"), p));
    draft->open.account = account;
    return GT_OK;
}

/* Of a key the same id each time, which tells the key to no reader of the mail. */
static const char *unique_of(const gt_mail_draft_t *draft, apr_pool_t *p)
{
    unsigned char digest[32];
    const char *text;

    if (draft->key == NULL)
        return gt_uuid(p);
    text = apr_psprintf(p, "draft\n%" APR_INT64_T_FMT "\n%s", draft->open.account->id, draft->key);
    gt_sha256(digest, text, strlen(text));
    return gt_hex(digest, DIGEST, p);
}

static gt_err_t *read_request(gt_mail_draft_t *draft, apr_pool_t *p)
{
    gt_mail_wish_t *wish = &draft->wish;
    gt_mail_message_t *original = NULL;
    gt_draft_answers_t answers;

    GT_TRY(gt_compose_read_draft(wish, &answers, draft->body, p));
    if (answers.message_id != 0)
        GT_TRY(find_original(&original, draft, answers.message_id, p));
    else
        GT_TRY(find_account(draft, p));
    wish->from = gt_compose_address(draft->open.account->address, p);
    if (wish->from == NULL)
        return gt_err(p, GT_INVALID, "GT1665",
                      "the mail account has no address that mail can come from");
    if (original != NULL)
        gt_reply_make(wish, original, answers.to_all, p);
    draft->unique = unique_of(draft, p);
    wish->message_id = apr_pstrcat(p, "<", draft->unique, strrchr(wish->from, '@'), ">", NULL);
    wish->date = gt_now();
    wish->keeps_bcc = 1;
    return GT_OK;
}

/* ---- its key ---- */

/* A row that is over is free for the next request, which looks into the folder. */
static gt_err_t *take_key(gt_mail_draft_t *draft, apr_pool_t *p)
{
    gt_send_t *row = &draft->row;
    const char *holder;

    if (draft->key == NULL)
        return GT_OK;
    row->owner = draft->open.account->owner;
    /* A mail that is sent may have the same key: no client's has a blank. */
    row->key = apr_pstrcat(p, "draft ", draft->key, NULL);
    row->message_id = draft->wish.message_id;
    GT_TRY(gt_mail_key_fill(row, draft->vault, draft->body, p));
    holder = row->holder;
    GT_TRY(gt_send_begin(&draft->has_row, row, draft->store, ROW_SPAN, p));
    if (!draft->has_row && row->is_other)
        return gt_mail_key_other(p);
    if (!draft->has_row && gt_mail_key_is_abandoned(row, draft->vault, p))
        GT_TRY(gt_send_take_over(&draft->has_row, row, holder, draft->store, ROW_SPAN, p));
    return draft->has_row ? GT_OK
                          : gt_err(p, GT_CONFLICT, "GT1611",
                                   "the draft of this Idempotency-Key is being made");
}

/* The server has the whole mail, and has said nothing so far. */
static int is_unanswered(const gt_mail_draft_t *draft)
{
    return draft->command.literal != NULL && draft->command.given == draft->command.literal_len &&
           draft->refused == GT_OK;
}

static const char *outcome_of(const gt_mail_draft_t *draft, const gt_err_t *err)
{
    if (err != GT_OK)
        return err->may_be_done || is_unanswered(draft) ? "unknown" : "failed";
    return draft->is_repeat ? "found" : "made";
}

/* However it ends: also with its client, its process or its time. */
static void conclude(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_mail_draft_t *draft = state;
    const gt_mail_account_t *account = draft->open.account;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *left = GT_OK;
    gt_notice_t notice = {.kind = GT_NOTICE_DRAFT,
                          .store = gt_store_name(draft->store),
                          .asker = draft->asker,
                          .err = err};

    if (draft->has_row)
        left = gt_send_end(draft->store, &draft->row, GT_SEND_TEMPORARY, 0, p);
    if (left != GT_OK)
        gt_log_err(left, "the key of a draft");
    if (!draft->is_begun)
        return;
    notice.provider = account->owner.provider;
    notice.user = account->owner.user;
    notice.detail = apr_psprintf(p, "%s: account %" APR_INT64_T_FMT ", %s", outcome_of(draft, err),
                                 account->id, draft->wish.message_id);
    gt_notice(&notice);
}

/* ---- commands ---- */

static void command(gt_task_t *task, gt_mail_draft_t *draft, const char *text,
                    gt_imap_take_fn *take)
{
    draft->command = (gt_imap_command_t){
        .session = draft->open.session, .text = text, .take = take, .baton = draft};
    draft->refused = GT_OK;
    gt_then_try(task, &gt_imap_command, &draft->command, &draft->refused);
}

static int has_word(const gt_imap_value_t *list, const char *word)
{
    for (const gt_imap_value_t *value = list->first; value != NULL; value = value->next)
        if (gt_imap_is(value, word))
            return 1;
    return 0;
}

/* A server without RFC 6154 has names alone, at the top or, as some keep all folders, below the
 * inbox. */
static int rank_of(const gt_imap_value_t *attributes, const char *name)
{
    if (has_word(attributes, "\\Noselect") || has_word(attributes, "\\NonExistent"))
        return 0;
    if (has_word(attributes, "\\Drafts"))
        return SAID_SO;
    if (strncasecmp(name, "INBOX", 5) == 0 && (name[5] == '.' || name[5] == '/'))
        name += 6;
    return strcasecmp(name, "Drafts") == 0 ? NAMED_SO : 0;
}

static gt_err_t *take_folder(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_draft_t *draft = baton;
    const gt_imap_value_t *attributes = answer->values, *name;
    const char *wire, *text;
    int rank;

    if (answer->form != GT_IMAP_DATA || !gt_imap_is_named(answer, "LIST") || attributes == NULL ||
        attributes->kind != GT_IMAP_LIST || attributes->next == NULL)
        return GT_OK;
    name = attributes->next->next;
    wire = name != NULL ? gt_imap_astring(name) : NULL;
    text = wire != NULL && strlen(wire) <= NAME_MOST ? gt_folder_name(wire, p) : NULL;
    rank = text != NULL ? rank_of(attributes, text) : 0;
    if (rank <= draft->rank || gt_folder_quoted(text, p) == NULL)
        return GT_OK;
    draft->rank = rank;
    draft->folder = apr_pstrdup(draft->pool, text);
    draft->wire = gt_folder_quoted(draft->folder, draft->pool);
    return GT_OK;
}

static gt_err_t *take_place(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_draft_t *draft = baton;

    (void)p;
    if (answer->form == GT_IMAP_STATUS && answer->code != NULL &&
        strcasecmp(answer->code, "UIDVALIDITY") == 0 &&
        !gt_imap_nz_number(&draft->uidvalidity, answer->values))
        draft->uidvalidity = 0;
    return GT_OK;
}

static gt_err_t *take_found(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_draft_t *draft = baton;

    (void)p;
    if (answer->form == GT_IMAP_DATA && gt_imap_is_named(answer, "SEARCH") &&
        !gt_imap_nz_number(&draft->uid, answer->values))
        draft->uid = 0;
    return GT_OK;
}

/* "OK [APPENDUID 38505 3955]" (RFC 4315 section 3). */
static gt_err_t *take_made(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_draft_t *draft = baton;

    (void)p;
    if (answer->form != GT_IMAP_STATUS || answer->code == NULL ||
        strcasecmp(answer->code, "APPENDUID") != 0 || answer->values == NULL)
        return GT_OK;
    if (!gt_imap_nz_number(&draft->uidvalidity, answer->values) ||
        !gt_imap_nz_number(&draft->uid, answer->values->next))
        draft->uidvalidity = draft->uid = 0;
    return GT_OK;
}

/* ---- steps ---- */

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;

    draft->pool = gt_task_pool(task);
    if (!gt_mail_is_kept(draft->store, draft->pool))
        return gt_err(draft->pool, GT_NOT_FOUND, "GT1676",
                      "there are no mail accounts here: the store has no GraphTokMailSync on, or "
                      "`graphtokctl migrate` was not run since");
    gt_task_limit(task, LONGEST);
    GT_TRY(read_request(draft, draft->pool));
    GT_TRY(take_key(draft, draft->pool));
    draft->is_begun = 1;
    draft->open.vault = draft->vault;
    draft->open.store = draft->store;
    draft->open.asker = draft->asker;
    gt_then(task, &gt_mail_session_open, &draft->open);
    return GT_OK;
}

static gt_err_t *ask_folders(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;
    int tells_use = gt_imap_can(draft->open.session, "SPECIAL-USE") &&
                    gt_imap_can(draft->open.session, "LIST-EXTENDED");

    command(task, draft, tells_use ? "LIST \"\" \"*\" RETURN (SPECIAL-USE)" : "LIST \"\" \"*\"",
            take_folder);
    return GT_OK;
}

static gt_err_t *no_folder(gt_mail_draft_t *draft)
{
    return gt_err(draft->pool, GT_NOT_FOUND, "GT1677",
                  "the mailbox %s has no folder for drafts: make one in a mail program, as the "
                  "folder for drafts or under the name Drafts",
                  draft->open.account->address);
}

static gt_err_t *choose_folder(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;

    GT_TRY(draft->refused);
    if (draft->wire == NULL)
        return no_folder(draft);
    if (draft->key != NULL)
        gt_then(task, &look_for_it, draft);
    return GT_OK;
}

static gt_err_t *append(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;
    apr_pool_t *p = draft->pool;
    apr_size_t len;
    const char *bytes = gt_compose(&len, &draft->wish, p);

    if (draft->is_repeat) {
        gt_done(task);
        return GT_OK;
    }
    command(task, draft,
            apr_psprintf(p, "APPEND %s (\\Draft \\Seen) {%" APR_SIZE_T_FMT "}", draft->wire, len),
            take_made);
    draft->command.literal = apr_pstrcat(p, bytes, "\r\n", NULL);
    draft->command.literal_len = len + 2;
    return GT_OK;
}

/* The whole mail was given to a server that then said nothing of it. */
static int may_be_there(const gt_mail_draft_t *draft)
{
    return draft->command.given == draft->command.literal_len &&
           (draft->refused->cls == GT_TIMEOUT || draft->refused->cls == GT_UPSTREAM);
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;

    (void)task;
    if (draft->refused == GT_OK)
        return GT_OK;
    if (draft->refused->cls == GT_NOT_FOUND)
        return no_folder(draft);
    draft->refused->may_be_done = may_be_there(draft);
    if (draft->refused->cls == GT_REFUSED)
        draft->refused->status = 422;
    return gt_err_in(draft->refused,
                     draft->refused->may_be_done ? "the draft may have been made in %s: look there"
                                                 : "the draft was not made in %s",
                     draft->folder);
}

static gt_step_fn *const steps[] = {begin, ask_folders, choose_folder, append, judge, NULL};
const gt_work_t gt_mail_draft = {"put a draft into a mailbox", steps, conclude};

/* ---- a draft of the key ---- */

static gt_err_t *examine(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;

    command(task, draft, apr_pstrcat(draft->pool, "EXAMINE ", draft->wire, NULL), take_place);
    return GT_OK;
}

static gt_err_t *search(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;

    GT_TRY(draft->refused);
    command(task, draft,
            apr_pstrcat(draft->pool, "UID SEARCH HEADER Message-ID \"", draft->unique, "\"", NULL),
            take_found);
    return GT_OK;
}

static gt_err_t *note_repeat(gt_task_t *task, void *state)
{
    gt_mail_draft_t *draft = state;

    (void)task;
    draft->is_repeat = draft->uid != 0;
    return draft->refused;
}

static gt_step_fn *const look_steps[] = {examine, search, note_repeat, NULL};
static const gt_work_t look_for_it = {"look for the draft of a key", look_steps, NULL};
