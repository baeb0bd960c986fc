/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A line after the other; a line that begins with a blank belongs to the field before. */

#include "mail/mime_fields.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "mail/mime.h"

/* ---- where they are ---- */

/* The front of a line: a name and its colon; something else; a name that the mail ends in. */
typedef enum front_t { NAMED, NAMELESS, CUT } front_t;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7F;
}

/* Blanks may stand between a name and its colon, and nowhere else.
 * @param colon  out: where it stands, or the first byte that belongs to no name */
static front_t look(const char **colon, const char *line, const char *end)
{
    const char *at = line;

    while (at < end && *at != ':' && !is_blank(*at) && !is_control(*at))
        at++;
    while (at < end && is_blank(*at))
        at++;
    *colon = at;
    if (at == end)
        return CUT;
    return *at == ':' && at > line ? NAMED : NAMELESS;
}

/* 1 for the line that a mbox has before a mail. */
static int is_of_mbox(const char *line, const char *end)
{
    if (line < end && *line == '>')
        line++;
    return end - line > 5 && strncmp(line, "From ", 5) == 0;
}

static const char *past_line(const char *line, const char *end)
{
    const char *newline = memchr(line, '\n', (apr_size_t)(end - line));

    return newline != NULL ? newline + 1 : end;
}

/* Where the lines that go on with this one end. */
static const char *past_field(const char *line, const char *end)
{
    const char *at = past_line(line, end);

    while (at < end && is_blank(*at))
        at = past_line(at, end);
    return at;
}

static void add(apr_array_header_t *fields, const char *line, const char *colon, const char *past)
{
    gt_mime_field_t *field = apr_array_push(fields);

    *field = (gt_mime_field_t){line, (apr_size_t)(colon - line), colon + 1,
                               (apr_size_t)(past - colon - 1)};
    while (field->name_len > 0 && is_blank(line[field->name_len - 1]))
        field->name_len--;
}

/* @return the length of the empty line that ends a header; 0: it is another line */
static int end_length(const char *line, const char *end)
{
    if (*line == '\n')
        return 1;
    if (*line != '\r' || (end - line > 1 && line[1] != '\n'))
        return 0;
    return end - line > 1 ? 2 : 1;
}

const char *gt_mime_fields(apr_array_header_t **fields, const char *bytes, apr_size_t size,
                           apr_pool_t *p)
{
    const char *line = bytes, *end = bytes + size, *colon, *past;
    int has_some = 0;

    *fields = apr_array_make(p, 16, sizeof(gt_mime_field_t));
    for (; line < end && end_length(line, end) == 0; line = past) {
        front_t front = look(&colon, line, end);

        if (front == CUT)
            return NULL;
        past = past_field(line, end);
        if (front == NAMED)
            add(*fields, line, colon, past);
        else if (!has_some && !is_of_mbox(line, end))
            return NULL;
        else if (!has_some)
            past = past_line(line, end);
        has_some |= front == NAMED;
    }
    return line < end ? line + end_length(line, end) : size > 0 ? end : NULL;
}

int gt_mime_field_is(const gt_mime_field_t *field, const char *name)
{
    return field->name_len == strlen(name) && strncasecmp(field->name, name, field->name_len) == 0;
}

/* ---- what they are ---- */

int gt_mime_field_begins(const gt_mime_field_t *field, const char *name)
{
    apr_size_t n = strlen(name);

    return field->name_len >= n && strncasecmp(field->name, name, n) == 0;
}

int gt_mime_field_is_kept(const gt_mime_field_t *field)
{
    /* A name that ends in "-" stands for all that begin so. */
    static const char *const names[] = {
        "Bcc",   "Received",     "X-Received",   "MIME-Version", "Content-",
        "DKIM-", "ARC-",         "Received-SPF", "DomainKey-",   "Authentication-Results",
        "X-MS-", "X-Microsoft-", "X-Exchange-",  "X-Forefront-", "X-Google-",
        "X-Gm-", "Autocrypt",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        apr_size_t n = strlen(names[i]);

        if (gt_mime_field_begins(field, names[i]) &&
            (names[i][n - 1] == '-' || field->name_len == n))
            return 0;
    }
    return field->name_len > 0;
}

int gt_mime_importance(const apr_table_t *headers)
{
    static const struct {
        const char *field, *value;
        int importance;
    } rows[] = {
        {"Importance", "high", 1}, {"Importance", "low", -1},      {"X-Priority", "1", 1},
        {"X-Priority", "2", 1},    {"X-Priority", "4", -1},        {"X-Priority", "5", -1},
        {"Priority", "urgent", 1}, {"Priority", "non-urgent", -1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *value = apr_table_get(headers, rows[i].field);
        size_t n = strlen(rows[i].value);

        if (value != NULL && strncasecmp(value, rows[i].value, n) == 0 && !apr_isalnum(value[n]))
            return rows[i].importance;
    }
    return 0;
}

gt_meeting_t gt_mime_meeting(const char *method, gt_meeting_t otherwise)
{
    static const struct {
        const char *method;
        gt_meeting_t meeting;
    } rows[] = {{"REQUEST", GT_MEETING_REQUEST},
                {"CANCEL", GT_MEETING_CANCELLED},
                {"REPLY", GT_MEETING_ANSWER},
                {"COUNTER", GT_MEETING_ANSWER}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_size_t n = strlen(rows[i].method);

        if (strncasecmp(method, rows[i].method, n) == 0 && !apr_isalnum(method[n]))
            return rows[i].meeting;
    }
    return otherwise;
}

const char *gt_mime_thread(const char *ids, apr_pool_t *p)
{
    const char *tail, *next;
    apr_size_t len, first;

    if (ids == NULL || (len = strlen(ids)) <= GT_MIME_THREAD_MAX)
        return ids;
    first = strcspn(ids, " ");
    if (first > GT_MIME_ID_MAX)
        first = 0;
    tail = ids + len - (GT_MIME_THREAD_MAX - first - 1);
    next = strchr(tail, ' ');
    return apr_pstrcat(p, apr_pstrmemdup(p, ids, first), next != NULL ? next : "", NULL);
}
