/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file draft_text.c A table for the members, and functions for addresses, which a table cannot
 * state. */

#include "graph/draft_text.h"

#include <string.h>

#include <apr_strings.h>

#include "base/address.h"
#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "graph/id.h"

#define RECIPIENTS_MAX 500 /* of a message, as Exchange has it */
#define SUBJECT_MAX 255
#define BODY_MAX 1000000 /* characters */
#define KEY_MAX 128

/* Recipients are judged one by one below. */
static const gt_rule_t rules_of_new[] = {
    {.name = "to", .kind = GT_RULE_READ_ONLY},
    {.name = "cc", .kind = GT_RULE_READ_ONLY},
    {.name = "bcc", .kind = GT_RULE_READ_ONLY},
    {.name = "subject", .kind = GT_RULE_TEXT, .max = SUBJECT_MAX},
    {.name = "body", .kind = GT_RULE_TEXT, .max = BODY_MAX},
    {.name = "body_type", .kind = GT_RULE_WORD, .words = "text html"},
    {.name = ""}};

static const gt_rule_t rules_of_answer[] = {
    {.name = "message_id", .kind = GT_RULE_TEXT, .required = 1, .min = 1, .max = 1024},
    {.name = "reply_all", .kind = GT_RULE_BOOL},
    {.name = "body", .kind = GT_RULE_TEXT, .required = 1, .min = 1, .max = BODY_MAX},
    {.name = "body_type", .kind = GT_RULE_WORD, .words = "text html"},
    {.name = ""}};

static gt_err_t *complain(gt_err_t *wrong, const char *field, const char *message, apr_pool_t *p)
{
    if (wrong == NULL)
        wrong = gt_err(p, GT_INVALID, "GT0727", "some fields of the draft are not as expected");
    gt_err_field(wrong, field, message);
    return wrong;
}

/* ---- addresses ---- */

/* @return NULL: it is no address */
static json_t *read_address(const char *text, apr_pool_t *p)
{
    const char *name, *email;
    json_t *recipient, *address;

    if (!gt_split_mailbox(&name, &email, text, p) || !gt_is_email(email))
        return NULL;
    recipient = json_object();
    address = json_object();
    if (name != NULL)
        gt_json_set(address, "name", name);
    gt_json_set(address, "address", email);
    gt_json_put(recipient, "emailAddress", address);
    return recipient;
}

static gt_err_t *add_address(gt_err_t *wrong, json_t *list, const json_t *item, const char *field,
                             apr_pool_t *p)
{
    json_t *recipient = json_is_string(item) ? read_address(json_string_value(item), p) : NULL;

    if (recipient == NULL)
        return complain(wrong, field,
                        "must be an address: ada@example.org, or Ada <ada@example.org>", p);
    json_array_append_new(list, recipient);
    return wrong;
}

static gt_err_t *take_recipients(gt_err_t *wrong, gt_draft_wish_t *wish, const json_t *body,
                                 const char *field, apr_pool_t *p)
{
    const json_t *given = json_object_get(body, field), *item;
    json_t *list = json_array();
    apr_size_t i;

    gt_json_put(wish->message, apr_pstrcat(p, field, "Recipients", NULL), list);
    if (given == NULL || json_is_null(given))
        return wrong;
    if (!json_is_array(given))
        return add_address(wrong, list, given, field, p);
    if (json_array_size(given) > RECIPIENTS_MAX)
        return complain(wrong, field, "a message has 500 recipients at most", p);
    json_array_foreach (given, i, item)
        wrong =
            add_address(wrong, list, item, apr_psprintf(p, "%s[%" APR_SIZE_T_FMT "]", field, i), p);
    return wrong;
}

static apr_size_t count_recipients(const json_t *message)
{
    return json_array_size(json_object_get(message, "toRecipients")) +
           json_array_size(json_object_get(message, "ccRecipients")) +
           json_array_size(json_object_get(message, "bccRecipients"));
}

/* ---- the whole ---- */

static json_t *body_of(const char *type, const char *content)
{
    json_t *body = json_object();

    gt_json_set(body, "contentType", type);
    gt_json_set(body, "content", content);
    return body;
}

