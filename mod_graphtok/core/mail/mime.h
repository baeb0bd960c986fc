/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MIME_H
#define GT_MIME_H

/**
 * @file mime.h
 * Reads a mail as it comes from a mail server (RFC 5322, 2045 to 2047, 2231). GMime parses; its
 * headers are included by mime.c alone. Every mail can be read, of any bytes: a reader has to show
 * a person something, and one strange mail must not stop a folder. Work and memory are bounded by
 * GT_MIME_SIZE_MAX and the bounds of mime_bounds.h.
 *
 * All texts are UTF-8 without NUL, and without other control characters than the line ends and tabs
 * of `text`. Bytes that mean nothing in their charset read as U+FFFD, those of an encoded word (RFC
 * 2047) as "?".
 */

#include <apr_tables.h>

#include "gt.h"
#include "triage/mail.h"

/** Most bytes of a mail that are looked at. */
#define GT_MIME_SIZE_MAX ((apr_size_t)1024 * 1024)

/** Most bytes of each text of a mail. */
enum {
    GT_MIME_TEXT_MAX = 128 * 1024, /* its text */
    GT_MIME_SUBJECT_MAX = 1000,
    GT_MIME_ADDRESSES_MAX = 500, /* addresses of one field, not bytes */
    GT_MIME_NAME_MAX = 256,      /* a person's name, a header field's name */
    GT_MIME_ADDRESS_MAX = 320,   /* RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.2 */
    GT_MIME_ID_MAX = 998,        /* a longer id is dropped: cut, it would be another one */
    GT_MIME_FIELD_MAX = 500,     /* a header field's value */
    GT_MIME_THREAD_MAX = 8000,   /* of References: a longer one loses ids in its middle */
    GT_MIME_FIELDS_MAX = 64      /* fields of `headers`, not bytes */
};

/** One mailbox of an address field. */
typedef struct gt_mime_address_t {
    const char *name;    /* decoded, for a reader; NULL: it has none */
    const char *address; /* "ann@example.org", as it stands there; never NULL */
} gt_mime_address_t;

/** One mail. Texts that the mail lacks are NULL; arrays are never NULL. */
typedef struct gt_mime_t {
    const char *subject;
    apr_array_header_t *from, *to, *cc, *reply_to; /* of gt_mime_address_t; groups are opened */
    apr_time_t date;         /* of the Date field; 0: none, or beyond the years 1970 to 9999 */
    const char *message_id;  /* without its angle brackets, as the next one */
    const char *in_reply_to; /* the first one */
    apr_table_t *headers;    /* fields that tell how it was sent (List-Id, Precedence, …): all but
                                those above, of content, and of the way that it came */
    int importance;          /* 1 high, 0 normal, -1 low (Importance, X-Priority, Priority) */
    gt_meeting_t meeting;    /* by its calendar part (RFC 5546) */
    const char *text;        /* what its sender wrote, from text/plain or else from HTML; lines
                                end in LF */
    int is_html;             /* 1: `text` was made from HTML */
    int n_attachments;       /* without pictures that stand in the text, and without signatures */
    int has_attachments;
    int is_cut; /* 1: there is more than these bounds let through, or let us look at */
} gt_mime_t;

/**
 * Read a mail, or its first bytes.
 *
 * Not to be called in httpd's parent process: GMime's types stay registered in GLib, and an httpd
 * that restarts would load GMime anew.
 * @param bytes  any, of any size; not changed, nothing in `found` refers to them
 * @param p  what `found` is made of
 * Thread-safe.
 */
void gt_mime_read(gt_mime_t *found, const char *bytes, apr_size_t size, apr_pool_t *p);

#endif
