/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_COMPOSE_H
#define GT_COMPOSE_H

/**
 * @file compose.h
 * Makes mails (RFC 5322, RFC 2045 to 2047, RFC 2231): pure ASCII, each line ends in CR LF and is no
 * longer than 998 bytes. One writer makes what is sent and what is kept as a draft. libcurl's MIME
 * hands its bytes to no IMAP session and encodes no header; GMime stands in the file that reads.
 * Pure; thread-safe.
 */

#include "base/json.h"
#include "gt.h"

/** An address. */
typedef struct gt_mailbox_t {
    const char *name;    /* UTF-8; NULL: none */
    const char *address; /* well-formed; its domain in ASCII (RFC 5890) */
    const char *field;   /* as a client wrote it: "to[0]" */
} gt_mailbox_t;

/** A file that goes along. */
typedef struct gt_attachment_t {
    const char *name;         /* UTF-8 */
    const char *content_type; /* "application/pdf" */
    const char *base64;       /* of its bytes, canonical (RFC 4648 section 4) */
} gt_attachment_t;

/** A mail as it is wished for. Texts and lists are the client's or the pool's. */
typedef struct gt_mail_wish_t {
    const char *from;                  /* an address */
    apr_array_header_t *to, *cc, *bcc; /* of gt_mailbox_t */
    const char *subject;               /* one line of UTF-8 */
    const char *text, *html;           /* NULL: none */
    apr_array_header_t *attachments;   /* of gt_attachment_t */
    const char *message_id;            /* with its angle brackets */
    const char *in_reply_to;           /* likewise; NULL: it answers none */
    const char *references;            /* of ids, blank-separated; NULL: none */
    apr_time_t date;
    int keeps_bcc; /* 1: a draft, which is not sent: its header names them */
} gt_mail_wish_t;

/**
 * Read {to, cc, bcc, subject, text, html, attachments: [{name, content_type, content}]} of a
 * client; other members have been taken out. An address is a text, "ada@example.org" or "Ada
 * <ada@example.org>"; to, cc and bcc are one or a list. from, message_id and date are the caller's.
 * @return GT_INVALID (GT1662) with every wrong field
 */
GT_MUST gt_err_t *gt_compose_read(gt_mail_wish_t *wish, const json_t *body, apr_pool_t *p);

/** The message that a draft answers. */
typedef struct gt_draft_answers_t {
    apr_int64_t message_id; /* of a kept message; 0: none, the draft is a new mail */
    int to_all;             /* 1: the answer goes to all recipients */
} gt_draft_answers_t;

/**
 * Read {to, cc, bcc, subject, body, body_type}, where recipients may be missing, or {message_id,
 * body, body_type, reply_all} of a client; the rest of an answer is its original's (mail/reply.h).
 * @return GT_INVALID (GT1662) with every wrong field
 */
GT_MUST gt_err_t *gt_compose_read_draft(gt_mail_wish_t *wish, gt_draft_answers_t *answers,
                                        const json_t *body, apr_pool_t *p);

/** A new Message-ID in the domain of an address: "<…@example.org>". */
const char *gt_compose_id(const char *from, apr_pool_t *p);

/** An address with its domain in ASCII; NULL: it has none such. */
const char *gt_compose_address(const char *address, apr_pool_t *p);

/** The mail's bytes, NUL-terminated in `p`. @param len  out: how many */
const char *gt_compose(apr_size_t *len, const gt_mail_wish_t *wish, apr_pool_t *p);

#endif