static gt_err_t *read_new(gt_draft_wish_t *wish, const json_t *body, apr_pool_t *p)
{
    static const char *const lists[] = {"to", "cc", "bcc"};
    const char *subject = gt_json_text(body, "subject");
    gt_err_t *wrong = gt_check(body, rules_of_new, 0, p);

    wish->message = gt_json_object(p);
    for (apr_size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        wrong = take_recipients(wrong, wish, body, lists[i], p);
    if (subject != NULL && gt_has_control(subject, strlen(subject)))
        wrong = complain(wrong, "subject", "must be one line", p);
    if (count_recipients(wish->message) > RECIPIENTS_MAX)
        wrong = complain(wrong, "to", "a message has 500 recipients at most", p);
    if (subject == NULL && wish->body == NULL)
        wrong = complain(wrong, "body", "a draft has a subject or a body", p);
    gt_json_set(wish->message, "subject", subject != NULL ? subject : "");
    gt_json_put(wish->message, "body",
                body_of(wish->is_html ? "html" : "text", wish->body != NULL ? wish->body : ""));
    return wrong;
}

gt_err_t *gt_draft_read(gt_draft_wish_t *wish, const json_t *body, apr_pool_t *p)
{
    const char *type = gt_json_text(body, "body_type"), *id = gt_json_text(body, "message_id");
    gt_err_t *wrong;

    memset(wish, 0, sizeof(*wish));
    wish->body = gt_json_text(body, "body");
    wish->is_html = type != NULL && strcasecmp(type, "html") == 0;
    wish->to_all = json_is_true(json_object_get(body, "reply_all"));
    if (json_object_get(body, "message_id") == NULL)
        return read_new(wish, body, p);
    wrong = gt_check(body, rules_of_answer, 0, p);
    wish->message_id = gt_graph_id(id, p);
    if (id != NULL && wish->message_id == NULL)
        wrong = complain(wrong, "message_id", "must be the id of a message", p);
    return wrong;
}

/* ---- answers ---- */

static char *as_html(const char *text, apr_pool_t *p)
{
    static const char marks[] = "&<>\"\n\r";
    static const char *const written[] = {"&amp;", "&lt;", "&gt;", "&quot;", "<br>\n", ""};
    apr_array_header_t *parts = apr_array_make(p, 64, sizeof(const char *));

    while (*text != '\0') {
        apr_size_t len = strcspn(text, marks);

        if (len > 0)
            APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(p, text, len);
        text += len;
        if (*text != '\0')
            APR_ARRAY_PUSH(parts, const char *) = written[strchr(marks, *text++) - marks];
    }
    return apr_array_pstrcat(p, parts, '\0');
}

/* The place behind "<body …>", or the beginning. */
static const char *behind_body_tag(const char *html)
{
    for (const char *at = html; (at = strchr(at, '<')) != NULL; at++) {
        const char *end = strncasecmp(at, "<body", 5) == 0 ? strchr(at, '>') : NULL;

        if (end != NULL)
            return end + 1;
    }
    return html;
}

json_t *gt_draft_answer(const json_t *graphs, const gt_draft_wish_t *wish, apr_pool_t *p)
{
    const char *earlier = gt_json_text(graphs, "content"),
               *type = gt_json_text(graphs, "contentType");
    int is_text = type != NULL && strcasecmp(type, "text") == 0;
    const char *own = wish->body, *rest;

    if (earlier == NULL)
        earlier = "";
    if (is_text && !wish->is_html)
        return body_of("text", apr_pstrcat(p, own, "\r\n\r\n", earlier, NULL));
    if (is_text)
        earlier = apr_pstrcat(p, "<div>", as_html(earlier, p), "</div>", NULL);
    rest = behind_body_tag(earlier);
    return body_of("html",
                   apr_pstrcat(p, apr_pstrmemdup(p, earlier, (apr_size_t)(rest - earlier)), "<div>",
                               wish->is_html ? own : as_html(own, p), "</div>\n<br>", rest, NULL));
}

gt_err_t *gt_draft_key(const char **key, const char *field, apr_pool_t *p)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
    char *text = gt_unquoted(gt_trim(field, p));
    apr_size_t len = strlen(text);

    if (len == 0 || len > KEY_MAX || strspn(text, letters) < len)
        return gt_err(
            p, GT_INVALID, "GT0728",
            "the header field Idempotency-Key has 1 to 128 letters, digits, '-', '_', '.' "
            "and ':'");
    *key = text;
    return GT_OK;
}
