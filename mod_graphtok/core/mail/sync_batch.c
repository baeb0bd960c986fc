/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_batch.c
 * Rows on their way to the database. A message is read when its bytes arrive, and these are let go
 * at once: what a batch holds is bounded by its texts and by its number of rows. A job may write a
 * batch while the next one is read. It owns the batch, so that it may outlive the round; then the
 * claim, which each transaction asks for, keeps it from writing too late.
 */

#include "mail/sync_run.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <apr_strings.h>

#include "base/json_writer.h"
#include "base/pool.h"
#include "mail/mime.h"

#define SIZE_MOST ((apr_size_t)1024 * 1024) /* bytes of texts in a batch */
#define FLAGS_MOST 1000                     /* bytes of a message's flags */
#define JSON_ROOM 500                       /* bytes that addresses or fields mostly take */

/* ---- values of a row ---- */

/* A server's words are ASCII; others would spoil a row's text. */
static const char *flags_text(const gt_imap_value_t *flags, apr_pool_t *p)
{
    char *text = apr_pstrndup(p, gt_imap_flags_text(flags, p), FLAGS_MOST);

    for (char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c >= 0x7F)
            *c = '?';
    return text;
}

static int is_seen(const gt_imap_value_t *flags)
{
    for (const gt_imap_value_t *flag = flags != NULL ? flags->first : NULL; flag != NULL;
         flag = flag->next)
        if (gt_imap_is(flag, "\\Seen"))
            return 1;
    return 0;
}

static void write_addresses(gt_json_writer_t *writer, const char *key,
                            const apr_array_header_t *addresses)
{
    gt_json_key(writer, key);
    gt_json_open(writer, '[');
    for (int i = 0; i < addresses->nelts; i++) {
        const gt_mime_address_t *one = &APR_ARRAY_IDX(addresses, i, gt_mime_address_t);

        gt_json_open(writer, '{');
        gt_json_key(writer, "name");
        gt_json_write(writer, one->name);
        gt_json_key(writer, "address");
        gt_json_write(writer, one->address);
        gt_json_close(writer, '}');
    }
    gt_json_close(writer, ']');
}

static const char *addresses_of(const gt_mime_t *mail, apr_pool_t *p)
{
    gt_json_writer_t *writer = gt_json_writer_make(JSON_ROOM, p);

    gt_json_open(writer, '{');
    write_addresses(writer, "from", mail->from);
    write_addresses(writer, "to", mail->to);
    write_addresses(writer, "cc", mail->cc);
    write_addresses(writer, "reply_to", mail->reply_to);
    gt_json_close(writer, '}');
    return gt_json_written(writer);
}

/* A field that comes several times stands at its first place with its last value.
 * @return NULL: it stands before this place */
static const char *last_value(const apr_array_header_t *headers, int place)
{
    const char *key = APR_ARRAY_IDX(headers, place, apr_table_entry_t).key;
    const char *value = NULL;

    for (int i = 0; i < headers->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);

        if (strcmp(entry->key, key) != 0)
            continue;
        if (i < place)
            return NULL;
        value = entry->val;
    }
    return value;
}

static void write_headers(gt_json_writer_t *writer, const apr_array_header_t *headers)
{
    gt_json_key(writer, "headers");
    gt_json_open(writer, '{');
    for (int i = 0; i < headers->nelts; i++) {
        const char *value = last_value(headers, i);

        if (value == NULL)
            continue;
        gt_json_key(writer, APR_ARRAY_IDX(headers, i, apr_table_entry_t).key);
        gt_json_write(writer, value);
    }
    gt_json_close(writer, '}');
}

static const char *fields_of(const gt_mime_t *mail, apr_pool_t *p)
{
    gt_json_writer_t *writer = gt_json_writer_make(JSON_ROOM, p);

    gt_json_open(writer, '{');
    gt_json_key(writer, "in_reply_to");
    gt_json_write(writer, mail->in_reply_to);
    gt_json_key(writer, "importance");
    gt_json_write_number(writer, mail->importance);
    gt_json_key(writer, "meeting");
    gt_json_write_number(writer, mail->meeting);
    write_headers(writer, apr_table_elts(mail->headers));
    gt_json_close(writer, '}');
    return gt_json_written(writer);
}

static void fill(gt_mail_message_t *message, const gt_mime_t *mail, apr_pool_t *p)
{
    message->subject = mail->subject;
    message->message_id = mail->message_id;
    message->sent_at = mail->date;
    message->text = mail->text;
    message->addresses = addresses_of(mail, p);
    message->fields = fields_of(mail, p);
    message->has_attachments = mail->has_attachments;
    message->is_cut |= mail->is_cut;
}

