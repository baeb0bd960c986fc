/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_batch.c
 * Rows on their way to the database. A message is read when its bytes arrive, and these are let go
 * at once: what a batch holds is bounded by its texts and by its number of rows.
 */

#include "mail/sync_run.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "base/pool.h"
#include "mail/mime.h"

#define SIZE_MOST ((apr_size_t)1024 * 1024) /* bytes of texts in a batch */
#define FLAGS_MOST 1000                     /* bytes of a message's flags */

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

static json_t *addresses_json(const apr_array_header_t *addresses)
{
    json_t *list = json_array();

    for (int i = 0; i < addresses->nelts; i++) {
        const gt_mime_address_t *one = &APR_ARRAY_IDX(addresses, i, gt_mime_address_t);
        json_t *row = json_object();

        json_array_append_new(list, row);
        gt_json_set(row, "name", one->name);
        gt_json_set(row, "address", one->address);
    }
    return list;
}

static const char *addresses_of(const gt_mime_t *mail, apr_pool_t *p)
{
    json_t *all = gt_json_object(p);

    gt_json_put(all, "from", addresses_json(mail->from));
    gt_json_put(all, "to", addresses_json(mail->to));
    gt_json_put(all, "cc", addresses_json(mail->cc));
    gt_json_put(all, "reply_to", addresses_json(mail->reply_to));
    return gt_json_dump(all, p);
}

static int add_header(void *baton, const char *name, const char *value)
{
    gt_json_set(baton, name, value);
    return 1;
}

static const char *fields_of(const gt_mime_t *mail, apr_pool_t *p)
{
    json_t *all = gt_json_object(p), *headers = json_object();

    gt_json_set(all, "in_reply_to", mail->in_reply_to);
    gt_json_set_number(all, "importance", mail->importance);
    gt_json_set_number(all, "meeting", mail->meeting);
    gt_json_put(all, "headers", headers);
    if (mail->headers != NULL)
        apr_table_do(add_header, headers, mail->headers, NULL);
    return gt_json_dump(all, p);
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

static void begin(gt_folder_run_t *folder)
{
    if (folder->batch_pool == NULL)
        folder->batch_pool = gt_pool_make(folder->pool, "gt_mail_batch");
    if (folder->fresh == NULL) {
        folder->fresh = apr_array_make(folder->batch_pool, 64, sizeof(gt_mail_message_t));
        folder->flagged = apr_array_make(folder->batch_pool, 64, sizeof(gt_mail_flags_t));
        folder->batch_size = 0;
    }
}

int gt_batch_is_full(const gt_folder_run_t *folder)
{
    return folder->fresh != NULL &&
           (folder->fresh->nelts == GT_MAIL_BATCH || folder->flagged->nelts == GT_MAIL_BATCH ||
            folder->batch_size >= SIZE_MOST);
}

gt_err_t *gt_batch_message(gt_folder_run_t *folder, const gt_imap_fetched_t *fetched,
                           const gt_imap_value_t *body)
{
    apr_interval_time_t keep = gt_store_conf(folder->run->sync->store)->mail_keep;
    gt_mail_message_t message = {.uid = fetched->uid, .size = fetched->size};
    gt_mime_t mail;

    message.internal_date = fetched->internal_date != 0 ? fetched->internal_date : apr_time_now();
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
    return gt_batch_is_full(folder) ? gt_batch_write(folder, NULL, NULL) : GT_OK;
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
    return gt_batch_is_full(folder) ? gt_batch_write(folder, NULL, NULL) : GT_OK;
}

gt_err_t *gt_batch_write(gt_folder_run_t *folder, const apr_array_header_t *gone, int *removed)
{
    gt_mail_run_t *run = folder->run;
    gt_mail_counts_t *counts = &run->sync->counts;
    gt_mail_batch_t batch = {.account = run->sync->account, .folder = &folder->place};
    int is_ours;

    begin(folder);
    batch.fresh = folder->fresh;
    batch.flagged = folder->flagged;
    batch.gone = gone;
    batch.is_scanned = folder->is_finishing && folder->is_scanned;
    GT_TRY(gt_mail_write(&is_ours, &batch, run->sync->store, folder->batch_pool));
    folder->fresh = folder->flagged = NULL;
    apr_pool_clear(folder->batch_pool);
    if (!is_ours)
        return gt_err(run->pool, GT_CANCELLED, "GT1602",
                      "the account is synchronised by another process by now");
    counts->added += batch.added;
    counts->changed += batch.changed;
    counts->removed += batch.removed;
    folder->removed += batch.removed;
    if (removed != NULL)
        *removed = batch.removed;
    return gt_run_keep(run, run->pool);
}
