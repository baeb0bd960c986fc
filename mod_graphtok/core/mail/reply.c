/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file reply.c Reads the original's row, and writes the wish. */

#include "mail/reply.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"

#define RECIPIENTS_MOST 500
#define ID_MOST 900 /* bytes; with its field's name it fits into a line */

/* A text for one line: controls, line ends among them, become blanks. */
static const char *one_line(const char *text, apr_pool_t *p)
{
    char *line = apr_pstrdup(p, text != NULL ? text : "");

    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
    return line;
}

static json_t *parsed(const char *text, apr_pool_t *p)
{
    json_t *json;

    if (text == NULL || gt_json_parse(&json, text, strlen(text), p) != GT_OK)
        json = gt_json_object(p);
    return json;
}

/* ---- recipients ---- */

static int has(const apr_array_header_t *list, const char *address)
{
    for (int i = 0; i < list->nelts; i++)
        if (strcasecmp(APR_ARRAY_IDX(list, i, gt_mailbox_t).address, address) == 0)
            return 1;
    return 0;
}

/* People of the original who are not addressed yet. @param but  this address is left out */
static void add(gt_mail_wish_t *wish, apr_array_header_t *list, const json_t *people,
                const char *but, apr_pool_t *p)
{
    const json_t *person;
    size_t i;

    json_array_foreach (people, i, person) {
        const char *written = gt_json_text(person, "address"), *name = gt_json_text(person, "name");
        const char *address = written != NULL ? gt_compose_address(written, p) : NULL;

        if (address == NULL || has(wish->to, address) || has(wish->cc, address) ||
            (but != NULL && strcasecmp(address, but) == 0) ||
            wish->to->nelts + wish->cc->nelts == RECIPIENTS_MOST)
            continue;
        APR_ARRAY_PUSH(list, gt_mailbox_t) = (gt_mailbox_t){
            .name = name != NULL && *name != '\0' ? one_line(name, p) : NULL, .address = address};
    }
}

static int is_own(const gt_mail_wish_t *wish, const json_t *from)
{
    const char *address = gt_json_text(json_array_get(from, 0), "address");

    return address != NULL && strcasecmp(address, wish->from) == 0;
}

static void address_it(gt_mail_wish_t *wish, const json_t *people, int to_all, apr_pool_t *p)
{
    const json_t *from = json_object_get(people, "from");
    const json_t *reply_to = json_object_get(people, "reply_to");

    wish->to = apr_array_make(p, 2, sizeof(gt_mailbox_t));
    wish->cc = apr_array_make(p, 2, sizeof(gt_mailbox_t));
    wish->bcc = apr_array_make(p, 1, sizeof(gt_mailbox_t));
    if (is_own(wish, from)) {
        add(wish, wish->to, json_object_get(people, "to"), NULL, p);
    }
    else {
        add(wish, wish->to, json_array_size(reply_to) > 0 ? reply_to : from, NULL, p);
        if (to_all)
            add(wish, wish->cc, json_object_get(people, "to"), wish->from, p);
    }
    if (to_all)
        add(wish, wish->cc, json_object_get(people, "cc"), wish->from, p);
}

/* ---- the thread ---- */

/* "<left@right>": printable ASCII without blanks. */
static int is_id(const char *text)
{
    apr_size_t len = strlen(text);

    if (len < 3 || len > ID_MOST || text[0] != '<' || text[len - 1] != '>')
        return 0;
    for (apr_size_t i = 1; i < len - 1; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7F ||
            strchr("<>", text[i]) != NULL)
            return 0;
    return 1;
}

static void add_id(apr_array_header_t *ids, const char *id, apr_pool_t *p)
{
    const char *written = id != NULL ? apr_pstrcat(p, "<", id, ">", NULL) : "";

    if (is_id(written))
        APR_ARRAY_PUSH(ids, const char *) = written;
}

/* The name of a field is kept as its sender wrote it. */
static const char *field_of(json_t *headers, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach (headers, key, value)
        if (strcasecmp(key, name) == 0)
            return json_string_value(value);
    return NULL;
}

