/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file audit_line.c
 * The text of a line, member by member. Each text of a client or a provider is escaped and bounded,
 * so that no name can forge a member, end a line, or push the MAC out of it.
 */

#include "audit/audit_line.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* Bytes a text may take when it is escaped; a user of 255 bytes, the longest, is never cut. */
#define LONG_TEXT 1544
#define SHORT_TEXT 192

void gt_audit_line_add(gt_audit_line_t *line, const char *fmt, ...)
{
    apr_size_t room = sizeof(line->text) - line->len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line->text + line->len, room, fmt, args);
    va_end(args);
    assert(n >= 0 && (apr_size_t)n < room);
    line->len += n < 0 ? 0 : (apr_size_t)n < room ? (apr_size_t)n : room - 1;
}

/* One byte of a JSON text into at most 6. */
static int escape(char out[8], unsigned char c, int is_utf8)
{
    if (c == '"' || c == '\\')
        return snprintf(out, 8, "\\%c", c);
    if (c < 0x20 || c == 0x7F)
        return snprintf(out, 8, "\\u%04x", c);
    out[0] = c >= 0x80 && !is_utf8 ? '?' : (char)c;
    out[1] = '\0';
    return 1;
}

static void add_text(gt_audit_line_t *line, const char *name, const char *text, apr_size_t most)
{
    int is_utf8;
    apr_size_t used = 0;

    if (text == NULL)
        return;
    is_utf8 = gt_is_utf8(text, strlen(text));
    gt_audit_line_add(line, "\"%s\":\"", name);
    for (const char *c = text; *c != '\0'; c++) {
        char out[8];

        used += (apr_size_t)escape(out, (unsigned char)*c, is_utf8);
        /* Cut before a character, never within one. */
        if (used > most - 8 && ((unsigned char)*c & 0xC0) != 0x80)
            break;
        gt_audit_line_add(line, "%s", out);
    }
    gt_audit_line_add(line, "\",");
}

void gt_audit_line_text(gt_audit_line_t *line, const char *name, const char *text)
{
    add_text(line, name, text, SHORT_TEXT);
}

void gt_audit_line_begin(gt_audit_line_t *line, gt_audit_kind_t kind, const char *event,
                         const char *result)
{
    apr_time_t now = gt_now();
    apr_time_exp_t t;

    line->kind = kind;
    line->len = 0;
    apr_time_exp_gmt(&t, now);
    gt_audit_line_add(
        line,
        "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\",\"event\":\"%s\",\"result\":\"%s\",",
        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec, event,
        result);
}

void gt_audit_line_operation(gt_audit_line_t *line, const gt_notice_t *notice)
{
    const gt_err_t *err = notice->err;
    const gt_asker_t *asker = notice->asker;

    gt_audit_line_begin(line, GT_AUDIT_OPERATION, gt_notice_name(notice->kind),
                        err == GT_OK ? "ok" : gt_class_row(err->cls)->name);
    if (err != GT_OK) {
        add_text(line, "tag", err->tag, SHORT_TEXT);
        add_text(line, "code", err->code, SHORT_TEXT);
    }
    add_text(line, "store", notice->store, SHORT_TEXT);
    add_text(line, "provider", notice->provider, SHORT_TEXT);
    add_text(line, "user", notice->user, LONG_TEXT);
    if (asker != NULL) {
        add_text(line, "address", asker->address, SHORT_TEXT);
        add_text(line, "request_id", asker->request_id, SHORT_TEXT);
        add_text(line, "route", asker->route, SHORT_TEXT);
        add_text(line, "client", asker->client, SHORT_TEXT);
        add_text(line, "administrator", asker->administrator, SHORT_TEXT);
        add_text(line, "job", asker->job, SHORT_TEXT);
        add_text(line, "trace", asker->trace != NULL ? asker->trace->id : NULL, SHORT_TEXT);
    }
    if (notice->took > 0)
        gt_audit_line_add(line, "\"took_ms\":%lld,", (long long)(notice->took / 1000));
    add_text(line, "detail", notice->detail, SHORT_TEXT);
}

void gt_audit_line_heads(gt_audit_line_t *line, const gt_head_t *heads, int count)
{
    if (count == 0)
        return;
    gt_audit_line_add(line, "\"heads\":[");
    for (int i = 0; i < count; i++) {
        char text[GT_CHAIN_TEXT];

        gt_head_print(text, &heads[i]);
        gt_audit_line_add(line, "%s\"%s\"", i > 0 ? "," : "", text);
    }
    gt_audit_line_add(line, "],");
}
