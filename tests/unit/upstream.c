/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A server for transfers' tests, in the test's own process: what it is told to do with a request it
 * does, however rude that is. See upstream.h.
 */

#include "upstream.h"

#include <fnmatch.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define CONNECTIONS_MAX 4096
#define SCRIPTS_MAX 64
#define REQUEST_MAX 65536

/* 300,000 zeros as gzip packs them. */
static const unsigned char zeros[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x01, 0x0d, 0x00, 0x00,
    0x00, 0xc2, 0xa0, 0xf7, 0x4f, 0x6d, 0x0f, 0x07, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfc, 0x18, 0xfb, 0xe2, 0xb2,
    0xf6, 0xe0, 0x93, 0x04, 0x00,
};

typedef struct connection_t {
    upstream_t *up;
    pthread_t thread;
    int fd;
    SSL *ssl;
    char request[REQUEST_MAX + 1];
    size_t len;   /* bytes in `request` */
    size_t whole; /* of them the first request's */
} connection_t;

struct upstream_t {
    int listener, port, end_fd;
    pthread_t thread;
    SSL_CTX *tls;
    char ca[64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int requests, count, gone, is_let_go;
    const char *greeting; /* of a mail server; NULL: it is none */
    const upstream_line_t *script;
    upstream_line_t *scripts[SCRIPTS_MAX]; /* all that it was given */
    int script_count;
    int wants_starttls, is_smtp;
    long long written, read;
    connection_t *connections[CONNECTIONS_MAX];
};

/* ---- bytes ---- */

/* 1 when the descriptor is ready, 0 when the server ends first. */
static int is_ready(const upstream_t *up, int fd, short events, int ms)
{
    struct pollfd fds[] = {{.fd = up->end_fd, .events = POLLIN}, {.fd = fd, .events = events}};

    return poll(fds, fd < 0 ? 1 : 2, ms) > 0 && fds[0].revents == 0;
}

static int write_all(connection_t *c, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n;

        if (!is_ready(c->up, c->fd, POLLOUT, -1))
            return 0;
        n = c->ssl != NULL ? SSL_write(c->ssl, at, len > 16384 ? 16384 : (int)len)
                           : send(c->fd, at, len > 65536 ? 65536 : len, MSG_NOSIGNAL);
        if (n <= 0)
            return 0;
        at += n;
        len -= (size_t)n;
        pthread_mutex_lock(&c->up->lock);
        c->up->written += n;
        pthread_mutex_unlock(&c->up->lock);
    }
    return 1;
}

