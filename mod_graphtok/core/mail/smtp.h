/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SMTP_H
#define GT_SMTP_H

/**
 * @file smtp.h
 * One mail by SMTP submission (RFC 6409, RFC 5321). libcurl dials, and verifies TLS; the dialogue
 * is spoken here. libcurl's own would keep copies of the token, take a line break in an address for
 * the end of a command, tell a refused token by the same number as a server without AUTH, and not
 * tell which of several recipients was refused. A mail goes to all of its recipients or to none.
 * No thread waits for the server.
 */

#include "base/secret.h"
#include "task/task.h"

/** Where mail goes out. Texts stay the caller's. */
typedef struct gt_smtp_server_t {
    const char *url;                     /* smtp://HOST:PORT for STARTTLS, or smtps://HOST:PORT */
    const char *name;                    /* a domain name, as which we greet it */
    const char *ca_file;                 /* PEM; NULL: the system's */
    const char *pins;                    /* net/pins.h; NULL: any key */
    const char *local_end;               /* net/local_end.h; NULL: as the system routes it */
    const char *proxy;                   /* "http://host:port"; NULL: none */
    const gt_secret_t *proxy_login;      /* "user:password"; NULL: none */
    apr_interval_time_t connect_timeout; /* µs; 0: that of a transfer */
} gt_smtp_server_t;

/**
 * Work: send a mail. Failures: those of the network; GT_SIGN_IN: the server refuses the token;
 * GT_FORBIDDEN: it refuses the password, or sends nothing of this mailbox; GT_TOO_LARGE;
 * GT_INVALID: an address that no command may hold; GT_REFUSED: the mail or a recipient (`fields`
 * has each of them), with a status; GT_UPSTREAM: a passing trouble, or no SMTP. In each case
 * `is_said` tells whether the mail may have been sent.
 */
typedef struct gt_smtp_send_t {
    gt_smtp_server_t server;
    gt_loop_t *loop;
    const char *mailbox;                  /* that is signed in */
    const gt_secret_t *secret;            /* its token, or its password */
    int by_password;                      /* 1: `secret` is one */
    const char *from;                     /* an address */
    const apr_array_header_t *recipients; /* const char *: addresses, in the order of `fields` */
    const apr_array_header_t *fields;     /* const char *: the field of each, "to[0]"; NULL: none */
    const char *bytes;                    /* the message; each of its lines ends in CR LF */
    apr_size_t len;
    apr_interval_time_t patience; /* µs, for each reply; 0: 60 s, and 2 min for the last one */
    int is_said;                  /* out: 1: the end of the message was said, and no refusal came */
    const char *reply;            /* out: the server's words after the message; NULL: none came */
    struct gt_smtp_session_t *session; /* own */
} gt_smtp_send_t;
extern const gt_work_t gt_smtp_send;

#endif
