/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file compose_read.c The wishes of a client, held against their rules. */

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <idn2.h>

#include "base/address.h"
#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "mail/compose.h"

#define RECIPIENTS_MAX 500
#define NAME_MAX_LEN 255
#define ADDRESS_MAX 254
#define SUBJECT_MAX 255
#define TEXT_MAX 1000000 /* characters */
#define ATTACHMENTS_MAX 100

/* Recipients and attachments are judged one by one below. */
static const gt_rule_t rules[] = {{.name = "to", .kind = GT_RULE_READ_ONLY},
                                  {.name = "cc", .kind = GT_RULE_READ_ONLY},
                                  {.name = "bcc", .kind = GT_RULE_READ_ONLY},
                                  {.name = "account", .kind = GT_RULE_READ_ONLY},
                                  {.name = "subject", .kind = GT_RULE_TEXT, .max = SUBJECT_MAX},
                                  {.name = "text", .kind = GT_RULE_TEXT, .max = TEXT_MAX},
                                  {.name = "html", .kind = GT_RULE_TEXT, .max = TEXT_MAX},
                                  {.name = "attachments", .kind = GT_RULE_READ_ONLY},
                                  {.name = ""}};

static const gt_rule_t draft_rules[] = {
    {.name = "to", .kind = GT_RULE_READ_ONLY},
    {.name = "cc", .kind = GT_RULE_READ_ONLY},
    {.name = "bcc", .kind = GT_RULE_READ_ONLY},
    {.name = "account", .kind = GT_RULE_READ_ONLY},
    {.name = "subject", .kind = GT_RULE_TEXT, .max = SUBJECT_MAX},
    {.name = "body", .kind = GT_RULE_TEXT, .max = TEXT_MAX},
    {.name = "body_type", .kind = GT_RULE_WORD, .words = "text html"},
    {.name = ""}};

static const gt_rule_t answer_rules[] = {
    {.name = "message_id", .kind = GT_RULE_READ_ONLY},
    {.name = "account", .kind = GT_RULE_READ_ONLY},
    {.name = "reply_all", .kind = GT_RULE_BOOL},
    {.name = "body", .kind = GT_RULE_TEXT, .required = 1, .min = 1, .max = TEXT_MAX},
    {.name = "body_type", .kind = GT_RULE_WORD, .words = "text html"},
    {.name = ""}};

static gt_err_t *complain(gt_err_t *wrong, const char *field, const char *message, apr_pool_t *p)
{
    if (wrong == GT_OK)
        wrong = gt_err(p, GT_INVALID, "GT1662", "some fields of the mail are not as expected");
    gt_err_field(wrong, field, message);
    return wrong;
}

/* ---- addresses ---- */

static int is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text > 0x7E)
            return 0;
    return 1;
}

/* A quoted string may hold what would end a path of SMTP, or begin another address. */
const char *gt_compose_address(const char *address, apr_pool_t *p)
{
    const char *at = strrchr(address, '@'), *made = address;
    char *domain;

    if (!gt_is_email(address) || strpbrk(address, "<> ") != NULL)
        return NULL;
    if (!is_ascii(at)) {
        if (idn2_to_ascii_8z(at + 1, &domain, IDN2_NONTRANSITIONAL) != IDN2_OK)
            return NULL;
        made = apr_pstrcat(p, apr_pstrmemdup(p, address, (apr_size_t)(at + 1 - address)), domain,
                           NULL);
        idn2_free(domain);
    }
    return strlen(made) <= ADDRESS_MAX ? made : NULL;
}

/* "ada@example.org" or "Ada <ada@example.org>". @return 0: it is no address */
static int read_mailbox(gt_mailbox_t *box, const char *text, apr_pool_t *p)
{
    const char *address;

    if (!gt_split_mailbox(&box->name, &address, text, p))
        return 0;
    box->address = gt_compose_address(address, p);
    return box->address != NULL;
}

