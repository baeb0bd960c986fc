/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file compose.c
 * A mail is measured by no one in advance: parts are pushed into a list and joined once, so that
 * its bytes stand in memory once.
 */

#include "mail/compose.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE 76        /* RFC 2045 section 6.8; RFC 2047 section 2 */
#define WORD_BYTES 42  /* of UTF-8 in an encoded word: 56 characters of base64 and 12 around them */
#define PLAIN_LINE 900 /* RFC 5322 section 2.1.1 has 998 */
#define BOUNDARY_RANDOM 18

/** A mail on its way: const char * */
typedef struct writer_t {
    apr_array_header_t *parts;
    apr_pool_t *p;
} writer_t;

static void put(writer_t *w, const char *text)
{
    APR_ARRAY_PUSH(w->parts, const char *) = text;
}

static void put_len(writer_t *w, const char *text, apr_size_t len)
{
    put(w, apr_pstrmemdup(w->p, text, len));
}

/* ---- header fields ---- */

static int is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > 0x7E)
            return 0;
    return 1;
}

/* The longest beginning of a text that an encoded word takes; no character is cut. */
static apr_size_t word_len(const char *text)
{
    apr_size_t len = 0;

    while (text[len] != '\0') {
        apr_size_t next = gt_utf8_sequence(text + len, strlen(text + len));

        if (len + (next > 0 ? next : 1) > WORD_BYTES)
            break;
        len += next > 0 ? next : 1;
    }
    return len;
}

/* RFC 2047: words of base64, a line each. */
static void put_words(writer_t *w, const char *text)
{
    while (*text != '\0') {
        apr_size_t len = word_len(text);
        char *word = apr_palloc(w->p, (apr_size_t)apr_base64_encode_len((int)len));

        apr_base64_encode(word, text, (int)len);
        put(w, "=?utf-8?B?");
        put(w, word);
        put(w, "?=");
        text += len;
        if (*text != '\0')
            put(w, "\r\n ");
    }
}

/* Lines of a plain text are folded at blanks; a text that looks encoded is encoded. */
static void put_unstructured(writer_t *w, const char *name, const char *text)
{
    apr_size_t column = strlen(name) + 2;

    put(w, name);
    put(w, ": ");
    if (!is_plain(text) || strstr(text, "=?") != NULL || strlen(text) > PLAIN_LINE) {
        put_words(w, text);
    }
    else {
        while (*text != '\0') {
            apr_size_t len = 1 + strcspn(text + 1, " ");

            if (column + len > LINE && *text == ' ' && strspn(text, " ") < strlen(text) &&
                text[1] != ' ') {
                put(w, "\r\n");
                column = 0;
            }
            put_len(w, text, len);
            column += len;
            text += len;
        }
    }
    put(w, "\r\n");
}

/* A phrase of RFC 5322: quoted, or encoded. */
static void put_phrase(writer_t *w, const char *name)
{
    if (!is_plain(name) || strlen(name) > LINE) {
        put_words(w, name);
        return;
    }
    put(w, "\"");
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            put(w, "\\");
        put_len(w, name, 1);
    }
    put(w, "\"");
}

/* An address a line. */
static void put_mailboxes(writer_t *w, const char *name, const apr_array_header_t *list)
{
    if (list == NULL || list->nelts == 0)
        return;
    put(w, name);
    put(w, ": ");
    for (int i = 0; i < list->nelts; i++) {
        const gt_mailbox_t *one = &APR_ARRAY_IDX(list, i, gt_mailbox_t);

        put(w, i > 0 ? ",\r\n " : "");
        if (one->name != NULL) {
            put_phrase(w, one->name);
            put(w, "\r\n <");
        }
        put(w, one->address);
        put(w, one->name != NULL ? ">" : "");
    }
    put(w, "\r\n");
}

static void put_date(writer_t *w, apr_time_t date)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, date);
    put(w,
        apr_psprintf(w->p, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday],
                     t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec));
}

/* Ids, a line each: long threads have many. */
static void put_ids(writer_t *w, const char *name, const char *ids)
{
    const apr_array_header_t *list = gt_split(ids, " \t\r\n", w->p);

    put(w, name);
    put(w, ":");
    for (int i = 0; i < list->nelts; i++) {
        put(w, i > 0 ? "\r\n " : " ");
        put(w, APR_ARRAY_IDX(list, i, const char *));
    }
    put(w, "\r\n");
}

static void put_header(writer_t *w, const gt_mail_wish_t *wish)
{
    put_date(w, wish->date);
    put(w, "From: ");
    put(w, wish->from);
    put(w, "\r\n");
    put_mailboxes(w, "To", wish->to);
    put_mailboxes(w, "Cc", wish->cc);
    if (wish->keeps_bcc)
        put_mailboxes(w, "Bcc", wish->bcc);
    put_unstructured(w, "Subject", wish->subject);
    put_ids(w, "Message-ID", wish->message_id);
    if (wish->in_reply_to != NULL)
        put_ids(w, "In-Reply-To", wish->in_reply_to);
    if (wish->references != NULL)
        put_ids(w, "References", wish->references);
    put(w, "MIME-Version: 1.0\r\n");
}

/* ---- bodies ---- */

