/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* One pass over the lines, which knows no MIME: it counts what lines look like. */

#include "mail/mime_bounds.h"

#include <string.h>

/* Length of the name of a header field at the front of a line; 0: there is none. */
static apr_size_t field_name(const char *line, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len && line[i] > ' ' && line[i] < 0x7F && line[i] != ':')
        i++;
    return i < len && line[i] == ':' ? i : 0;
}

static int is_content_type(const char *line, apr_size_t name)
{
    static const char wanted[] = "content-type";

    if (name != sizeof(wanted) - 1)
        return 0;
    for (apr_size_t i = 0; i < name; i++)
        if ((line[i] | 0x20) != wanted[i] && line[i] != wanted[i])
            return 0;
    return 1;
}

apr_size_t gt_mime_front(const char *bytes, apr_size_t size)
{
    apr_size_t at = 0, field_at = 0;
    int types = 0, dashes = 0, lines = 0;

    while (at < size) {
        const char *line = bytes + at;
        const char *end = memchr(line, '\n', size - at);
        apr_size_t len = end != NULL ? (apr_size_t)(end - line) + 1 : size - at;

        if (line[0] != ' ' && line[0] != '\t') {
            apr_size_t name = field_name(line, len);

            field_at = at;
            lines += name > 0;
            types += is_content_type(line, name);
            dashes += len > 2 && line[0] == '-' && line[1] == '-';
        }
        if (types > GT_MIME_TYPES_MAX || dashes > GT_MIME_DASHES_MAX || lines > GT_MIME_LINES_MAX)
            return at;
        if (at + len - field_at > GT_MIME_FIELD_BYTES_MAX &&
            field_name(bytes + field_at, at + len - field_at) > 0)
            return field_at + GT_MIME_FIELD_BYTES_MAX;
        at += len;
    }
    return size;
}
