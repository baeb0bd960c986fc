/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Log lines on their way to the sink. A line is made on the stack, without a pool, so that any
 * thread can log, also when memory is short. It is bounded, and cannot forge a second line: control
 * characters become blanks, bytes that are no UTF-8 question marks.
 */

#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define LINE_MAX_BYTES 2048

static const gt_log_sink_t *sink;

void gt_log_set(const gt_log_sink_t *new_sink)
{
    assert(new_sink == NULL || (new_sink->wants != NULL && new_sink->print != NULL));
    sink = new_sink;
}

int gt_log_wants(int level)
{
    return sink != NULL && sink->wants(sink->baton, level);
}

/* A cut line may end within a character; that rest would make the whole line no UTF-8. */
static void drop_partial_character(char *line, size_t len)
{
    size_t start = len;

    while (start > 0 && len - start < 4 && ((unsigned char)line[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)line[start - 1] >= 0xC0)
        start--;
    if (!gt_is_utf8(line + start, len - start))
        line[start] = '\0';
}

static void make_harmless(char *line)
{
    int is_utf8 = gt_is_utf8(line, strlen(line));
    char *c;

    for (c = line; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;

        if (byte < 0x20 || byte == 0x7F)
            *c = ' ';
        else if (byte >= 0x80 && !is_utf8)
            *c = '?';
    }
}

void gt_log(int level, const char *tag, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t used = 0;
    va_list args;

    assert(tag != NULL || level > GT_LOG_WARNING);
    if (!gt_log_wants(level))
        return;
    if (tag != NULL)
        used = (size_t)snprintf(line, 16, "%.8s: ", tag);
    va_start(args, fmt);
    if (vsnprintf(line + used, sizeof(line) - used, fmt, args) < 0)
        line[used] = '\0';
    va_end(args);
    if (strlen(line) == sizeof(line) - 1)
        drop_partial_character(line, sizeof(line) - 1);
    make_harmless(line);
    sink->print(sink->baton, level, line);
}

void gt_log_err(const gt_err_t *err, const char *what)
{
    int level;

    if (err == GT_OK)
        return;
    level = gt_err_level(err);
    gt_log(level, err->tag, "%s: %s%s%s%s%s", what, err->detail, err->code != NULL ? ", code " : "",
           err->code != NULL ? err->code : "", err->request_id != NULL ? ", request id " : "",
           err->request_id != NULL ? err->request_id : "");
}
