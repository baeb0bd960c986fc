/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file smtp_reply.c A reply is one or more lines with the same code; the last has no hyphen. */

#include "mail/smtp_reply.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"

#define WORDS_MAX 300

gt_err_t *gt_smtp_broken(const char *what, apr_pool_t *p)
{
    return gt_err(p, GT_UPSTREAM, "GT1645", "the mail server does not speak SMTP: %s", what);
}

/* "550-" or "550 " or "550" alone. @return 0: the line begins with none */
static int code_of(const char *line, apr_size_t len)
{
    if (len < 3 || line[0] < '2' || line[0] > '5' || !apr_isdigit(line[1]) || !apr_isdigit(line[2]))
        return 0;
    if (len > 3 && line[3] != ' ' && line[3] != '-')
        return 0;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* "5.1.1 " at the front of a text (RFC 2034 section 4). */
static const char *status_of(const char *text, apr_pool_t *p)
{
    apr_size_t len = strspn(text, "0123456789.");

    if (len < 5 || len > 9 || text[1] != '.' || strchr("245", text[0]) == NULL ||
        (text[len] != ' ' && text[len] != '\0') || strchr(text + 2, '.') == NULL)
        return "";
    return apr_pstrmemdup(p, text, len);
}

/* A server's words may hold anything; a client and the log see what is printable. */
static const char *words_of(const apr_array_header_t *lines, apr_pool_t *p)
{
    char *words = apr_pstrndup(p, apr_array_pstrcat(p, lines, ' '), WORDS_MAX);

    for (char *c = words; *c != '\0'; c++)
        if (*c < ' ' || *c >= 0x7F)
            *c = '_';
    return words;
}

static gt_err_t *add_line(gt_smtp_reply_t *reply, apr_array_header_t *lines, const char *line,
                          apr_size_t len, apr_pool_t *p)
{
    int code;

    if (len > 0 && line[len - 1] == '\r')
        len--;
    code = code_of(line, len);
    if (code == 0 || memchr(line, '\0', len) != NULL)
        return gt_smtp_broken("a line begins with no reply code", p);
    if (reply->code != 0 && reply->code != code)
        return gt_smtp_broken("one reply has two codes", p);
    reply->code = code;
    APR_ARRAY_PUSH(lines, const char *) = len > 4 ? apr_pstrmemdup(p, line + 4, len - 4) : "";
    return GT_OK;
}

/* The bytes of a reply that is whole, up to the end of its last line; 0: it is not. A reply that
 * comes in small pieces is looked at for each of them, so that nothing is kept before. */
static apr_size_t whole_len(const char *bytes, apr_size_t len)
{
    const char *at = bytes, *end = bytes + len, *line_end;

    while ((line_end = memchr(at, '\n', (apr_size_t)(end - at))) != NULL) {
        if (line_end - at < 4 || at[3] != '-')
            return (apr_size_t)(line_end + 1 - bytes);
        at = line_end + 1;
    }
    return 0;
}

gt_err_t *gt_smtp_reply_of(gt_smtp_reply_t **reply, apr_size_t *used, const char *bytes,
                           apr_size_t len, apr_pool_t *p)
{
    apr_size_t whole = whole_len(bytes, len);
    const char *at = bytes, *line_end;
    apr_array_header_t *lines;
    gt_smtp_reply_t *made;

    *reply = NULL;
    *used = 0;
    if (whole == 0)
        return len > GT_SMTP_REPLY_MAX ? gt_smtp_broken("a reply does not end", p) : GT_OK;
    made = apr_pcalloc(p, sizeof(*made));
    lines = apr_array_make(p, 4, sizeof(const char *));
    for (; at < bytes + whole; at = line_end + 1) {
        line_end = memchr(at, '\n', (apr_size_t)(bytes + whole - at));
        GT_TRY(add_line(made, lines, at, (apr_size_t)(line_end - at), p));
    }
    made->lines = lines;
    made->status = status_of(APR_ARRAY_IDX(lines, 0, const char *), p);
    made->words = words_of(lines, p);
    *used = whole;
    *reply = made;
    return GT_OK;
}

/* ---- extensions ---- */

/* The words behind a keyword; NULL: the line is of another one. */
static const char *behind(const char *line, const char *keyword)
{
    apr_size_t len = strlen(keyword);

    if (strncasecmp(line, keyword, len) != 0 || (line[len] != ' ' && line[len] != '\0'))
        return NULL;
    return line + len;
}

static int mechanisms_of(const char *words)
{
    static const struct {
        const char *name;
        int bit;
    } known[] = {{"XOAUTH2", GT_SMTP_XOAUTH2},
                 {"OAUTHBEARER", GT_SMTP_OAUTHBEARER},
                 {"PLAIN", GT_SMTP_PLAIN}};
    int found = 0;

    for (words += strspn(words, " "); *words != '\0'; words += strspn(words, " ")) {
        apr_size_t len = strcspn(words, " ");

        for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (strlen(known[i].name) == len && strncasecmp(words, known[i].name, len) == 0)
                found |= known[i].bit;
        words += len;
    }
    return found;
}

/* The first line is the server's name. */
gt_smtp_can_t gt_smtp_can(const gt_smtp_reply_t *reply)
{
    gt_smtp_can_t can = {0};

    for (int i = 1; i < reply->lines->nelts; i++) {
        const char *line = APR_ARRAY_IDX(reply->lines, i, const char *), *words;

        if ((words = behind(line, "AUTH")) != NULL)
            can.auth |= mechanisms_of(words);
        else if ((words = behind(line, "SIZE")) != NULL && *words == ' ' &&
                 !gt_number(&can.size_most, words + 1, 0, APR_INT64_MAX))
            can.size_most = 0;
        can.smtputf8 |= behind(line, "SMTPUTF8") != NULL;
    }
    return can;
}
