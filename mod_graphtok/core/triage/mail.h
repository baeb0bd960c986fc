/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_H
#define GT_MAIL_H

/**
 * @file mail.h
 * A mail as triage looks at it, whichever way it came: its reader fills it in (graph/mail_read.h).
 * Plain values, which their reader owns.
 */

#include <apr_tables.h>

/** The part that a mail plays for a meeting. */
typedef enum gt_meeting_t {
    GT_MEETING_NONE,
    GT_MEETING_REQUEST,   /* it invites, or changes the meeting */
    GT_MEETING_CANCELLED, /* there will be none */
    GT_MEETING_ANSWER     /* a guest has accepted or declined */
} gt_meeting_t;

/** One mail. Texts are UTF-8 and may be NULL where the mail has none. */
typedef struct gt_mail_t {
    const char *subject;
    const char *text;            /* plain; an earlier mail may be quoted in it */
    const char *from;            /* the sender's address */
    const char *from_name;       /* the sender's name */
    apr_array_header_t *to, *cc; /* of const char *: addresses; NULL: none */
    apr_table_t *headers;        /* header fields by name; NULL: none are known */
    int importance;              /* 1 high, 0 normal, -1 low */
    gt_meeting_t meeting;
} gt_mail_t;

/** The person whose mail it is. */
typedef struct gt_mail_owner_t {
    apr_array_header_t *addresses; /* of const char *: their own ones */
    const char *name;              /* "Tom Keller"; NULL: not known */
    const char *given_name;        /* "Tom"; NULL: not known */
    apr_table_t *written_to;       /* by address: people they have written to; NULL: not known */
} gt_mail_owner_t;

#endif