static void put_base64(writer_t *w, const char *base64)
{
    apr_size_t left = strlen(base64), lines = left / LINE + 1;
    char *out = apr_palloc(w->p, left + 2 * lines + 1), *at = out;

    while (left > 0) {
        apr_size_t len = left > LINE ? LINE : left;

        memcpy(at, base64, len);
        memcpy(at + len, "\r\n", 2);
        at += len + 2;
        base64 += len;
        left -= len;
    }
    *at = '\0';
    put(w, out);
}

/* Line ends of any kind become CR LF (RFC 2046 section 4.1.1). */
static char *canonical(const char *text, apr_pool_t *p)
{
    char *made = apr_palloc(p, 2 * strlen(text) + 3), *at = made;

    for (; *text != '\0'; text++) {
        if (*text == '\r' || *text == '\n') {
            *at++ = '\r';
            *at++ = '\n';
            text += *text == '\r' && text[1] == '\n';
        }
        else
            *at++ = *text;
    }
    if (at == made || at[-1] != '\n') {
        *at++ = '\r';
        *at++ = '\n';
    }
    *at = '\0';
    return made;
}

/* ASCII in lines that every server takes. */
static int may_stand(const char *text)
{
    apr_size_t column = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        column = c == '\n' ? 0 : column + 1;
        if (c > 0x7E || (c < ' ' && c != '\t' && c != '\r' && c != '\n') || column > PLAIN_LINE)
            return 0;
    }
    return 1;
}

static void put_text(writer_t *w, const char *type, const char *text)
{
    const char *lines = canonical(text, w->p);
    char *base64;

    put(w, apr_psprintf(w->p, "Content-Type: text/%s; charset=utf-8\r\n", type));
    if (may_stand(lines)) {
        put(w, "Content-Transfer-Encoding: 7bit\r\n\r\n");
        put(w, lines);
        return;
    }
    put(w, "Content-Transfer-Encoding: base64\r\n\r\n");
    base64 = apr_palloc(w->p, (apr_size_t)apr_base64_encode_len((int)strlen(lines)));
    apr_base64_encode(base64, lines, (int)strlen(lines));
    put_base64(w, base64);
}

/* A parameter: quoted, or percent-encoded (RFC 2231 section 4). */
static void put_file_name(writer_t *w, const char *name)
{
    if (is_plain(name) && strpbrk(name, "\"\\") == NULL && strlen(name) < LINE)
        put(w, apr_pstrcat(w->p, ";\r\n filename=\"", name, "\"\r\n", NULL));
    else
        put(w, apr_pstrcat(w->p, ";\r\n filename*=utf-8''", gt_percent(name, w->p), "\r\n", NULL));
}

static void put_attachment(writer_t *w, const gt_attachment_t *file)
{
    put(w, apr_pstrcat(w->p, "Content-Type: ", file->content_type,
                       "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment",
                       NULL));
    put_file_name(w, file->name);
    put(w, "\r\n");
    put_base64(w, file->base64);
}

/* ---- multiparts ---- */

static const char *begin_multipart(writer_t *w, const char *kind)
{
    const char *boundary = apr_pstrcat(w->p, "=_", gt_random_text(BOUNDARY_RANDOM, w->p), NULL);

    put(w, apr_psprintf(w->p, "Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n\r\n", kind,
                        boundary));
    return boundary;
}

static void put_boundary(writer_t *w, const char *boundary, const char *end)
{
    put(w, apr_pstrcat(w->p, "\r\n--", boundary, end, "\r\n", NULL));
}

static void put_body(writer_t *w, const gt_mail_wish_t *wish)
{
    const char *boundary;

    if (wish->html == NULL || wish->text == NULL) {
        put_text(w, wish->html != NULL ? "html" : "plain",
                 wish->html != NULL   ? wish->html
                 : wish->text != NULL ? wish->text
                                      : "");
        return;
    }
    boundary = begin_multipart(w, "alternative");
    put_boundary(w, boundary, "");
    put_text(w, "plain", wish->text);
    put_boundary(w, boundary, "");
    put_text(w, "html", wish->html);
    put_boundary(w, boundary, "--");
}

const char *gt_compose(apr_size_t *len, const gt_mail_wish_t *wish, apr_pool_t *p)
{
    writer_t w = {apr_array_make(p, 64, sizeof(const char *)), p};
    const apr_array_header_t *files = wish->attachments;
    const char *boundary = NULL, *made;

    put_header(&w, wish);
    if (files != NULL && files->nelts > 0) {
        boundary = begin_multipart(&w, "mixed");
        put_boundary(&w, boundary, "");
    }
    put_body(&w, wish);
    for (int i = 0; boundary != NULL && i < files->nelts; i++) {
        put_boundary(&w, boundary, "");
        put_attachment(&w, &APR_ARRAY_IDX(files, i, gt_attachment_t));
    }
    if (boundary != NULL)
        put_boundary(&w, boundary, "--");
    made = apr_array_pstrcat(p, w.parts, '\0');
    *len = strlen(made);
    return made;
}

const char *gt_compose_id(const char *from, apr_pool_t *p)
{
    return apr_pstrcat(p, "<", gt_uuid(p), strrchr(from, '@'), ">", NULL);
}
