/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_UPSTREAM_H
#define GT_TEST_UPSTREAM_H

/*
 * A provider for tests: an HTTP/1.1 server on a loopback port of its own, a thread a connection,
 * plain or with TLS. What it does stands in the path:
 *
 *     /hello            "hello"
 *     /echo             method, Authorization and body, a line each
 *     /bytes/N          N bytes with their length; /chunks/N the same without
 *     /status/N         that status, a small body
 *     /early            103 first, then "hello"
 *     /redirect         302 to /hello
 *     /gzip             300,000 zeros, packed
 *     /fields/N         N header fields; /field/N one field of N bytes
 *     /slow/MS          "hello" after so long
 *     /hang             nothing, ever; /pause: a head and four bytes, then nothing
 *     /die              a head, half the body, the end; /drop: the end at once
 *     /garbage          what is no HTTP
 *     /last             "hello", and the connection ends without having said so
 *     /up/count         reads a body whose bytes tell their place; then how many there were
 *     /up/held          the same, but reads nothing until upstream_let_go
 *     /up/refuse        413 at once, the body dropped; /up/stay the same, but its answer never ends
 *     /up/part/N        reads N bytes, then the end
 *
 * Or a mail server (upstream_greets), whose lines are "TAG COMMAND":
 *
 *     CAPABILITY, STARTTLS    as in IMAP
 *     SEND N            N bytes that tell their place, then "TAG OK"
 *     TAKE N            reads N bytes that tell their place, then "TAG OK"
 *     HUSH              no answer; any other command is the end
 */

typedef struct upstream_t upstream_t;

upstream_t *upstream_open(int tls);
/* Before its first connection: it is a mail server, with TLS from the beginning or when asked. */
void upstream_greets(upstream_t *up, const char *greeting, int wants_starttls);

#define UPSTREAM_FOREVER 2

/* A line of a script: the command that it wants (a pattern, without its tag) and the answer, with
 * "$" for the tag. A command that is not wanted ends the connection. */
typedef struct upstream_line_t {
    const char *wants; /* NULL: none follows */
    const char *answer;
    int ends; /* 1: the connection ends then; UPSTREAM_FOREVER: the answer comes again and again */
} upstream_line_t;

/* The same, a mail server that speaks by a script, of which it keeps a copy. */
void upstream_says(upstream_t *up, const upstream_line_t *script);
/* The same for SMTP: lines have no tag, and what follows an answer that begins with 354 is a mail,
 * one text up to its dot, as it came. */
void upstream_says_smtp(upstream_t *up, const upstream_line_t *script);
/* Ends every connection, joins every thread. */
void upstream_close(upstream_t *up);

/* "http://127.0.0.1:PORT<path>" or "https://localhost:PORT<path>"; lives until the next calls. */
const char *upstream_url(upstream_t *up, const char *path);
/* PEM file of the authority of its certificate. */
const char *upstream_ca(upstream_t *up);

/* Connections and requests so far; body bytes written so far. */
int upstream_connections(upstream_t *up);
int upstream_requests(upstream_t *up);
long long upstream_written(upstream_t *up);
/* Bytes of bodies that /up/ has read so far. */
long long upstream_read(upstream_t *up);
/* Let /up/held read on, for good. */
void upstream_let_go(upstream_t *up);
/* Wait until so many requests have arrived, or connections ended by the client (90 s at most). */
void upstream_await_requests(upstream_t *up, int n);
void upstream_await_gone(upstream_t *up, int n);

#endif
