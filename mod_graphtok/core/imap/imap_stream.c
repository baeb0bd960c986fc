/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file imap_stream.c
 * Where an answer ends. A line that ends in a literal's length goes on behind the literal; the text
 * of a status is for people and announces none, so that a server's "{5}" there is a text.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>

#include "imap/imap_stream.h"

#define FIRST_ROOM 4096
#define DIGITS_MAX 10   /* of a literal's length */
#define KEPT_ROOM 65536 /* bytes; a larger buffer goes back to the system when it is empty */

struct gt_imap_stream_t {
    gt_imap_bounds_t bounds;
    char *buffer;
    apr_size_t room;
    apr_size_t from;    /* where the answer under way begins */
    apr_size_t line;    /* where its line under way begins */
    apr_size_t looked;  /* how far that was looked at */
    apr_size_t literal; /* bytes of a literal that are still to come */
    apr_size_t end;     /* of what has arrived */
    int is_for_people;  /* 1: the answer under way holds no literals */
    apr_size_t lines;   /* bytes of the answer's earlier lines, without literals */
};

static apr_status_t give_back(void *baton)
{
    gt_imap_stream_t *stream = baton;

    free(stream->buffer);
    stream->buffer = NULL;
    return APR_SUCCESS;
}

gt_imap_stream_t *gt_imap_stream_make(const gt_imap_bounds_t *bounds, apr_pool_t *p)
{
    gt_imap_stream_t *stream = apr_pcalloc(p, sizeof(*stream));

    stream->bounds = *bounds;
    apr_pool_cleanup_register(p, stream, give_back, apr_pool_cleanup_null);
    return stream;
}

/* Answers that were taken make room for bytes that come. */
static void close_up(gt_imap_stream_t *stream)
{
    memmove(stream->buffer, stream->buffer + stream->from, stream->end - stream->from);
    stream->line -= stream->from;
    stream->looked -= stream->from;
    stream->end -= stream->from;
    stream->from = 0;
    if (stream->end == 0 && stream->room > KEPT_ROOM) {
        give_back(stream);
        stream->room = 0;
    }
}

void gt_imap_stream_add(gt_imap_stream_t *stream, const char *bytes, apr_size_t size)
{
    if (size == 0)
        return;
    if (stream->from > 0)
        close_up(stream);
    if (size > stream->room - stream->end) {
        stream->room = stream->room == 0 ? FIRST_ROOM : stream->room;
        while (size > stream->room - stream->end)
            stream->room *= 2;
        stream->buffer = realloc(stream->buffer, stream->room);
        if (stream->buffer == NULL)
            abort();
    }
    memcpy(stream->buffer + stream->end, bytes, size);
    stream->end += size;
}

static gt_err_t *too_large(const char *what, apr_size_t bound, apr_pool_t *p)
{
    return gt_err(p, GT_UPSTREAM, "GT1502",
                  "the mail server sends %s of more than %" APR_SIZE_T_FMT " bytes", what, bound);
}

/* 1 when the first line of an answer is for people: a status, with a tag or without, or a "+". */
static int is_for_people(const char *line, apr_size_t size)
{
    char word[8];
    apr_size_t n = 0;

    if (size < 2 || line[0] != '*' || line[1] != ' ')
        return 1;
    for (; n + 2 < size && n < sizeof(word) - 1 && line[n + 2] != ' '; n++)
        word[n] = line[n + 2];
    word[n] = '\0';
    return gt_imap_is_status(word);
}

/* 1 when a line ends in "{12}" or "{12+}". */
static int announces(apr_size_t *literal, const char *line, apr_size_t size)
{
    apr_size_t at = size, n = 0, of_ten = 1;
    int digits = 0;

    if (at == 0 || line[--at] != '}')
        return 0;
    if (at > 0 && line[at - 1] == '+')
        at--;
    for (; at > 0 && apr_isdigit(line[at - 1]) && digits < DIGITS_MAX; at--, digits++) {
        n += (apr_size_t)(line[at - 1] - '0') * of_ten;
        of_ten *= 10;
    }
    *literal = n;
    return digits > 0 && at > 0 && line[at - 1] == '{';
}

/* Look at the line that ends at `past`, without its end. @return 1 when a literal follows */
static int goes_on(gt_imap_stream_t *stream, apr_size_t past)
{
    const char *line = stream->buffer + stream->line;
    apr_size_t size = past - stream->line;

    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (stream->line == stream->from)
        stream->is_for_people = is_for_people(line, size);
    return !stream->is_for_people && announces(&stream->literal, line, size);
}

/* Go over the literal under way. @return 1 when it is whole */
static int pass_literal(gt_imap_stream_t *stream)
{
    apr_size_t there = stream->end - stream->looked;
    apr_size_t step = there < stream->literal ? there : stream->literal;

    stream->looked += step;
    stream->literal -= step;
    if (step > 0)
        stream->line = stream->looked;
    return stream->literal == 0;
}

/* Look for the end of the line under way. @param past  out: where that begins, when it is there */
static gt_err_t *find_line(int *is_there, apr_size_t *past, gt_imap_stream_t *stream, apr_pool_t *p)
{
    const char *from = stream->buffer + stream->looked;
    const char *newline = memchr(from, '\n', stream->end - stream->looked);

    *is_there = newline != NULL;
    *past = newline != NULL ? (apr_size_t)(newline - stream->buffer) : stream->end;
    stream->looked = newline != NULL ? *past + 1 : *past;
    return stream->lines + (*past - stream->line) > stream->bounds.line
               ? too_large("a line", stream->bounds.line, p)
               : GT_OK;
}

static gt_err_t *take(gt_imap_answer_t **answer, gt_imap_stream_t *stream, apr_size_t past,
                      apr_pool_t *p)
{
    const char *bytes = stream->buffer + stream->from;
    apr_size_t size = past - stream->from;

    if (size > 0 && bytes[size - 1] == '\r')
        size--;
    stream->from = stream->line = stream->looked;
    stream->lines = 0;
    return gt_imap_answer_of(answer, bytes, size, p);
}

static gt_err_t *check_literal(const gt_imap_stream_t *stream, apr_pool_t *p)
{
    if (stream->literal > stream->bounds.literal)
        return too_large("a literal", stream->bounds.literal, p);
    if (stream->looked - stream->from + stream->literal > stream->bounds.answer)
        return too_large("an answer", stream->bounds.answer, p);
    return GT_OK;
}

gt_err_t *gt_imap_stream_next(gt_imap_answer_t **answer, gt_imap_stream_t *stream, apr_pool_t *p)
{
    apr_size_t past;
    int is_there;

    *answer = NULL;
    while (stream->looked < stream->end && pass_literal(stream) && stream->looked < stream->end) {
        GT_TRY(find_line(&is_there, &past, stream, p));
        if (!is_there)
            return GT_OK;
        if (!goes_on(stream, past))
            return take(answer, stream, past, p);
        GT_TRY(check_literal(stream, p));
        stream->lines += past - stream->line;
        stream->line = stream->looked;
    }
    return GT_OK;
}
