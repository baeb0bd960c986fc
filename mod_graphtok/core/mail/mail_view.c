/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A page's cursor names the list that it is of, so that it fits that list alone, and the last
 * message before the next page, which may be gone by then. */

#include "mail/mail_view.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/handed_text.h"
#include "base/text.h"
#include "triage/mail.h"

#define LIMIT 50 /* messages of a page, unless the query says how many */
#define LIMIT_MOST 200
#define ACCOUNTS_MOST 100 /* that are named in an error */
#define PREVIEW_MAX 255   /* bytes */

/* ---- the account ---- */

static int is_of(const gt_mail_account_t *account, const char *provider)
{
    return provider == NULL || strcmp(account->owner.provider, provider) == 0;
}

static gt_err_t *none_yet(const char *of, apr_pool_t *p)
{
    return gt_err(p, GT_NOT_FOUND, "GT1630",
                  "there is no mail account%s%s: it is made when the user signs in with the scope "
                  "of mail, where the store says GraphTokMailSync on, or by `graphtokctl account "
                  "add`",
                  of != NULL ? " of provider " : "", of != NULL ? of : "");
}

static gt_err_t *only_one(gt_mail_account_t **account, gt_store_t *store, const char *user,
                          const char *of, apr_pool_t *p)
{
    const char *names = "";
    apr_array_header_t *all;
    int n = 0;

    GT_TRY(gt_mail_account_list(&all, store, user, 0, ACCOUNTS_MOST, p));
    for (int i = 0; i < all->nelts; i++) {
        gt_mail_account_t *one = &APR_ARRAY_IDX(all, i, gt_mail_account_t);

        if (!is_of(one, of))
            continue;
        *account = one;
        names = apr_psprintf(p, "%s%s%" PRId64 " (%s)", names, n++ > 0 ? ", " : "", one->id,
                             one->address);
    }
    if (n == 0)
        return none_yet(of, p);
    return n == 1 ? GT_OK
                  : gt_err(p, GT_INVALID, "GT1631",
                           "several mail accounts are meant: say which one as account: %s", names);
}

gt_err_t *gt_mail_account_meant(gt_mail_account_t **account, gt_store_t *store, const char *user,
                                const char *text, const char *of, apr_pool_t *p)
{
    apr_int64_t id;

    if (text == NULL)
        return only_one(account, store, user, of, p);
    if (!gt_number(&id, text, 1, APR_INT64_MAX))
        return gt_err(p, GT_INVALID, "GT1632", "account: the id of a mail account is a number");
    GT_TRY(gt_mail_account_get(account, store, id, user, p));
    return *account != NULL
               ? GT_OK
               : gt_err(p, GT_NOT_FOUND, "GT1633", "the user has no mail account of this id");
}

/* ---- one message ---- */

static json_t *parsed(const char *text, apr_pool_t *p)
{
    json_t *json;

    if (text == NULL || gt_json_parse(&json, text, strlen(text), p) != GT_OK)
        json = gt_json_object(p);
    return json;
}

static void copy(json_t *json, const char *name, const json_t *from)
{
    json_t *value = json_object_get(from, name);

    if (value != NULL)
        json_object_set(json, name, value);
}

static void put_words(json_t *json, const char *name, const char *words, apr_pool_t *p)
{
    const apr_array_header_t *list = gt_split(words, " ", p);
    json_t *array = json_array();

    gt_json_put(json, name, array);
    for (int i = 0; i < list->nelts; i++)
        json_array_append_new(array, json_string(APR_ARRAY_IDX(list, i, const char *)));
}

static const char *preview(const char *text, apr_pool_t *p)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;
    char *line, *out;

    if (text == NULL)
        return NULL;
    if (len > PREVIEW_MAX)
        for (len = PREVIEW_MAX; ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    line = out = apr_pstrmemdup(p, text, len);
    for (const char *c = line; *c != '\0'; c++)
        if (strchr(" \t\n", *c) == NULL)
            *out++ = *c;
        else if (out > line && out[-1] != ' ')
            *out++ = ' ';
    *out = '\0';
    return line;
}