static int say(connection_t *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int say(connection_t *c, const char *fmt, ...)
{
    char text[8192];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return write_all(c, text, strlen(text));
}

static size_t body_length(const char *request)
{
    const char *field = strcasestr(request, "\r\nContent-Length:");

    return field != NULL ? strtoul(field + 17, NULL, 10) : 0;
}

/* 0 when the client or the server ends. */
static int read_request(connection_t *c)
{
    memmove(c->request, c->request + c->whole, c->len - c->whole);
    c->len -= c->whole;
    for (;;) {
        char *end;
        ssize_t n;

        c->request[c->len] = '\0';
        end = strstr(c->request, "\r\n\r\n");
        c->whole = end == NULL ? 0 : (size_t)(end + 4 - c->request);
        /* A body that is to be read by and by stays behind its head. */
        if (end != NULL && strstr(c->request, " /up/") == NULL)
            c->whole += body_length(c->request);
        if (end != NULL && c->len >= c->whole)
            return 1;
        if (c->len == REQUEST_MAX)
            return 0;
        if ((c->ssl == NULL || SSL_pending(c->ssl) == 0) && !is_ready(c->up, c->fd, POLLIN, -1))
            return 0;
        n = c->ssl != NULL ? SSL_read(c->ssl, c->request + c->len, (int)(REQUEST_MAX - c->len))
                           : read(c->fd, c->request + c->len, REQUEST_MAX - c->len);
        if (n <= 0)
            return 0;
        c->len += (size_t)n;
    }
}

/* ---- answers; 0: the connection ends ---- */

static int answer_text(connection_t *c, const char *text)
{
    return say(c,
               "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\nContent-Type: "
               "text/plain\r\nContent-Length: %zu\r\n\r\n%s",
               strlen(text), text);
}

/* Bytes whose value tells their place. */
/* Bytes that tell their place. */
static int write_pattern(connection_t *c, long n, int chunked)
{
    char piece[32768];
    long at = 0;

    while (at < n) {
        long len = n - at < (long)sizeof(piece) ? n - at : (long)sizeof(piece);
        long i;

        for (i = 0; i < len; i++)
            piece[i] = (char)('a' + (at + i) % 23);
        if ((chunked && !say(c, "%lx\r\n", len)) || !write_all(c, piece, (size_t)len) ||
            (chunked && !say(c, "\r\n")))
            return 0;
        at += len;
    }
    return 1;
}

static int answer_bytes(connection_t *c, long n, int chunked)
{
    if (chunked)
        return say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") &&
               write_pattern(c, n, 1) && say(c, "0\r\nTrailer: x\r\n\r\n");
    return say(c, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", n) && write_pattern(c, n, 0);
}

static int answer_echo(connection_t *c)
{
    static __thread char text[REQUEST_MAX + 64];
    char method[32] = "";
    char token[256] = "";
    const char *field = strcasestr(c->request, "\r\nAuthorization:");
    const char *body = strstr(c->request, "\r\n\r\n") + 4;

    sscanf(c->request, "%31s", method);
    if (field != NULL)
        sscanf(field + 16, " %255[^\r]", token);
    snprintf(text, sizeof(text), "%s\n%s\n%.*s", method, token, (int)(c->request + c->whole - body),
             body);
    return say(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(text)) &&
           write_all(c, text, strlen(text));
}

static int answer_fields(connection_t *c, long n, int wide)
{
    long i;

    say(c, "HTTP/1.1 200 OK\r\n");
    for (i = 0; !wide && i < n; i++)
        say(c, "X-%ld: y\r\n", i);
    if (wide)
        say(c, "X-Wide: ");
    for (i = 0; wide && i < n; i++)
        say(c, "z");
    return say(c, "%sContent-Length: 2\r\n\r\nok", wide ? "\r\n" : "");
}

static int answer_end(connection_t *c, const char *path)
{
    if (strcmp(path, "/die") == 0)
        say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    else if (strcmp(path, "/garbage") == 0)
        say(c, "220 this is no HTTP\r\n\r\n");
    else if (strcmp(path, "/last") == 0)
        answer_text(c, "hello");
    return 0;
}

/* ---- bodies that are read by and by ---- */

/* One more byte of the body, or -1. */
static int next_byte(connection_t *c)
{
    if (c->whole == c->len) {
        ssize_t n;

        c->whole = c->len = 0;
        if ((c->ssl == NULL || SSL_pending(c->ssl) == 0) && !is_ready(c->up, c->fd, POLLIN, -1))
            return -1;
        n = c->ssl != NULL ? SSL_read(c->ssl, c->request, REQUEST_MAX)
                           : read(c->fd, c->request, REQUEST_MAX);
        if (n <= 0)
            return -1;
        c->len = (size_t)n;
    }
    return (unsigned char)c->request[c->whole++];
}

static void add_read(upstream_t *up, long long n)
{
    pthread_mutex_lock(&up->lock);
    up->read += n;
    pthread_mutex_unlock(&up->lock);
}

/* Bytes at their places; 0 when one is another, or the client goes. */
static int read_bytes(connection_t *c, long long *at, long long n)
{
    long long told = *at, end = *at + n;

    for (; *at < end; ++*at) {
        if (next_byte(c) != 'a' + (int)(*at % 23))
            break;
        if (c->whole == c->len) {
            add_read(c->up, *at + 1 - told);
            told = *at + 1;
        }
    }
    add_read(c->up, *at - told);
    return *at == end;
}

static int read_line(connection_t *c, char *line, size_t room)
{
    size_t n = 0;
    int byte;

    while ((byte = next_byte(c)) >= 0 && byte != '\n' && n + 1 < room)
        line[n++] = (char)byte;
    line[n] = '\0';
    return byte == '\n' && n > 0 && line[n - 1] == '\r';
}

static int read_chunks(connection_t *c, long long *at)
{
    char line[64];

    while (read_line(c, line, sizeof(line))) {
        long long n = strtoll(line, NULL, 16);

        if (!read_bytes(c, at, n) || !read_line(c, line, sizeof(line)))
            return 0;
        if (n == 0)
            return 1;
    }
    return 0;
}

static int answer_count(connection_t *c)
{
    int is_chunked = strcasestr(c->request, "\r\nTransfer-Encoding: chunked") != NULL;
    int has_length = strcasestr(c->request, "\r\nContent-Length:") != NULL;
    long long n = (long long)body_length(c->request), at = 0;
    char text[64];

    if (is_chunked == has_length || !(is_chunked ? read_chunks(c, &at) : read_bytes(c, &at, n)))
        return 0;
    snprintf(text, sizeof(text), "%lld %s", at, is_chunked ? "chunked" : "long");
    return answer_text(c, text);
}

static void hold(upstream_t *up)
{
    pthread_mutex_lock(&up->lock);
    while (!up->is_let_go)
        pthread_cond_wait(&up->changed, &up->lock);
    pthread_mutex_unlock(&up->lock);
}

static int answer_upload(connection_t *c, const char *path)
{
    long long at = 0;
    long n = 0;

    if (strcmp(path, "/up/refuse") == 0 || strcmp(path, "/up/stay") == 0) {
        say(c, "HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\n%s", path[4] == 'r' ? "no" : "n");
        while (next_byte(c) >= 0)
            ;
        return 0;
    }
    if (sscanf(path, "/up/part/%ld", &n) == 1) {
        read_bytes(c, &at, n);
        return 0;
    }
    if (strcmp(path, "/up/held") == 0)
        hold(c->up);
    return answer_count(c);
}

static int answer_special(connection_t *c, const char *path)
{
    if (strcmp(path, "/early") == 0)
        return say(c, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n") && answer_text(c, "hello");
    if (strcmp(path, "/redirect") == 0)
        return say(c, "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n");
    if (strcmp(path, "/gzip") == 0)
        return say(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                   sizeof(zeros)) &&
               write_all(c, zeros, sizeof(zeros));
    if (strcmp(path, "/hang") == 0 || strcmp(path, "/pause") == 0) {
        if (path[1] == 'p')
            say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell");
        is_ready(c->up, c->fd, POLLIN | POLLRDHUP, -1);
        return 0;
    }
    return answer_end(c, path);
}

static int answer(connection_t *c)
{
    char method[32], path[256];
    long n = 0;

    if (sscanf(c->request, "%31s %255[^ ?]", method, path) != 2)
        return 0;
    if (strcmp(method, "HEAD") == 0)
        return say(c, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
    if (strcmp(path, "/hello") == 0)
        return answer_text(c, "hello");
    if (strcmp(path, "/echo") == 0)
        return answer_echo(c);
    if (strncmp(path, "/up/", 4) == 0)
        return answer_upload(c, path);
    if (sscanf(path, "/bytes/%ld", &n) == 1 || sscanf(path, "/chunks/%ld", &n) == 1)
        return answer_bytes(c, n, path[1] == 'c');
    if (sscanf(path, "/fields/%ld", &n) == 1 || sscanf(path, "/field/%ld", &n) == 1)
        return answer_fields(c, n, path[6] == '/');
    if (sscanf(path, "/status/%ld", &n) == 1)
        return say(c, "HTTP/1.1 %ld X\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno", n);
    if (sscanf(path, "/slow/%ld", &n) == 1)
        return (is_ready(c->up, -1, 0, (int)n), answer_text(c, "hello"));
    return answer_special(c, path);
}

/* ---- mail ---- */

static void count(upstream_t *up, int *what)
{
    pthread_mutex_lock(&up->lock);
    ++*what;
    pthread_cond_broadcast(&up->changed);
    pthread_mutex_unlock(&up->lock);
}

static int start_tls(connection_t *c, const char *tag)
{
    if (!c->up->wants_starttls || !say(c, "%s OK begin\r\n", tag))
        return 0;
    c->ssl = SSL_new(c->up->tls);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_accept(c->ssl) == 1;
}

static int answer_mail(connection_t *c, const char *tag, const char *command)
{
    long long at = 0;
    long n;

    if (strcmp(command, "CAPABILITY") == 0)
        return say(c, "* CAPABILITY IMAP4rev1%s\r\n%s OK done\r\n",
                   c->up->wants_starttls && c->ssl == NULL ? " STARTTLS" : "", tag);
    if (strcmp(command, "STARTTLS") == 0)
        return start_tls(c, tag);
    if (sscanf(command, "SEND %ld", &n) == 1)
        return write_pattern(c, n, 0) && say(c, "%s OK\r\n", tag);
    if (sscanf(command, "TAKE %ld", &n) == 1)
        return read_bytes(c, &at, n) && say(c, "%s OK\r\n", tag);
    return strcmp(command, "HUSH") == 0;
}

/* As fast as the client reads, until it goes. */
static int answer_for_ever(connection_t *c, const char *answer)
{
    char many[65536];
    size_t len = strlen(answer), n = 0;

    for (; n + len <= sizeof(many); n += len)
        memcpy(many + n, answer, len);
    while (write_all(c, many, n))
        ;
    return 0;
}

/* The script's next answer, with the tag in the place of each "$". */
static int answer_by_script(connection_t *c, const upstream_line_t *line, const char *tag)
{
    if (line->ends == UPSTREAM_FOREVER)
        return answer_for_ever(c, line->answer);
    for (const char *at = line->answer; *at != '\0'; at += strcspn(at, "$")) {
        if (*at == '$' && !write_all(c, tag, strlen(tag)))
            return 0;
        at += *at == '$';
        if (!write_all(c, at, strcspn(at, "$")))
            return 0;
    }
    return !line->ends;
}

/* Lines of a tag and a command, or of no tag, until one ends the connection. */
static void serve_mail(connection_t *c)
{
    const upstream_line_t *script = c->up->script;
    char line[4096], tag[64] = "";
    int goes_on = say(c, "%s", c->up->greeting);

    while (goes_on && read_line(c, line, sizeof(line))) {
        char *command = strchr(line, ' ');

        count(c->up, &c->up->requests);
        line[strlen(line) - 1] = '\0';
        if (command != NULL && (size_t)(command - line) < sizeof(tag))
            snprintf(tag, sizeof(tag), "%.*s", (int)(command - line), line);
        command = command != NULL ? command + 1 : line;
        if (script == NULL)
            goes_on = answer_mail(c, tag, command);
        else
            goes_on = script->wants != NULL && fnmatch(script->wants, command, 0) == 0 &&
                      answer_by_script(c, script++, tag);
    }
}

/* The lines of a mail up to its dot, as one text; to be freed. NULL: the client went. */
static char *read_mail(connection_t *c)
{
    char line[REQUEST_MAX];
    char *mail = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&mail, &len);
    int goes_on;

    while ((goes_on = read_line(c, line, sizeof(line))) && strcmp(line, ".\r") != 0)
        fprintf(out, "%s\n", line);
    fclose(out);
    if (goes_on)
        return mail;
    free(mail);
    return NULL;
}

/* Commands of SMTP, and a mail after each "354". */
static void serve_smtp(connection_t *c)
{
    char line[REQUEST_MAX];
    const upstream_line_t *script = c->up->script;
    int goes_on = say(c, "%s", c->up->greeting), is_mail = 0;

    while (goes_on) {
        char *mail = is_mail ? read_mail(c) : NULL;

        if (is_mail ? mail == NULL : !read_line(c, line, sizeof(line)))
            break;
        count(c->up, &c->up->requests);
        if (!is_mail)
            line[strlen(line) - 1] = '\0';
        goes_on = script->wants != NULL && fnmatch(script->wants, is_mail ? mail : line, 0) == 0;
        free(mail);
        is_mail = goes_on && strncmp(script->answer, "354", 3) == 0;
        goes_on = goes_on && answer_by_script(c, script++, "$");
    }
}

/* ---- threads ---- */

static void *serve(void *baton)
{
    connection_t *c = baton;
    int goes_on = c->ssl == NULL || SSL_accept(c->ssl) == 1;

    if (goes_on && c->up->greeting != NULL)
        c->up->is_smtp ? serve_smtp(c) : serve_mail(c);
    while (goes_on && c->up->greeting == NULL && read_request(c)) {
        count(c->up, &c->up->requests);
        goes_on = answer(c);
    }
    if (c->ssl != NULL)
        SSL_shutdown(c->ssl);
    shutdown(c->fd, SHUT_RDWR);
    count(c->up, &c->up->gone);
    return NULL;
}

static void take(upstream_t *up, int fd)
{
    connection_t *c = calloc(1, sizeof(*c));
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->up = up;
    c->fd = fd;
    if (up->tls != NULL && !up->wants_starttls) {
        c->ssl = SSL_new(up->tls);
        SSL_set_fd(c->ssl, fd);
    }
    pthread_mutex_lock(&up->lock);
    ck_assert_int_lt(up->count, CONNECTIONS_MAX);
    up->connections[up->count++] = c;
    pthread_mutex_unlock(&up->lock);
    ck_assert_int_eq(pthread_create(&c->thread, NULL, serve, c), 0);
}

static void *listen_for(void *baton)
{
    upstream_t *up = baton;

    while (is_ready(up, up->listener, POLLIN, -1)) {
        int fd = accept4(up->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0)
            take(up, fd);
    }
    return NULL;
}

/* A certificate for localhost that is its own authority. */
static void make_certificate(upstream_t *up)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    int fd;
    FILE *file;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_add_ext(cert, names, -1);
    X509_sign(cert, key, EVP_sha256());
    up->tls = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_use_certificate(up->tls, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(up->tls, key), 1);
    strcpy(up->ca, "/tmp/gt-upstream-XXXXXX");
    fd = mkstemp(up->ca);
    ck_assert_int_ge(fd, 0);
    file = fdopen(fd, "w");
    PEM_write_X509(file, cert);
    fclose(file);
    X509_EXTENSION_free(names);
    X509_free(cert);
    EVP_PKEY_free(key);
}

upstream_t *upstream_open(int tls)
{
    upstream_t *up = calloc(1, sizeof(*up));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    /* A client that goes in the middle of a handshake. */
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&up->lock, NULL);
    pthread_cond_init(&up->changed, NULL);
    up->end_fd = eventfd(0, EFD_CLOEXEC);
    up->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(up->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(up->listener, 4096), 0);
    getsockname(up->listener, (struct sockaddr *)&address, &len);
    up->port = ntohs(address.sin_port);
    if (tls)
        make_certificate(up);
    ck_assert_int_eq(pthread_create(&up->thread, NULL, listen_for, up), 0);
    return up;
}

void upstream_greets(upstream_t *up, const char *greeting, int wants_starttls)
{
    up->greeting = greeting;
    up->wants_starttls = wants_starttls;
}

/* A copy: a connection may read its script when the test that gave it has returned. */
static void keep_script(upstream_t *up, const upstream_line_t *script)
{
    upstream_line_t *copy = NULL;
    int n = 0;

    while (script != NULL && script[n].wants != NULL)
        n++;
    if (script != NULL) {
        ck_assert_int_lt(up->script_count, SCRIPTS_MAX);
        copy = calloc((size_t)n + 1, sizeof(*copy));
        memcpy(copy, script, (size_t)n * sizeof(*copy));
        up->scripts[up->script_count++] = copy;
    }
    up->script = copy;
}

void upstream_says(upstream_t *up, const upstream_line_t *script)
{
    /* Threads of earlier connections may still read it. */
    if (up->greeting == NULL)
        up->greeting = "* OK ready\r\n";
    keep_script(up, script);
}

void upstream_says_smtp(upstream_t *up, const upstream_line_t *script)
{
    up->greeting = "220 ready\r\n";
    keep_script(up, script);
    up->is_smtp = 1;
}

void upstream_close(upstream_t *up)
{
    unsigned long long one = 1;
    int i;

    ck_assert_int_eq(write(up->end_fd, &one, sizeof(one)), sizeof(one));
    upstream_let_go(up);
    pthread_join(up->thread, NULL);
    for (i = 0; i < up->count; i++) {
        connection_t *c = up->connections[i];

        shutdown(c->fd, SHUT_RDWR);
        pthread_join(c->thread, NULL);
        SSL_free(c->ssl);
        close(c->fd);
        free(c);
    }
    for (i = 0; i < up->script_count; i++)
        free(up->scripts[i]);
    close(up->listener);
    close(up->end_fd);
    SSL_CTX_free(up->tls);
    if (up->ca[0] != '\0')
        unlink(up->ca);
    free(up);
}

/* ---- looking ---- */

const char *upstream_url(upstream_t *up, const char *path)
{
    static __thread char urls[4][512];
    static __thread int next;
    char *url = urls[next++ % 4];

    snprintf(url, sizeof(urls[0]), "%s:%d%s",
             up->tls != NULL ? "https://localhost" : "http://127.0.0.1", up->port, path);
    return url;
}

const char *upstream_ca(upstream_t *up)
{
    return up->ca;
}

int upstream_connections(upstream_t *up)
{
    int n;

    pthread_mutex_lock(&up->lock);
    n = up->count;
    pthread_mutex_unlock(&up->lock);
    return n;
}

int upstream_requests(upstream_t *up)
{
    int n;

    pthread_mutex_lock(&up->lock);
    n = up->requests;
    pthread_mutex_unlock(&up->lock);
    return n;
}

long long upstream_written(upstream_t *up)
{
    long long n;

    pthread_mutex_lock(&up->lock);
    n = up->written;
    pthread_mutex_unlock(&up->lock);
    return n;
}

long long upstream_read(upstream_t *up)
{
    long long n;

    pthread_mutex_lock(&up->lock);
    n = up->read;
    pthread_mutex_unlock(&up->lock);
    return n;
}

void upstream_let_go(upstream_t *up)
{
    pthread_mutex_lock(&up->lock);
    up->is_let_go = 1;
    pthread_cond_broadcast(&up->changed);
    pthread_mutex_unlock(&up->lock);
}

static void await(upstream_t *up, const int *what, int n)
{
    struct timespec until;
    int status = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 90;
    pthread_mutex_lock(&up->lock);
    while (*what < n && status == 0)
        status = pthread_cond_timedwait(&up->changed, &up->lock, &until);
    ck_assert_int_ge(*what, n);
    pthread_mutex_unlock(&up->lock);
}

void upstream_await_requests(upstream_t *up, int n)
{
    await(up, &up->requests, n);
}

void upstream_await_gone(upstream_t *up, int n)
{
    await(up, &up->gone, n);
}
