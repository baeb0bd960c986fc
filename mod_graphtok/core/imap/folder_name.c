/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file folder_name.c The C library converts; a name must come back the same. */

#include "imap/folder_name.h"

#include <iconv.h>
#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define NAME_MAX_BYTES 4096

/* The longest form of a character is its shift into and out of base64 with two UTF-16 units. */
#define GROWTH 8

static const char *convert(const char *to, const char *from, const char *text, apr_pool_t *p)
{
    size_t left = strlen(text), room = left * GROWTH + GROWTH;
    char *in = apr_pstrdup(p, text), *made = apr_palloc(p, room + 1), *out = made;
    iconv_t converter;
    int is_done;

    if (left > NAME_MAX_BYTES)
        return NULL;
    converter = iconv_open(to, from);
    if (converter == (iconv_t)-1)
        return NULL;
    is_done = iconv(converter, &in, &left, &out, &room) == 0 &&
              iconv(converter, NULL, NULL, &out, &room) == 0;
    iconv_close(converter);
    *out = '\0';
    return is_done ? made : NULL;
}

/* `"` and `\\` are the two that a quoted string escapes (RFC 3501 section 9). */
static const char *quoted(const char *wire, apr_pool_t *p)
{
    char *text = apr_palloc(p, strlen(wire) * 2 + 3), *at = text;

    *at++ = '"';
    for (; *wire != '\0'; wire++) {
        if (*wire == '"' || *wire == '\\')
            *at++ = '\\';
        *at++ = *wire;
    }
    *at++ = '"';
    *at = '\0';
    return text;
}

const char *gt_folder_name(const char *wire, apr_pool_t *p)
{
    const char *name = convert("UTF-8", "UTF-7-IMAP", wire, p);
    const char *back = name != NULL ? convert("UTF-7-IMAP", "UTF-8", name, p) : NULL;

    return back != NULL && strcmp(back, wire) == 0 && !gt_has_control(name, strlen(name)) ? name
                                                                                          : NULL;
}

int gt_folder_listed(const char **name, const char **quoted_wire, const char *wire, apr_pool_t *p)
{
    if (gt_has_control(wire, strlen(wire)) || !gt_is_utf8(wire, strlen(wire)))
        return 0;
    *name = gt_folder_name(wire, p);
    if (*name == NULL)
        *name = apr_pstrdup(p, wire);
    *quoted_wire = quoted(wire, p);
    return 1;
}

const char *gt_folder_quoted(const char *name, apr_pool_t *p)
{
    const char *wire =
        gt_has_control(name, strlen(name)) ? NULL : convert("UTF-7-IMAP", "UTF-8", name, p);

    return wire != NULL ? quoted(wire, p) : NULL;
}