/* RFC 5322 section 3.6.4. All that is kept of a thread (mail/mime.h) is named. */
static void thread_it(gt_mail_wish_t *wish, const gt_mail_message_t *original, apr_pool_t *p)
{
    json_t *fields = parsed(original->fields, p);
    const char *before = field_of(json_object_get(fields, "headers"), "References");
    apr_array_header_t *ids = apr_array_make(p, 8, sizeof(const char *));
    apr_array_header_t *words = gt_split(before != NULL ? before : "", " \t\r\n", p);
    int known;

    for (int i = 0; i < words->nelts; i++)
        if (is_id(APR_ARRAY_IDX(words, i, const char *)))
            APR_ARRAY_PUSH(ids, const char *) = APR_ARRAY_IDX(words, i, const char *);
    if (ids->nelts == 0)
        add_id(ids, gt_json_text(fields, "in_reply_to"), p);
    known = ids->nelts;
    add_id(ids, original->message_id, p);
    if (ids->nelts == known)
        return; /* the original has no id to be named by */
    wish->in_reply_to = APR_ARRAY_IDX(ids, known, const char *);
    wish->references = apr_array_pstrcat(p, ids, ' ');
}

/* ---- its text ---- */

static const char *said_by(const gt_mail_message_t *original, const json_t *from, apr_pool_t *p)
{
    const char *name = gt_json_text(json_array_get(from, 0), "name");
    const char *address = gt_json_text(json_array_get(from, 0), "address");
    apr_time_t when = original->sent_at != 0 ? original->sent_at : original->internal_date;
    apr_time_exp_t t;

    if (name == NULL || *name == '\0')
        name = address != NULL ? address : "?";
    apr_time_exp_gmt(&t, when);
    return apr_psprintf(p, "On %d-%02d-%02d at %02d:%02d UTC, %s wrote:", t.tm_year + 1900,
                        t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, one_line(name, p));
}

/* Lines behind "> "; those of a mail before that one behind one more ">". */
static const char *quoted(const char *text, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 64, sizeof(const char *));

    while (*text != '\0') {
        apr_size_t len = strcspn(text, "\n");

        APR_ARRAY_PUSH(parts, const char *) = *text == '>' ? ">" : "> ";
        APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(p, text, len);
        APR_ARRAY_PUSH(parts, const char *) = "\n";
        text += len + (text[len] == '\n');
    }
    return apr_array_pstrcat(p, parts, '\0');
}

static const char *as_html(const char *text, apr_pool_t *p)
{
    static const char marks[] = "&<>\"\n";
    static const char *const written[] = {"&amp;", "&lt;", "&gt;", "&quot;", "<br>\n"};
    apr_array_header_t *parts = apr_array_make(p, 64, sizeof(const char *));

    while (*text != '\0') {
        apr_size_t len = strcspn(text, marks);

        APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(p, text, len);
        text += len;
        if (*text != '\0')
            APR_ARRAY_PUSH(parts, const char *) = written[strchr(marks, *text++) - marks];
    }
    return apr_array_pstrcat(p, parts, '\0');
}

static void quote_it(gt_mail_wish_t *wish, const gt_mail_message_t *original, const char *by,
                     apr_pool_t *p)
{
    const char *text = original->text != NULL ? original->text : "";

    if (original->is_cut)
        text = apr_pstrcat(p, text, "\n[...]\n", NULL);
    if (wish->html != NULL)
        wish->html = apr_pstrcat(p, "<div>", wish->html, "</div>\n<br>\n<div>", as_html(by, p),
                                 "</div>\n<blockquote type=\"cite\">\n", as_html(text, p),
                                 "</blockquote>\n", NULL);
    else
        wish->text = apr_pstrcat(p, wish->text, "\n\n", by, "\n", quoted(text, p), NULL);
}

/* ---- the whole ---- */

void gt_reply_make(gt_mail_wish_t *wish, const gt_mail_message_t *original, int to_all,
                   apr_pool_t *p)
{
    const json_t *people = parsed(original->addresses, p);
    const char *subject = one_line(original->subject, p);

    address_it(wish, people, to_all, p);
    thread_it(wish, original, p);
    wish->subject =
        strncasecmp(subject, "re:", 3) == 0 ? subject : apr_pstrcat(p, "Re: ", subject, NULL);
    quote_it(wish, original, said_by(original, json_object_get(people, "from"), p), p);
}