/* ---- a batch ---- */

static apr_status_t drop_batch(void *baton)
{
    gt_folder_run_t *folder = baton;

    apr_pool_destroy(folder->batch_pool);
    folder->batch_pool = NULL;
    return APR_SUCCESS;
}

static void begin(gt_folder_run_t *folder)
{
    if (folder->batch_pool == NULL) {
        folder->batch_pool = gt_pool_make(NULL, "gt_mail_batch");
        apr_pool_cleanup_register(folder->pool, folder, drop_batch, apr_pool_cleanup_null);
    }
    if (folder->fresh == NULL) {
        folder->fresh = apr_array_make(folder->batch_pool, 64, sizeof(gt_mail_message_t));
        folder->flagged = apr_array_make(folder->batch_pool, 64, sizeof(gt_mail_flags_t));
        folder->batch_size = 0;
    }
}

static int is_full(const gt_folder_run_t *folder)
{
    return folder->fresh != NULL &&
           (folder->fresh->nelts == GT_MAIL_BATCH || folder->flagged->nelts == GT_MAIL_BATCH ||
            folder->batch_size >= SIZE_MOST);
}

/* ---- writing ---- */

/* A batch on its way. All of it lies in the batch's pool. */
typedef struct writing_t {
    gt_store_t *store;
    gt_mail_folder_t place;
    gt_mail_batch_t batch;
    int is_ours;
    apr_pool_t *pool;
} writing_t;

static writing_t *take_out(gt_folder_run_t *folder, const apr_array_header_t *gone)
{
    const gt_mail_sync_t *sync = folder->run->sync;
    writing_t *writing;

    begin(folder);
    writing = apr_pcalloc(folder->batch_pool, sizeof(*writing));
    writing->pool = folder->batch_pool;
    writing->store = sync->store;
    writing->place = folder->place;
    writing->place.name = apr_pstrdup(writing->pool, folder->place.name);
    writing->place.use = apr_pstrdup(writing->pool, folder->place.use);
    writing->batch = (gt_mail_batch_t){.account = gt_mail_account_dup(sync->account, writing->pool),
                                       .folder = &writing->place,
                                       .fresh = folder->fresh,
                                       .flagged = folder->flagged,
                                       .gone = gone,
                                       .is_scanned = folder->is_finishing && folder->is_scanned};
    folder->fresh = folder->flagged = NULL;
    return writing;
}

static gt_err_t *write_rows(writing_t *writing)
{
    return gt_mail_write(&writing->is_ours, &writing->batch, writing->store, writing->pool);
}

static gt_err_t *count(gt_folder_run_t *folder, const writing_t *writing)
{
    gt_mail_counts_t *counts = &folder->run->sync->counts;

    if (!writing->is_ours)
        return gt_err(folder->run->pool, GT_CANCELLED, "GT1602",
                      "the account is synchronised by another process by now");
    counts->added += writing->batch.added;
    counts->changed += writing->batch.changed;
    counts->removed += writing->batch.removed;
    folder->removed += writing->batch.removed;
    return GT_OK;
}

gt_err_t *gt_batch_write(gt_folder_run_t *folder, const apr_array_header_t *gone, int *removed)
{
    writing_t *writing = take_out(folder, gone);
    gt_err_t *err;

    GT_TRY(write_rows(writing));
    err = count(folder, writing);
    if (removed != NULL)
        *removed = writing->batch.removed;
    apr_pool_clear(folder->batch_pool);
    return err == GT_OK ? gt_run_keep(folder->run, folder->run->pool) : err;
}

/* ---- by a job ---- */