static gt_err_t *add_mailbox(gt_err_t *wrong, apr_array_header_t *list, const json_t *item,
                             const char *field, apr_pool_t *p)
{
    gt_mailbox_t box = {.field = field};

    if (!json_is_string(item) || !read_mailbox(&box, json_string_value(item), p))
        return complain(wrong, field,
                        "must be an address: ada@example.org, or Ada <ada@example.org>", p);
    APR_ARRAY_PUSH(list, gt_mailbox_t) = box;
    return wrong;
}

static gt_err_t *read_mailboxes(gt_err_t *wrong, apr_array_header_t **list, const json_t *body,
                                const char *field, apr_pool_t *p)
{
    const json_t *given = json_object_get(body, field), *item;
    apr_size_t i;

    *list = apr_array_make(p, 4, sizeof(gt_mailbox_t));
    if (given == NULL || json_is_null(given))
        return wrong;
    if (!json_is_array(given))
        return add_mailbox(wrong, *list, given, field, p);
    if (json_array_size(given) > RECIPIENTS_MAX)
        return complain(wrong, field, "a mail has 500 recipients at most", p);
    json_array_foreach (given, i, item)
        wrong = add_mailbox(wrong, *list, item,
                            apr_psprintf(p, "%s[%" APR_SIZE_T_FMT "]", field, i), p);
    return wrong;
}

/* ---- attachments ---- */

/* "application/pdf": two tokens (RFC 2045 section 5.1). Multiparts and messages may not be in
 * base64 (section 6.4). */
static int is_content_type(const char *type)
{
    static const char also[] = "!#$&^_.+-";
    const char *slash = strchr(type, '/');

    if (slash == NULL || slash == type || slash[1] == '\0' || strlen(type) > 127 ||
        strncasecmp(type, "multipart/", 10) == 0 || strncasecmp(type, "message/", 8) == 0)
        return 0;
    for (const char *c = type; *c != '\0'; c++)
        if (c != slash && !apr_isalnum(*c) && strchr(also, *c) == NULL)
            return 0;
    return 1;
}

/* Canonical, so that it can be passed on as it is. */
static int is_base64(const char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    apr_size_t len = strlen(text), own = strspn(text, alphabet), pads = len - own;
    const char *last;

    if (len % 4 != 0 || pads > 2 || strspn(text + own, "=") != pads)
        return 0;
    if (pads == 0)
        return 1;
    last = strchr(alphabet, text[own - 1]);
    return (last - alphabet) % (pads == 2 ? 16 : 4) == 0;
}

static gt_err_t *add_attachment(gt_err_t *wrong, apr_array_header_t *list, const json_t *item,
                                const char *field, apr_pool_t *p)
{
    const char *name = gt_json_text(item, "name"), *content = gt_json_text(item, "content");
    const char *type = "application/octet-stream";

    if (!json_is_object(item))
        return complain(wrong, field, "must be an object {name, content_type, content}", p);
    if (name == NULL || *name == '\0' || strlen(name) > NAME_MAX_LEN ||
        gt_has_control(name, strlen(name)))
        wrong = complain(wrong, apr_pstrcat(p, field, ".name", NULL),
                         "must be a file's name of at most 255 bytes", p);
    if (json_object_get(item, "content_type") != NULL)
        type = gt_json_text(item, "content_type");
    if (type == NULL || !is_content_type(type))
        wrong = complain(wrong, apr_pstrcat(p, field, ".content_type", NULL),
                         "must be a media type such as application/pdf, without parameters, and "
                         "neither a multipart nor a message",
                         p);
    if (content == NULL || !is_base64(content))
        wrong = complain(wrong, apr_pstrcat(p, field, ".content", NULL),
                         "must be the file's bytes in base64, without line ends", p);
    if (wrong == GT_OK)
        APR_ARRAY_PUSH(list, gt_attachment_t) = (gt_attachment_t){name, type, content};
    return wrong;
}

