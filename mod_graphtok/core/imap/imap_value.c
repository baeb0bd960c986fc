/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file imap_value.c One reading from left to right; a literal is counted, never looked at. */

#include "imap/imap_value.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define DEPTH_MAX 32      /* a message in a message in …, in BODYSTRUCTURE */
#define VALUES_MAX 200000 /* in one answer */
#define NUMBER_DIGITS 19  /* of 2^63 - 1 */

/* A reading under way. */
typedef struct reading_t {
    gt_imap_text_t *text;
    gt_imap_value_t *open[DEPTH_MAX]; /* lists that are not closed yet, the outermost first */
    int depth;
    gt_imap_value_t **end; /* where the next value goes */
    int count;
    apr_pool_t *pool;
} reading_t;

gt_err_t *gt_imap_broken(const char *what, apr_pool_t *p)
{
    return gt_err(p, GT_UPSTREAM, "GT1501", "the mail server's answer is not IMAP: %s", what);
}

static int is_over(const gt_imap_text_t *text)
{
    return text->at == text->end || (text->ends_at_bracket && *text->at == ']');
}

static void skip_spaces(gt_imap_text_t *text)
{
    while (text->at < text->end && *text->at == ' ')
        text->at++;
}

static void add(reading_t *reading, gt_imap_value_t *value)
{
    *reading->end = value;
    reading->end = &value->next;
    reading->count++;
}

static gt_imap_value_t *make(gt_imap_kind_t kind, const char *bytes, apr_size_t size,
                             const reading_t *reading)
{
    gt_imap_value_t *value = apr_pcalloc(reading->pool, sizeof(*value));

    value->kind = kind;
    value->bytes = bytes;
    value->size = size;
    return value;
}

/* ---- strings ---- */

static gt_err_t *take_quoted(reading_t *reading)
{
    gt_imap_text_t *text = reading->text;
    char *bytes = apr_palloc(reading->pool, (apr_size_t)(text->end - text->at));
    apr_size_t size = 0;

    for (text->at++; text->at < text->end && *text->at != '"'; text->at++) {
        if (*text->at == '\\' && ++text->at == text->end)
            break;
        if (*text->at == '\r' || *text->at == '\n' || *text->at == '\0')
            return gt_imap_broken("a line ends within a quoted string", reading->pool);
        bytes[size++] = *text->at;
    }
    if (text->at == text->end)
        return gt_imap_broken("a quoted string has no end", reading->pool);
    text->at++;
    bytes[size] = '\0';
    add(reading, make(GT_IMAP_STRING, bytes, size, reading));
    return GT_OK;
}

static gt_err_t *take_literal(reading_t *reading)
{
    gt_imap_text_t *text = reading->text;
    apr_size_t size = 0;
    const char *at = text->at + 1;

    for (; at < text->end && *at >= '0' && *at <= '9' && size <= (apr_size_t)INT32_MAX; at++)
        size = size * 10 + (apr_size_t)(*at - '0');
    if (at < text->end && *at == '+')
        at++;
    if (at == text->end || *at++ != '}')
        return gt_imap_broken("a literal's length is no number", reading->pool);
    if (at < text->end && *at == '\r')
        at++;
    if (at == text->end || *at++ != '\n' || size > (apr_size_t)(text->end - at))
        return gt_imap_broken("a literal is shorter than it says", reading->pool);
    text->at = at + size;
    add(reading, make(GT_IMAP_STRING, apr_pstrmemdup(reading->pool, at, size), size, reading));
    return GT_OK;
}

/* ---- atoms ---- */

