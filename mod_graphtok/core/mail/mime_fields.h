/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MIME_FIELDS_H
#define GT_MIME_FIELDS_H

/**
 * @file mime_fields.h
 * Where the fields of a mail's header begin and end (RFC 5322 section 2.2), as GMime splits them.
 * GMime itself makes several objects of each field, of which most are of no use here. Pure;
 * thread-safe.
 */

#include <apr_tables.h>

#include "gt.h"
#include "triage/mail.h"

/** One field, in the mail's own bytes. The name may be empty. */
typedef struct gt_mime_field_t {
    const char *name; /* without a NUL behind it; the field begins here */
    apr_size_t name_len;
    const char *value; /* behind the colon; its further lines and line ends are in it */
    apr_size_t value_len;
} gt_mime_field_t;

/**
 * Split a header. A line without a name is passed over, with its further lines, and so are lines of
 * mboxes ("From ann@example.org …") in front of all others.
 * @param fields  out: of gt_mime_field_t, in `p`; they lie in `bytes`
 * @return where the body begins; NULL: no header begins here, or the mail ends within a name
 */
const char *gt_mime_fields(apr_array_header_t **fields, const char *bytes, apr_size_t size,
                           apr_pool_t *p);

/** 1 when a field has this name. */
int gt_mime_field_is(const gt_mime_field_t *field, const char *name);

/** 1 when its name begins so. */
int gt_mime_field_begins(const gt_mime_field_t *field, const char *name);

/** 1 for a field that tells how a mail was sent; 0 for those of its content, and for those that
 * mail servers add, which are longer than most mails. */
int gt_mime_field_is_kept(const gt_mime_field_t *field);

/** By Importance, X-Priority, Priority, in this order. @return 1 high, 0 normal, -1 low */
int gt_mime_importance(const apr_table_t *headers);

/** By the method of a calendar part (RFC 5546). @return `otherwise` for methods of other kinds */
gt_meeting_t gt_mime_meeting(const char *method, gt_meeting_t otherwise);

/** Ids of a thread, of GT_MIME_THREAD_MAX bytes at most (mime.h). A cut id would be another one,
 * and the last ones say where an answer belongs. So a longer thread keeps its first id, and of the
 * others as many of the last ones as there is room for, as RFC 5537 section 3.4.4 has it.
 * @param ids  on one line; NULL stays NULL */
const char *gt_mime_thread(const char *ids, apr_pool_t *p);

#endif