static void put_fields(json_t *json, const json_t *fields)
{
    static const char *const importance[] = {"low", "normal", "high"};
    static const char *const meetings[] = {NULL, "request", "cancelled", "answer"};
    apr_int64_t number;

    if (gt_json_number(&number, fields, "importance") && number >= -1 && number <= 1)
        gt_json_set(json, "importance", importance[number + 1]);
    if (gt_json_number(&number, fields, "meeting") && number > GT_MEETING_NONE &&
        number <= GT_MEETING_ANSWER)
        gt_json_set(json, "meeting", meetings[number]);
}

static json_t *message_json(const gt_mail_message_t *message, apr_pool_t *p)
{
    const json_t *addresses = parsed(message->addresses, p), *from;
    json_t *json = json_object();

    gt_json_set_number(json, "id", message->id);
    gt_json_set_number(json, "account", message->account);
    gt_json_set(json, "folder", message->folder);
    gt_json_set(json, "subject", message->subject);
    from = json_array_get(json_object_get(addresses, "from"), 0);
    if (from != NULL)
        json_object_set(json, "from", (json_t *)from);
    copy(json, "to", addresses);
    copy(json, "cc", addresses);
    gt_json_set_time(json, "received", message->internal_date, p);
    if (message->sent_at != 0)
        gt_json_set_time(json, "sent", message->sent_at, p);
    gt_json_set_bool(json, "is_read", message->is_seen);
    put_words(json, "flags", message->flags, p);
    gt_json_set_bool(json, "has_attachments", message->has_attachments);
    if (message->size >= 0)
        gt_json_set_number(json, "size", message->size);
    gt_json_set(json, "message_id", message->message_id);
    return json;
}

static json_t *row_json(const gt_mail_message_t *message, apr_pool_t *p)
{
    json_t *json = message_json(message, p);

    put_fields(json, parsed(message->fields, p));
    gt_json_set(json, "preview", preview(message->text, p));
    return json;
}

static json_t *whole_json(const gt_mail_message_t *message, apr_pool_t *p)
{
    json_t *json = message_json(message, p), *fields = parsed(message->fields, p);

    put_fields(json, fields);
    copy(json, "reply_to", parsed(message->addresses, p));
    copy(json, "in_reply_to", fields);
    copy(json, "headers", fields);
    gt_json_set_number(json, "uid", message->uid);
    gt_json_set_number(json, "uidvalidity", message->uidvalidity);
    gt_json_set(json, "text", message->text);
    gt_json_set_bool(json, "is_cut", message->is_cut);
    return json;
}