/* Sections have spaces and parentheses of their own: BODY[HEADER.FIELDS (FROM DATE)]<0>. */
static int begins_section(const char *from, const char *at)
{
    static const char *const names[] = {"BODY", "BINARY", "BINARY.SIZE"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((size_t)(at - from) == strlen(names[i]) &&
            strncasecmp(from, names[i], strlen(names[i])) == 0)
            return 1;
    return 0;
}

static const char *past_section(const char *at, const char *end)
{
    int is_quoted = 0;

    for (; at < end && *at != '\r' && *at != '\n' && (is_quoted || *at != ']'); at++)
        if (*at == '"')
            is_quoted = !is_quoted;
    return at;
}

static int ends_atom(const gt_imap_text_t *text, char c)
{
    return c == ' ' || c == '(' || c == ')' || c == '"' || (text->ends_at_bracket && c == ']');
}

static gt_err_t *take_atom(reading_t *reading)
{
    gt_imap_text_t *text = reading->text;
    const char *from = text->at, *at = from;
    gt_imap_value_t *value;

    for (; at < text->end && !ends_atom(text, *at); at++) {
        if (*at == '[' && begins_section(from, at))
            at = past_section(at, text->end);
        if (at == text->end || (unsigned char)*at < ' ' || *at == 0x7F)
            return gt_imap_broken("a control character within an atom", reading->pool);
    }
    if (at == from)
        return gt_imap_broken("a parenthesis that was not opened", reading->pool);
    text->at = at;
    value = make(GT_IMAP_ATOM, apr_pstrmemdup(reading->pool, from, (apr_size_t)(at - from)),
                 (apr_size_t)(at - from), reading);
    if (gt_imap_is(value, "NIL"))
        *value = (gt_imap_value_t){.kind = GT_IMAP_NIL};
    add(reading, value);
    return GT_OK;
}

/* ---- lists ---- */

static gt_err_t *open_list(reading_t *reading)
{
    gt_imap_value_t *list = make(GT_IMAP_LIST, NULL, 0, reading);

    if (reading->depth == DEPTH_MAX)
        return gt_imap_broken("lists are nested too deeply", reading->pool);
    add(reading, list);
    reading->open[reading->depth++] = list;
    reading->end = &list->first;
    reading->text->at++;
    return GT_OK;
}

static void close_list(reading_t *reading)
{
    reading->end = &reading->open[--reading->depth]->next;
    reading->text->at++;
}

static gt_err_t *take_value(reading_t *reading)
{
    gt_imap_text_t *text = reading->text;

    if (*text->at == '~' && text->at + 1 < text->end && text->at[1] == '{')
        text->at++; /* a literal that may hold NULs: RFC 3516 */
    switch (*text->at) {
    case '(':
        return open_list(reading);
    case ')':
        if (reading->depth == 0)
            return gt_imap_broken("a parenthesis that was not opened", reading->pool);
        close_list(reading);
        return GT_OK;
    case '"':
        return take_quoted(reading);
    case '{':
        return take_literal(reading);
    default:
        return take_atom(reading);
    }
}

gt_err_t *gt_imap_values(gt_imap_value_t **first, gt_imap_text_t *text, apr_pool_t *p)
{
    reading_t reading = {.text = text, .end = first, .pool = p};

    *first = NULL;
    for (skip_spaces(text); !is_over(text); skip_spaces(text)) {
        if (reading.count == VALUES_MAX)
            return gt_imap_broken("it has too many values", p);
        GT_TRY(take_value(&reading));
    }
    return reading.depth == 0 ? GT_OK : gt_imap_broken("a list has no end", p);
}

/* ---- asked of values ---- */

int gt_imap_is(const gt_imap_value_t *value, const char *word)
{
    return value != NULL && value->kind == GT_IMAP_ATOM && strcasecmp(value->bytes, word) == 0;
}

int gt_imap_number(apr_int64_t *number, const gt_imap_value_t *value)
{
    return value != NULL && value->kind == GT_IMAP_ATOM && value->size <= NUMBER_DIGITS &&
           gt_number(number, value->bytes, 0, APR_INT64_MAX);
}

int gt_imap_nz_number(apr_uint32_t *number, const gt_imap_value_t *value)
{
    apr_int64_t wide;

    if (!gt_imap_number(&wide, value) || wide < 1 || wide > APR_UINT32_MAX)
        return 0;
    *number = (apr_uint32_t)wide;
    return 1;
}

const char *gt_imap_astring(const gt_imap_value_t *value)
{
    if (value == NULL || value->bytes == NULL || strlen(value->bytes) != value->size)
        return NULL;
    return value->bytes;
}

const gt_imap_value_t *gt_imap_after(const gt_imap_value_t *first, const char *word)
{
    for (; first != NULL && first->next != NULL; first = first->next->next)
        if (gt_imap_is(first, word))
            return first->next;
    return NULL;
}
