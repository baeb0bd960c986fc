/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* One pass over the lines, which knows no MIME: it counts what lines look like. */

#include "mail/mime_bounds.h"

#include <string.h>
#include <strings.h>

/* One line, and the field that it begins or goes on with. */
typedef struct line_reader_t {
    apr_size_t field_at;
    int types, dashes, lines;
    int is_address; /* the field is one of addresses */
    int colons;     /* of it, if so */
} line_reader_t;

/* Length of the name of a header field at the front of a line; 0: there is none. */
static apr_size_t field_name(const char *line, apr_size_t len)
{
    apr_size_t name = 0, i;

    while (name < len && line[name] > ' ' && line[name] < 0x7F && line[name] != ':')
        name++;
    for (i = name; i < len && (line[i] == ' ' || line[i] == '\t'); i++)
        ;
    return i < len && line[i] == ':' ? name : 0;
}

static int is(const char *name, apr_size_t n, const char *wanted)
{
    return n == strlen(wanted) && strncasecmp(name, wanted, n) == 0;
}

static int has_addresses(const char *name, apr_size_t n)
{
    static const char *const names[] = {
        "to",        "cc",        "bcc",        "from",        "reply-to",      "sender",
        "resent-to", "resent-cc", "resent-bcc", "resent-from", "resent-sender", "resent-reply-to"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is(name, n, names[i]))
            return 1;
    return 0;
}

static int count(const char *bytes, apr_size_t len, char wanted)
{
    const char *end = bytes + len;
    int n = 0;

    while ((bytes = memchr(bytes, wanted, (apr_size_t)(end - bytes))) != NULL) {
        bytes++;
        n++;
    }
    return n;
}

static void read_line(line_reader_t *reader, const char *line, apr_size_t len, apr_size_t at)
{
    if (line[0] != ' ' && line[0] != '\t') {
        apr_size_t name = field_name(line, len);

        reader->field_at = at;
        reader->lines += name > 0;
        reader->types += is(line, name, "content-type");
        reader->dashes += len > 2 && line[0] == '-' && line[1] == '-';
        reader->is_address = name > 0 && has_addresses(line, name);
        reader->colons = 0;
    }
    if (reader->is_address)
        reader->colons += count(line, len, ':');
}

apr_size_t gt_mime_front(const char *bytes, apr_size_t size)
{
    line_reader_t reader = {0};
    apr_size_t at = 0;

    while (at < size) {
        const char *line = bytes + at;
        const char *end = memchr(line, '\n', size - at);
        apr_size_t len = end != NULL ? (apr_size_t)(end - line) + 1 : size - at;

        read_line(&reader, line, len, at);
        at += len;
        if (reader.types > GT_MIME_TYPES_MAX || reader.dashes > GT_MIME_DASHES_MAX ||
            reader.lines > GT_MIME_LINES_MAX)
            return at - len;
        if (reader.colons > GT_MIME_COLONS_MAX)
            return reader.field_at;
        if (at - reader.field_at > GT_MIME_FIELD_BYTES_MAX &&
            field_name(bytes + reader.field_at, at - reader.field_at) > 0)
            return reader.field_at + GT_MIME_FIELD_BYTES_MAX;
    }
    return size;
}