static gt_err_t *read_attachments(gt_err_t *wrong, gt_mail_wish_t *wish, const json_t *body,
                                  apr_pool_t *p)
{
    const json_t *given = json_object_get(body, "attachments"), *item;
    apr_size_t i;

    wish->attachments = apr_array_make(p, 2, sizeof(gt_attachment_t));
    if (given == NULL || json_is_null(given))
        return wrong;
    if (!json_is_array(given) || json_array_size(given) > ATTACHMENTS_MAX)
        return complain(wrong, "attachments", "must be a list of at most 100 files", p);
    json_array_foreach (given, i, item)
        wrong = add_attachment(wrong, wish->attachments, item,
                               apr_psprintf(p, "attachments[%" APR_SIZE_T_FMT "]", i), p);
    return wrong;
}

/* ---- the whole ---- */

static gt_err_t *read_recipients(gt_err_t *wrong, gt_mail_wish_t *wish, const json_t *body,
                                 apr_pool_t *p)
{
    wrong = read_mailboxes(wrong, &wish->to, body, "to", p);
    wrong = read_mailboxes(wrong, &wish->cc, body, "cc", p);
    wrong = read_mailboxes(wrong, &wish->bcc, body, "bcc", p);
    return wish->to->nelts + wish->cc->nelts + wish->bcc->nelts > RECIPIENTS_MAX
               ? complain(wrong, "to", "a mail has 500 recipients at most", p)
               : wrong;
}

static gt_err_t *read_subject(gt_err_t *wrong, gt_mail_wish_t *wish, const json_t *body,
                              apr_pool_t *p)
{
    const char *subject = gt_json_text(body, "subject");

    wish->subject = subject != NULL ? subject : "";
    return gt_has_control(wish->subject, strlen(wish->subject))
               ? complain(wrong, "subject", "must be one line", p)
               : wrong;
}

gt_err_t *gt_compose_read(gt_mail_wish_t *wish, const json_t *body, apr_pool_t *p)
{
    gt_err_t *wrong = gt_check(body, rules, 0, p);

    memset(wish, 0, sizeof(*wish));
    wrong = read_recipients(wrong, wish, body, p);
    if (wrong == GT_OK && wish->to->nelts + wish->cc->nelts + wish->bcc->nelts == 0)
        wrong = complain(wrong, "to", "a mail has a recipient", p);
    wish->text = gt_json_text(body, "text");
    wish->html = gt_json_text(body, "html");
    wrong = read_subject(wrong, wish, body, p);
    if (gt_json_text(body, "subject") == NULL && wish->text == NULL && wish->html == NULL)
        wrong = complain(wrong, "text", "a mail has a subject, a text or an html", p);
    return read_attachments(wrong, wish, body, p);
}

/* ---- drafts ---- */

static void read_text(gt_mail_wish_t *wish, const json_t *body)
{
    const char *type = gt_json_text(body, "body_type"), *text = gt_json_text(body, "body");

    if (type != NULL && strcasecmp(type, "html") == 0)
        wish->html = text;
    else
        wish->text = text;
}

/* A number, or its digits as a text. */
static int read_id(apr_int64_t *id, const json_t *given)
{
    if (json_is_string(given))
        return gt_number(id, json_string_value(given), 1, APR_INT64_MAX);
    *id = json_integer_value(given);
    return *id >= 1;
}

gt_err_t *gt_compose_read_draft(gt_mail_wish_t *wish, gt_draft_answers_t *answers,
                                const json_t *body, apr_pool_t *p)
{
    const json_t *id = json_object_get(body, "message_id");
    gt_err_t *wrong = gt_check(body, id != NULL ? answer_rules : draft_rules, 0, p);

    memset(wish, 0, sizeof(*wish));
    *answers = (gt_draft_answers_t){0, json_is_true(json_object_get(body, "reply_all"))};
    read_text(wish, body);
    if (id != NULL)
        return read_id(&answers->message_id, id)
                   ? wrong
                   : complain(wrong, "message_id", "must be the id of a kept message", p);
    wrong = read_recipients(wrong, wish, body, p);
    wrong = read_subject(wrong, wish, body, p);
    if (gt_json_text(body, "subject") == NULL && gt_json_text(body, "body") == NULL)
        wrong = complain(wrong, "body", "a draft has a subject or a body", p);
    return wrong;
}