gt_err_t *gt_mail_show_message(json_t **json, const char *id, gt_store_t *store, const char *user,
                               apr_pool_t *p)
{
    gt_mail_account_t *account = NULL;
    gt_mail_message_t *message = NULL;
    apr_int64_t number, of = 0;

    if (gt_number(&number, id, 1, APR_INT64_MAX))
        GT_TRY(gt_mail_message_account(&of, store, number, p));
    if (of != 0)
        GT_TRY(gt_mail_account_get(&account, store, of, user, p));
    if (account != NULL)
        GT_TRY(gt_mail_message(&message, store, account, number, p));
    if (message == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT1634", "the user has no message of this id");
    *json = gt_json_own(whole_json(message, p), p);
    return GT_OK;
}

/* ---- pages ---- */

/** The parameters of a list, as they are read, and the mistakes in them. */
typedef struct list_query_t {
    const char *account, *folder, *cursor; /* NULL: not given */
    apr_int64_t limit;
    int is_unread;
    gt_err_t *wrong; /* NULL: none so far */
    apr_pool_t *pool;
} list_query_t;

static void mistake(list_query_t *query, const char *name, const char *message)
{
    if (query->wrong == NULL)
        query->wrong =
            gt_err(query->pool, GT_INVALID, "GT1635", "the query of this list is not understood");
    gt_err_field(query->wrong, name, message);
}

static int read_parameter(void *baton, const char *name, const char *value)
{
    list_query_t *query = baton;

    if (strcmp(name, "account") == 0)
        query->account = value;
    else if (strcmp(name, "folder") == 0)
        query->folder = *value != '\0' ? value : NULL;
    else if (strcmp(name, "cursor") == 0)
        query->cursor = *value != '\0' ? value : NULL;
    else if (strcmp(name, "unread") == 0) {
        query->is_unread = strcmp(value, "true") == 0;
        if (!query->is_unread && strcmp(value, "false") != 0)
            mistake(query, name, "true or false");
    }
    else if (strcmp(name, "limit") == 0) {
        if (!gt_number(&query->limit, value, 1, LIMIT_MOST))
            mistake(query, name, apr_psprintf(query->pool, "a number from 1 to %d", LIMIT_MOST));
    }
    else
        mistake(query, "(another)", "the parameters are account, folder, unread, limit and cursor");
    return 1;
}

static const char *list_of(const gt_mail_list_t *list, apr_pool_t *p)
{
    return apr_psprintf(p, "%" PRId64 " %d %s", list->account->id, list->is_unread,
                        list->folder != NULL ? gt_base64url(list->folder, strlen(list->folder), p)
                                             : "*");
}

static const char *cursor_behind(const gt_mail_list_t *list, const gt_mail_message_t *message,
                                 apr_pool_t *p)
{
    return gt_hand_out(apr_psprintf(p, "%s\n%" PRId64 "\n%" PRId64, list_of(list, p),
                                    (int64_t)message->internal_date, (int64_t)message->id),
                       p);
}

static gt_err_t *read_cursor(gt_mail_list_t *list, const char *cursor, apr_pool_t *p)
{
    char *rest = gt_take_back(cursor, p);
    const char *of = gt_cut_line(&rest), *date = gt_cut_line(&rest);

    if (date == NULL || !gt_number(&list->before_date, date, APR_INT64_MIN, APR_INT64_MAX) ||
        !gt_number(&list->before_id, rest, 1, APR_INT64_MAX))
        return gt_err(p, GT_INVALID, "GT1636", "cursor: it is none of this list's, or damaged");
    return strcmp(of, list_of(list, p)) == 0
               ? GT_OK
               : gt_err(p, GT_INVALID, "GT1637",
                        "cursor: it is of a list with another account, folder or unread");
}

static gt_err_t *read_list(gt_mail_list_t *list, list_query_t *query, gt_store_t *store,
                           const char *user)
{
    gt_mail_account_t *account;

    GT_TRY(query->wrong);
    GT_TRY(gt_mail_account_meant(&account, store, user, query->account, NULL, query->pool));
    *list = (gt_mail_list_t){.account = account,
                             .folder = query->folder,
                             .is_unread = query->is_unread,
                             .most = (int)query->limit + 1};
    if (list->is_unread && list->folder == NULL)
        list->folder = "INBOX";
    return query->cursor != NULL ? read_cursor(list, query->cursor, query->pool) : GT_OK;
}

gt_err_t *gt_mail_show_page(json_t *json, const apr_table_t *query, gt_store_t *store,
                            const char *user, apr_pool_t *p)
{
    list_query_t read = {.limit = LIMIT, .pool = p};
    json_t *rows = json_array();
    apr_array_header_t *messages;
    gt_mail_list_t list;

    gt_json_put(json, "messages", rows);
    apr_table_do(read_parameter, &read, query, NULL);
    GT_TRY(read_list(&list, &read, store, user));
    GT_TRY(gt_mail_messages(&messages, store, &list, p));
    gt_json_set_number(json, "account", list.account->id);
    for (int i = 0; i < messages->nelts && i < read.limit; i++)
        json_array_append_new(rows, row_json(&APR_ARRAY_IDX(messages, i, gt_mail_message_t), p));
    if (messages->nelts > read.limit)
        gt_json_set(json, "next",
                    cursor_behind(&list,
                                  &APR_ARRAY_IDX(messages, (int)read.limit - 1, gt_mail_message_t),
                                  p));
    return GT_OK;
}
