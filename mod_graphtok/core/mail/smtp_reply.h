/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SMTP_REPLY_H
#define GT_SMTP_REPLY_H

/**
 * @file smtp_reply.h
 * Replies of an SMTP server (RFC 5321 section 4.2), with enhanced status codes (RFC 2034), and
 * its extensions, which a reply to EHLO lists. The server is not trusted: lines and replies are
 * bounded. Pure; thread-safe.
 */

#include "base/err.h"

/** Most bytes of a reply. */
#define GT_SMTP_REPLY_MAX 16384

/** A reply, in the pool of its reading. */
typedef struct gt_smtp_reply_t {
    int code;                        /* 200 to 599 */
    const char *status;              /* "5.1.1"; "": none */
    const apr_array_header_t *lines; /* const char *: each line behind its code, as it stands */
    const char *words;               /* of all lines, for people: printable and bounded */
} gt_smtp_reply_t;

/**
 * Take the first reply off bytes that arrived.
 * @param reply  out: NULL: it is not whole yet
 * @param used   out: how many of the bytes it has
 * @return GT_UPSTREAM when the bytes are no SMTP, or pass the bound
 */
GT_MUST gt_err_t *gt_smtp_reply_of(gt_smtp_reply_t **reply, apr_size_t *used, const char *bytes,
                                   apr_size_t len, apr_pool_t *p);

/** GT_UPSTREAM: the mail server does not speak SMTP. @param what  the form that is broken */
GT_MUST gt_err_t *gt_smtp_broken(const char *what, apr_pool_t *p);

/** Mechanisms of AUTH that we speak; bits. */
#define GT_SMTP_XOAUTH2 1
#define GT_SMTP_OAUTHBEARER 2
#define GT_SMTP_PLAIN 4

/** The extensions that a server offers. */
typedef struct gt_smtp_can_t {
    int auth;              /* GT_SMTP_… */
    int smtputf8;          /* RFC 6531 */
    apr_int64_t size_most; /* of a message, in bytes (RFC 1870); 0: not said */
} gt_smtp_can_t;

/** The extensions of a reply to EHLO. */
gt_smtp_can_t gt_smtp_can(const gt_smtp_reply_t *reply);

#endif
