/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The kept copy says enough to sort; nothing is asked of the mail server. */

#include "mail/mail_triage.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/pool.h"

#define PAGE 50
#define SENT_LOOKED 200     /* messages of the folder of sent mail */
#define WRITTEN_TO_MAX 2000 /* people */
#define INBOX "INBOX"

static json_t *parsed(const char *text, apr_pool_t *p)
{
    json_t *json;

    if (text == NULL || gt_json_parse(&json, text, strlen(text), p) != GT_OK)
        json = gt_json_object(p);
    return json;
}

/* ---- the owner ---- */

static void add_written_to(gt_mail_owner_t *owner, const json_t *list)
{
    const json_t *row;
    apr_size_t i;

    json_array_foreach (list, i, row) {
        const char *address = gt_json_text(row, "address");

        if (address != NULL && apr_table_elts(owner->written_to)->nelts < WRITTEN_TO_MAX)
            apr_table_set(owner->written_to, address, "");
    }
}

/* The newest name under which they write, and each address. */
static void add_own(gt_mail_owner_t *owner, const json_t *from, apr_pool_t *p)
{
    const char *address = gt_json_text(from, "address"), *name = gt_json_text(from, "name");

    if (owner->name == NULL && name != NULL) {
        owner->name = apr_pstrdup(p, name);
        if (strchr(name, ',') == NULL)
            owner->given_name = apr_pstrmemdup(p, name, strcspn(name, " "));
    }
    for (int i = 0; address != NULL && i < owner->addresses->nelts; i++)
        if (strcasecmp(APR_ARRAY_IDX(owner->addresses, i, const char *), address) == 0)
            return;
    if (address != NULL)
        APR_ARRAY_PUSH(owner->addresses, const char *) = apr_pstrdup(p, address);
}

static const char *sent_folder(const apr_array_header_t *folders)
{
    for (int i = 0; i < folders->nelts; i++) {
        const gt_mail_folder_t *folder = &APR_ARRAY_IDX(folders, i, gt_mail_folder_t);

        if (folder->use != NULL && strcasecmp(folder->use, "\\Sent") == 0)
            return folder->name;
    }
    return NULL;
}

static gt_err_t *read_owner(gt_mail_triage_t *run, apr_pool_t *p, apr_pool_t *scratch)
{
    gt_mail_list_t list = {.account = run->open.account, .most = SENT_LOOKED};
    apr_array_header_t *folders, *messages;

    run->owner.addresses = apr_array_make(p, 4, sizeof(const char *));
    run->owner.written_to = apr_table_make(p, 64);
    APR_ARRAY_PUSH(run->owner.addresses, const char *) = run->open.account->address;
    GT_TRY(gt_mail_folders(&folders, run->open.store, run->open.account, scratch));
    list.folder = sent_folder(folders);
    if (list.folder == NULL)
        return GT_OK;
    GT_TRY(gt_mail_messages(&messages, run->open.store, &list, scratch));
    for (int i = 0; i < messages->nelts; i++) {
        const gt_mail_message_t *message = &APR_ARRAY_IDX(messages, i, gt_mail_message_t);
        const json_t *addresses = parsed(message->addresses, scratch);

        add_written_to(&run->owner, json_object_get(addresses, "to"));
        add_written_to(&run->owner, json_object_get(addresses, "cc"));
        add_own(&run->owner, json_array_get(json_object_get(addresses, "from"), 0), p);
    }
    return GT_OK;
}

/* ---- messages ---- */

static apr_array_header_t *addresses_of(const json_t *list, apr_pool_t *p)
{
    apr_array_header_t *addresses = apr_array_make(p, 4, sizeof(const char *));
    const json_t *row;
    apr_size_t i;

    json_array_foreach (list, i, row)
        if (gt_json_text(row, "address") != NULL)
            APR_ARRAY_PUSH(addresses, const char *) = gt_json_text(row, "address");
    return addresses;
}

static apr_table_t *headers_of(const json_t *headers, apr_pool_t *p)
{
    apr_table_t *table = apr_table_make(p, 8);
    const char *name;
    const json_t *value;

    json_object_foreach ((json_t *)headers, name, value)
        if (json_is_string(value))
            apr_table_addn(table, name, json_string_value(value));
    return table;
}

static gt_mail_t mail_of(const gt_mail_message_t *message, apr_pool_t *p)
{
    const json_t *addresses = parsed(message->addresses, p), *fields = parsed(message->fields, p);
    const json_t *from = json_array_get(json_object_get(addresses, "from"), 0);
    apr_int64_t importance = 0, meeting = 0;

    if (!gt_json_number(&importance, fields, "importance"))
        importance = 0;
    if (!gt_json_number(&meeting, fields, "meeting") || meeting < GT_MEETING_NONE ||
        meeting > GT_MEETING_ANSWER)
        meeting = GT_MEETING_NONE;
    return (gt_mail_t){.subject = message->subject,
                       .text = message->text,
                       .from = gt_json_text(from, "address"),
                       .from_name = gt_json_text(from, "name"),
                       .to = addresses_of(json_object_get(addresses, "to"), p),
                       .cc = addresses_of(json_object_get(addresses, "cc"), p),
                       .headers = headers_of(json_object_get(fields, "headers"), p),
                       .importance = importance > 0   ? 1
                                     : importance < 0 ? -1
                                                      : 0,
                       .meeting = (gt_meeting_t)meeting};
}

static void sort_one(gt_mail_triage_t *run, const gt_mail_message_t *message, apr_pool_t *p,
                     apr_pool_t *scratch)
{
    const gt_mail_t mail = mail_of(message, scratch);
    gt_sorted_t *sorted =
        gt_sorted_add(run->sorted, &mail, &run->owner, run->rules, run->keeps_text);

    sorted->id = apr_psprintf(p, "%" PRId64, (int64_t)message->id);
    sorted->received = gt_rfc3339(message->internal_date, p);
    sorted->categories = apr_array_make(p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(run->messages, gt_tagged_t) =
        (gt_tagged_t){.uid = message->uid, .uidvalidity = message->uidvalidity};
}

gt_err_t *gt_mail_sort(gt_mail_triage_t *run, apr_pool_t *p)
{
    gt_mail_list_t list = {
        .account = run->open.account, .folder = INBOX, .is_unread = 1, .most = PAGE};
    apr_pool_t *scratch = gt_pool_make(p, "gt_mail_sort");
    apr_array_header_t *page;

    run->sorted = apr_array_make(p, run->top, sizeof(gt_sorted_t));
    run->messages = apr_array_make(p, run->top, sizeof(gt_tagged_t));
    GT_TRY(read_owner(run, p, scratch));
    do {
        apr_pool_clear(scratch);
        GT_TRY(gt_mail_messages(&page, run->open.store, &list, scratch));
        for (int i = 0; i < page->nelts; i++) {
            const gt_mail_message_t *message = &APR_ARRAY_IDX(page, i, gt_mail_message_t);

            run->has_more |= run->sorted->nelts == run->top;
            if (!run->has_more)
                sort_one(run, message, p, scratch);
            list.before_date = message->internal_date;
            list.before_id = message->id;
        }
    } while (page->nelts == PAGE && !run->has_more);
    apr_pool_destroy(scratch);
    return GT_OK;
}
