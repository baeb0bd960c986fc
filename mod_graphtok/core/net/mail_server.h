/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_SERVER_H
#define GT_MAIL_SERVER_H

/**
 * @file mail_server.h
 * The place of a mail server, as a URL and as its parts: imaps://HOST:PORT and smtps://HOST:PORT
 * speak TLS from the first byte (RFC 8314), imap:// and smtp:// begin it by STARTTLS, which is
 * demanded. Nothing is ever sent in the clear. Pure; thread-safe.
 */

#include "gt.h"

/** The parts. */
typedef struct gt_mail_server_t {
    const char *host; /* lower case, an IPv6 address without brackets; NULL: there is none */
    int port;
    int is_starttls; /* 0: TLS from the first byte */
} gt_mail_server_t;

/** 1 when `url` is one, with its port and nothing behind it. @param protocol "imap" or "smtp" */
int gt_mail_server_is_good(const char *url, const char *protocol);

/** Take a URL apart, in `p`. @return 0: it is none of this protocol */
int gt_mail_server_read(gt_mail_server_t *server, const char *url, const char *protocol,
                        apr_pool_t *p);

/**
 * What is odd about a URL: a port that by custom speaks TLS from the first byte where the URL says
 * STARTTLS, or the other way round (RFC 8314 section 7), so that no session will ever begin.
 * @return the URL that is likely meant, in `p`; NULL: nothing is odd
 */
const char *gt_mail_server_meant(const char *url, const char *protocol, apr_pool_t *p);

/** The URL of a server, in `p`; NULL: there is none, or its host or port could not stand in one. */
const char *gt_mail_server_url(const gt_mail_server_t *server, const char *protocol, apr_pool_t *p);

#endif