static apr_status_t destroy(void *pool)
{
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

typedef struct handed_t {
    gt_folder_run_t *folder;
} handed_t;

static void *take_over(const void *params, apr_pool_t *p)
{
    gt_folder_run_t *folder = ((const handed_t *)params)->folder;
    writing_t *writing = take_out(folder, NULL);

    apr_pool_cleanup_kill(folder->pool, folder, drop_batch);
    folder->batch_pool = NULL;
    apr_pool_cleanup_register(p, writing->pool, destroy, apr_pool_cleanup_null);
    return writing;
}

static gt_err_t *do_write(gt_task_t *task, void *state)
{
    (void)task;
    return write_rows(state);
}

static gt_step_fn *const write_steps[] = {do_write, NULL};
static const gt_work_t write_work = {"writing messages of a folder", write_steps, NULL};

gt_err_t *gt_batch_hand_over(gt_folder_run_t *folder)
{
    static atomic_uint handed_over;
    const handed_t handed = {folder};
    char key[40];
    const gt_flight_params_t params = {key, &write_work, take_over, &handed};

    assert(folder->writing == NULL);
    apr_snprintf(key, sizeof(key), "mail batch %u", atomic_fetch_add(&handed_over, 1));
    if (folder->writing_pool == NULL)
        folder->writing_pool = gt_pool_make(folder->pool, "gt_mail_writing");
    GT_TRY(gt_crew_begin(&folder->writing, folder->run->sync->crew, &params, folder->writing_pool));
    return gt_run_keep(folder->run, folder->run->pool);
}

static gt_err_t *take_result(gt_folder_run_t *folder)
{
    gt_flight_t *flight = folder->writing;
    gt_err_t *err = gt_err_dup(gt_flight_error(flight), folder->run->pool);

    if (err == GT_OK)
        err = count(folder, gt_flight_state(flight));
    folder->writing = NULL;
    apr_pool_clear(folder->writing_pool);
    return err;
}

static gt_err_t *wait_for_job(gt_task_t *task, void *state)
{
    const gt_folder_run_t *folder = state;

    if (folder->writing == NULL)
        gt_done(task);
    else
        gt_join(task, folder->writing);
    return GT_OK;
}

static gt_err_t *settle(gt_task_t *task, void *state)
{
    (void)task;
    return take_result(state);
}

static gt_step_fn *const settle_steps[] = {wait_for_job, settle, NULL};
const gt_work_t gt_batch_settle = {"the end of a batch of mail", settle_steps, NULL};

/* Long messages fill a batch while their chunk comes in, where the task cannot wait. Then rows are
 * written here beside the job's: both carry the same place, since that moves between chunks, and
 * the database lets one of them wait for the other at the folder's row. */
static gt_err_t *write_soon(gt_folder_run_t *folder)
{
    if (folder->writing != NULL && !gt_flight_has_ended(folder->writing))
        return gt_batch_write(folder, NULL, NULL);
    if (folder->writing != NULL)
        GT_TRY(take_result(folder));
    return gt_batch_hand_over(folder);
}

/* ---- filling ---- */

gt_err_t *gt_batch_message(gt_folder_run_t *folder, const gt_imap_fetched_t *fetched,
                           const gt_imap_value_t *body)
{
    apr_interval_time_t keep = gt_store_conf(folder->run->sync->store)->mail_keep;
    gt_mail_message_t message = {.uid = fetched->uid, .size = fetched->size};
    gt_mime_t mail;

    message.internal_date =
        fetched->internal_date != GT_IMAP_NO_DATE ? fetched->internal_date : apr_time_now();
    if (keep > 0 && message.internal_date < apr_time_now() - keep)
        return GT_OK;
    begin(folder);
    message.flags = flags_text(fetched->flags, folder->batch_pool);
    message.is_seen = is_seen(fetched->flags);
    message.is_cut = fetched->size > (apr_int64_t)body->size;
    gt_mime_read(&mail, body->bytes != NULL ? body->bytes : "", body->size, folder->batch_pool);
    fill(&message, &mail, folder->batch_pool);
    APR_ARRAY_PUSH(folder->fresh, gt_mail_message_t) = message;
    folder->batch_size += strlen(message.addresses) + strlen(message.fields) +
                          (message.text != NULL ? strlen(message.text) : 0);
    return is_full(folder) ? write_soon(folder) : GT_OK;
}

void gt_batch_blank(gt_folder_run_t *folder, apr_int64_t uid)
{
    begin(folder);
    APR_ARRAY_PUSH(folder->fresh, gt_mail_message_t) = (gt_mail_message_t){
        .uid = uid, .flags = "", .size = -1, .is_cut = 1, .internal_date = apr_time_now()};
}

gt_err_t *gt_batch_flags(gt_folder_run_t *folder, const gt_imap_fetched_t *fetched)
{
    if (fetched->flags == NULL || fetched->uid == 0)
        return GT_OK;
    begin(folder);
    APR_ARRAY_PUSH(folder->flagged, gt_mail_flags_t) = (gt_mail_flags_t){
        fetched->uid, flags_text(fetched->flags, folder->batch_pool), is_seen(fetched->flags)};
    return is_full(folder) ? gt_batch_write(folder, NULL, NULL) : GT_OK;
}
