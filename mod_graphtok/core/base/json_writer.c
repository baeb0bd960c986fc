/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* One buffer in the pool, which doubles. A comma is owed behind each value. */

#include "base/json_writer.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define ESCAPE_MAX 6 /* bytes of "\u001F" */

struct gt_json_writer_t {
    char *text; /* with room for a NUL behind it */
    apr_size_t len, room;
    int owes_comma;
    apr_pool_t *pool;
};

gt_json_writer_t *gt_json_writer_make(apr_size_t room, apr_pool_t *p)
{
    gt_json_writer_t *writer = apr_pcalloc(p, sizeof(*writer));

    writer->pool = p;
    writer->room = room;
    writer->text = apr_palloc(p, room + 1);
    writer->text[0] = '\0';
    return writer;
}

static void make_room(gt_json_writer_t *writer, apr_size_t n)
{
    char *text;

    if (n <= writer->room - writer->len)
        return;
    writer->room = (writer->room + n) * 2;
    text = apr_palloc(writer->pool, writer->room + 1);
    memcpy(text, writer->text, writer->len);
    writer->text = text;
}

static void put(gt_json_writer_t *writer, const char *bytes, apr_size_t n)
{
    make_room(writer, n);
    memcpy(writer->text + writer->len, bytes, n);
    writer->len += n;
    writer->text[writer->len] = '\0';
}

static void begin_value(gt_json_writer_t *writer)
{
    if (writer->owes_comma)
        put(writer, ",", 1);
    writer->owes_comma = 1;
}

void gt_json_open(gt_json_writer_t *writer, char bracket)
{
    begin_value(writer);
    put(writer, &bracket, 1);
    writer->owes_comma = 0;
}

void gt_json_close(gt_json_writer_t *writer, char bracket)
{
    put(writer, &bracket, 1);
    writer->owes_comma = 1;
}

/* RFC 8259 section 7. */
static void put_escaped(gt_json_writer_t *writer, char c)
{
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = strchr(named, c);
    char escape[ESCAPE_MAX + 1];

    if (at != NULL)
        apr_snprintf(escape, sizeof(escape), "\\%c", letters[at - named]);
    else
        apr_snprintf(escape, sizeof(escape), "\\u%04X", (unsigned)(unsigned char)c);
    put(writer, escape, strlen(escape));
}

static int is_escaped(char c)
{
    return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

static void put_text(gt_json_writer_t *writer, const char *text, apr_size_t len)
{
    const char *end = text + len;

    put(writer, "\"", 1);
    while (text < end) {
        const char *from = text;

        while (text < end && !is_escaped(*text))
            text++;
        put(writer, from, (apr_size_t)(text - from));
        if (text < end)
            put_escaped(writer, *text++);
    }
    put(writer, "\"", 1);
}

void gt_json_key(gt_json_writer_t *writer, const char *key)
{
    begin_value(writer);
    put_text(writer, key, strlen(key));
    put(writer, ":", 1);
    writer->owes_comma = 0;
}

void gt_json_write(gt_json_writer_t *writer, const char *text)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;

    begin_value(writer);
    if (text != NULL && gt_is_utf8(text, len))
        put_text(writer, text, len);
    else
        put(writer, "null", 4);
}

void gt_json_write_plain(gt_json_writer_t *writer, const char *text)
{
    begin_value(writer);
    put(writer, "\"", 1);
    put(writer, text, strlen(text));
    put(writer, "\"", 1);
}

void gt_json_write_number(gt_json_writer_t *writer, apr_int64_t number)
{
    char digits[24];

    begin_value(writer);
    put(writer, digits,
        (apr_size_t)apr_snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, number));
}

const char *gt_json_written(const gt_json_writer_t *writer)
{
    return writer->text;
}
