/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file html.c A buffer that doubles, and the few conversions that pages need. */

#include "request/html.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define FIRST_SIZE 4096
#define REPLACEMENT "\xEF\xBF\xBD"

struct gtm_html_t {
    char *bytes; /* ended by NUL */
    apr_size_t len, size;
    apr_pool_t *pool;
};

gtm_html_t *gtm_html_make(apr_pool_t *p)
{
    gtm_html_t *html = apr_pcalloc(p, sizeof(*html));

    html->pool = p;
    html->size = FIRST_SIZE;
    html->bytes = apr_pcalloc(p, html->size);
    return html;
}

static void write_bytes(gtm_html_t *html, const char *bytes, apr_size_t len)
{
    char *larger;

    if (len >= html->size - html->len) {
        while (len >= html->size - html->len)
            html->size *= 2;
        larger = apr_palloc(html->pool, html->size);
        memcpy(larger, html->bytes, html->len);
        html->bytes = larger;
    }
    memcpy(html->bytes + html->len, bytes, len);
    html->len += len;
    html->bytes[html->len] = '\0';
}

void gtm_html_markup(gtm_html_t *html, const char *markup)
{
    write_bytes(html, markup, strlen(markup));
}

const char *gtm_html_text(const gtm_html_t *html)
{
    return html->bytes;
}

/* The text in place of a character of one byte; NULL: itself. */
static const char *entity(unsigned char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return (c < ' ' && c != '\n' && c != '\t') || c == 0x7F ? REPLACEMENT : NULL;
    }
}

/* Controls of C1, and those of the direction of writing (Unicode, "Bidirectional Character Types"):
 * U+0080-009F, U+061C, U+200E-200F, U+2028-202E, U+2066-2069. */
static int is_control(const char *c, apr_size_t len)
{
    const unsigned char *u = (const unsigned char *)c;

    if (len == 2)
        return (u[0] == 0xC2 && u[1] < 0xA0) || (u[0] == 0xD8 && u[1] == 0x9C);
    if (len != 3 || u[0] != 0xE2)
        return 0;
    return (u[1] == 0x80 && (u[2] == 0x8E || u[2] == 0x8F || (u[2] >= 0xA8 && u[2] <= 0xAE))) ||
           (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9);
}

static void write_text(gtm_html_t *html, const char *text)
{
    apr_size_t left = text != NULL ? strlen(text) : 0, len;

    for (; left > 0; text += len, left -= len) {
        const char *instead = entity((unsigned char)*text);

        len = gt_utf8_sequence(text, left);
        if (len == 0) {
            instead = REPLACEMENT;
            len = 1;
        }
        else if (is_control(text, len))
            instead = REPLACEMENT;
        write_bytes(html, instead != NULL ? instead : text,
                    instead != NULL ? strlen(instead) : len);
    }
}

void gtm_html(gtm_html_t *html, const char *format, ...)
{
    va_list args;
    const char *at;

    va_start(args, format);
    while ((at = strchr(format, '%')) != NULL) {
        write_bytes(html, format, (apr_size_t)(at - format));
        format = at + 2;
        if (at[1] == 's')
            write_text(html, va_arg(args, const char *));
        else if (at[1] == 'd')
            gtm_html_markup(html, apr_psprintf(html->pool, "%d", va_arg(args, int)));
        else if (at[1] == 'l') {
            gtm_html_markup(html, apr_psprintf(html->pool, "%ld", va_arg(args, long)));
            format++;
        }
        else
            gtm_html_markup(html, "%");
    }
    va_end(args);
    gtm_html_markup(html, format);
}
