/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_read.c Reads what it knows of a message, however much there is, up to bounds. */

#include "graph/mail_read.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"

#define RECIPIENTS_MAX 500 /* Exchange's own bound */
#define HEADERS_MAX 200
#define CATEGORIES_MAX 100
#define ADDRESSES_MAX 200
#define WRITTEN_TO_MAX 2000
#define SENT_TOP "200"

/* The order of a list has to stand first in its filter, or Graph refuses it (InefficientFilter). */
#define UNREAD "receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false"
#define FIELDS                                                                                     \
    "id,subject,from,sender,toRecipients,ccRecipients,importance,receivedDateTime,categories,"     \
    "internetMessageHeaders,bodyPreview"

/* ---- asking ---- */

static const char *in_query(const char *name, const char *value, apr_pool_t *p)
{
    return apr_pstrcat(p, name, "=", gt_percent(value, p), NULL);
}

void gt_mail_ask_unread(gt_graph_params_t *params, int top, int with_text, apr_pool_t *p)
{
    /* uniqueBody is what the sender wrote, without the earlier mail that it answers. */
    const char *fields = with_text ? FIELDS ",uniqueBody" : FIELDS;

    params->path = apr_pstrcat(
        p, "/me/mailFolders/inbox/messages?", in_query("$filter", UNREAD, p), "&",
        in_query("$orderby", "receivedDateTime desc", p), "&", in_query("$select", fields, p),
        "&$top=", apr_itoa(p, top < GT_MAIL_PAGE ? top : GT_MAIL_PAGE), NULL);
    params->headers = apr_array_make(p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(params->headers, const char *) = "Prefer: outlook.body-content-type=\"text\"";
}

void gt_mail_ask_owner(gt_graph_params_t *params, int with_aliases, apr_pool_t *p)
{
    const char *fields = "displayName,givenName,mail,userPrincipalName";

    params->path =
        apr_pstrcat(p, "/me?$select=", fields, with_aliases ? ",proxyAddresses" : "", NULL);
}

void gt_mail_ask_sent(gt_graph_params_t *params, apr_pool_t *p)
{
    params->path = apr_pstrcat(p, "/me/mailFolders/sentitems/messages?",
                               in_query("$orderby", "sentDateTime desc", p),
                               "&$select=toRecipients,ccRecipients&$top=" SENT_TOP, NULL);
}

/* ---- reading ---- */

/* The address of {"emailAddress": {"name", "address"}}, or NULL. */
static const char *address_of(const json_t *recipient)
{
    const char *address = gt_json_text(json_object_get(recipient, "emailAddress"), "address");

    return address != NULL && *address != '\0' ? address : NULL;
}

static apr_array_header_t *read_recipients(const json_t *row, const char *member, apr_pool_t *p)
{
    const json_t *list = json_object_get(row, member), *item;
    apr_array_header_t *addresses = apr_array_make(p, 4, sizeof(const char *));
    apr_size_t i;

    json_array_foreach (list, i, item) {
        const char *address = address_of(item);

        if (address != NULL && addresses->nelts < RECIPIENTS_MAX)
            APR_ARRAY_PUSH(addresses, const char *) = address;
    }
    return addresses;
}

static apr_table_t *read_headers(const json_t *row, apr_pool_t *p)
{
    const json_t *list = json_object_get(row, "internetMessageHeaders"), *item;
    apr_table_t *headers = apr_table_make(p, 16);
    apr_size_t i;

    json_array_foreach (list, i, item) {
        const char *name = gt_json_text(item, "name"), *value = gt_json_text(item, "value");

        if (name != NULL && value != NULL && i < HEADERS_MAX)
            apr_table_addn(headers, name, value);
    }
    return headers;
}

static apr_array_header_t *read_texts(const json_t *list, int most, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    const json_t *item;
    apr_size_t i;

    json_array_foreach (list, i, item) {
        if (json_is_string(item) && texts->nelts < most)
            APR_ARRAY_PUSH(texts, const char *) = json_string_value(item);
    }
    return texts;
}

/* A plain eventMessage is what is left of a meeting that was cancelled. */
static gt_meeting_t meeting_of(const json_t *row)
{
    static const struct {
        const char *type;
        gt_meeting_t meeting;
    } types[] = {{"#microsoft.graph.eventMessageRequest", GT_MEETING_REQUEST},
                 {"#microsoft.graph.eventMessageResponse", GT_MEETING_ANSWER},
                 {"#microsoft.graph.eventMessage", GT_MEETING_CANCELLED}};
    const char *type = gt_json_text(row, "@odata.type");

    for (apr_size_t i = 0; type != NULL && i < sizeof(types) / sizeof(*types); i++) {
        if (strcmp(type, types[i].type) == 0)
            return types[i].meeting;
    }
    return GT_MEETING_NONE;
}

static int importance_of(const json_t *row)
{
    const char *word = gt_json_text(row, "importance");

    if (word == NULL || strcasecmp(word, "normal") == 0)
        return 0;
    return strcasecmp(word, "high") == 0 ? 1 : strcasecmp(word, "low") == 0 ? -1 : 0;
}

static const char *text_of(const json_t *row)
{
    const char *text = gt_json_text(json_object_get(row, "uniqueBody"), "content");

    return text != NULL ? text : gt_json_text(row, "bodyPreview");
}

int gt_mail_read(gt_graph_mail_t *found, const json_t *row, apr_pool_t *p)
{
    const json_t *from = json_object_get(row, "from");

    memset(found, 0, sizeof(*found));
    found->id = gt_json_text(row, "id");
    if (found->id == NULL || *found->id == '\0')
        return 0;
    if (address_of(from) == NULL)
        from = json_object_get(row, "sender");
    found->etag = gt_json_text(row, "@odata.etag");
    found->received = gt_json_text(row, "receivedDateTime");
    found->categories = read_texts(json_object_get(row, "categories"), CATEGORIES_MAX, p);
    found->mail.subject = gt_json_text(row, "subject");
    found->mail.text = text_of(row);
    found->mail.from = address_of(from);
    found->mail.from_name = gt_json_text(json_object_get(from, "emailAddress"), "name");
    found->mail.to = read_recipients(row, "toRecipients", p);
    found->mail.cc = read_recipients(row, "ccRecipients", p);
    found->mail.headers = read_headers(row, p);
    found->mail.importance = importance_of(row);
    found->mail.meeting = meeting_of(row);
    return 1;
}

/* ---- the owner ---- */

static void add_address(gt_mail_owner_t *owner, const char *address, apr_pool_t *p)
{
    if (address != NULL && strchr(address, '@') != NULL && owner->addresses->nelts < ADDRESSES_MAX)
        APR_ARRAY_PUSH(owner->addresses, const char *) = apr_pstrdup(p, address);
}

void gt_mail_read_owner(gt_mail_owner_t *owner, const json_t *user, apr_pool_t *p)
{
    const json_t *list = json_object_get(user, "proxyAddresses"), *item;
    apr_size_t i;

    owner->name = apr_pstrdup(p, gt_json_text(user, "displayName"));
    owner->given_name = apr_pstrdup(p, gt_json_text(user, "givenName"));
    owner->addresses = apr_array_make(p, 4, sizeof(const char *));
    add_address(owner, gt_json_text(user, "mail"), p);
    add_address(owner, gt_json_text(user, "userPrincipalName"), p);
    json_array_foreach (list, i, item) {
        const char *proxy = json_string_value(item);

        /* "SMTP:" is the main address, "smtp:" another one; there are "x500:" and more. */
        if (proxy != NULL && strncasecmp(proxy, "smtp:", 5) == 0)
            add_address(owner, proxy + 5, p);
    }
}

void gt_mail_read_sent(gt_mail_owner_t *owner, const json_t *list, apr_pool_t *p)
{
    const json_t *rows = json_object_get(list, "value"), *row;
    apr_size_t i;

    if (owner->written_to == NULL)
        owner->written_to = apr_table_make(p, 64);
    json_array_foreach (rows, i, row) {
        apr_array_header_t *all = read_recipients(row, "toRecipients", p);

        apr_array_cat(all, read_recipients(row, "ccRecipients", p));
        for (int n = 0; n < all->nelts; n++) {
            if (apr_table_elts(owner->written_to)->nelts < WRITTEN_TO_MAX)
                apr_table_set(owner->written_to, APR_ARRAY_IDX(all, n, const char *), "");
        }
    }
}

const char *gt_mail_next(const json_t *list)
{
    return gt_json_text(list, "@odata.nextLink");
}
