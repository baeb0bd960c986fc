/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A record is built on the stack and written under this process's lock, which therefore also orders
 * the chain; other processes write to the same file without knowing of us (O_APPEND). A write that
 * fails leaves the chain where it was. A full pipe is waited for, for a second, once; then nobody
 * waits for it for another second.
 */

#include "store/audit.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

#define PIPE_WAIT_MS 1000
#define MARK_EVERY apr_time_from_sec(60)
#define MARKS_MAX 32 /* heads in a record */

/* Bytes a text may take when it is escaped; a user of 255 bytes, the longest, is never cut. */
#define LONG_TEXT 1544
#define SHORT_TEXT 192

struct gt_audit_t {
    gt_audit_conf_t conf;
    char node[65];        /* name of this machine */
    pthread_mutex_t lock; /* guards what follows, and the order of the chain */
    gt_chain_key_t key;
    gt_head_place_t *place;
    gt_head_t head; /* the last record written */
    int has_begun;
    int has_ended;
    int is_torn;            /* the last write left a piece of a line */
    int is_failing;         /* said in the log */
    int is_quiet;           /* the log hears of neither */
    apr_time_t quiet_until; /* gt_mono(): the pipe was full a moment ago */
    apr_int64_t lost;       /* records since the last one written */
};

typedef struct line_t {
    char text[GT_AUDIT_LINE];
    apr_size_t len;
} line_t;

/* ---- a line ---- */

/* All fits by the bounds of the members; were one forgotten, the record is cut and its MAC says so. */
static void add(line_t *line, const char *fmt, ...) GT_PRINTF(2, 3);

static void add(line_t *line, const char *fmt, ...)
{
    apr_size_t room = sizeof(line->text) - line->len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line->text + line->len, room, fmt, args);
    va_end(args);
    assert(n >= 0 && (apr_size_t)n < room);
    line->len += n < 0 ? 0 : (apr_size_t)n < room ? (apr_size_t)n : room - 1;
}

/* One byte of a JSON text into at most 6. */
static int escape(char out[8], unsigned char c, int is_utf8)
{
    if (c == '"' || c == '\\')
        return snprintf(out, 8, "\\%c", c);
    if (c < 0x20 || c == 0x7F)
        return snprintf(out, 8, "\\u%04x", c);
    out[0] = c >= 0x80 && !is_utf8 ? '?' : (char)c;
    out[1] = '\0';
    return 1;
}

static void add_text(line_t *line, const char *name, const char *text, apr_size_t most)
{
    int is_utf8;
    apr_size_t used = 0;

    if (text == NULL)
        return;
    is_utf8 = gt_is_utf8(text, strlen(text));
    add(line, "\"%s\":\"", name);
    for (const char *c = text; *c != '\0'; c++) {
        char out[8];

        used += (apr_size_t)escape(out, (unsigned char)*c, is_utf8);
        /* Cut before a character, never within one. */
        if (used > most - 8 && ((unsigned char)*c & 0xC0) != 0x80)
            break;
        add(line, "%s", out);
    }
    add(line, "\",");
}

static void begin_line(line_t *line, const char *event, const char *result)
{
    apr_time_t now = gt_now();
    apr_time_exp_t t;

    line->len = 0;
    apr_time_exp_gmt(&t, now);
    add(line,
        "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\",\"event\":\"%s\",\"result\":\"%s\",",
        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec, event,
        result);
}

static void describe(line_t *line, const gt_event_t *event)
{
    const gt_err_t *err = event->err;
    const gt_asker_t *asker = event->asker;

    begin_line(line, gt_event_name(event->kind),
               err == GT_OK ? "ok" : gt_class_row(err->cls)->name);
    if (err != GT_OK) {
        add_text(line, "tag", err->tag, SHORT_TEXT);
        add_text(line, "code", err->code, SHORT_TEXT);
    }
    add_text(line, "store", event->store, SHORT_TEXT);
    add_text(line, "provider", event->provider, SHORT_TEXT);
    add_text(line, "user", event->user, LONG_TEXT);
    if (asker != NULL) {
        add_text(line, "address", asker->address, SHORT_TEXT);
        add_text(line, "request_id", asker->request_id, SHORT_TEXT);
        add_text(line, "route", asker->route, SHORT_TEXT);
    }
    if (event->took > 0)
        add(line, "\"took_ms\":%lld,", (long long)(event->took / 1000));
    add_text(line, "detail", event->detail, SHORT_TEXT);
}

/* ---- writing ---- */

/* @return bytes written; -1 with errno */
static ssize_t write_once(int fd, const char *bytes, apr_size_t len)
{
    struct pollfd wait = {fd, POLLOUT, 0};
    ssize_t n;

    do
        n = write(fd, bytes, len);
    while (n < 0 && errno == EINTR);
    if (n >= 0 || errno != EAGAIN)
        return n;
    if (poll(&wait, 1, PIPE_WAIT_MS) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, bytes, len);
}

static const char *put_bytes(gt_audit_t *audit, const char *bytes, apr_size_t len)
{
    ssize_t n;

    if (audit->conf.fd < 0)
        return "it is not open";
    if (gt_mono() < audit->quiet_until)
        return "the program does not read";
    /* What a failed write left must not swallow this line. */
    if (audit->is_torn && write_once(audit->conf.fd, "\n", 1) != 1)
        return strerror(errno);
    audit->is_torn = 0;
    n = write_once(audit->conf.fd, bytes, len);
    if (n == (ssize_t)len)
        return NULL;
    audit->is_torn = n > 0;
    if (n >= 0)
        return "there was no room for a whole line";
    if (errno == EAGAIN)
        audit->quiet_until = gt_mono() + apr_time_from_msec(PIPE_WAIT_MS);
    return errno == EAGAIN ? "the program does not read" : strerror(errno);
}

static void say(gt_audit_t *audit, const char *why)
{
    if (audit->is_quiet)
        return;
    if (why != NULL && !audit->is_failing)
        gt_log(GT_LOG_ERROR, "GT0450", "the audit cannot be written: %s; %s", why,
               audit->conf.is_required ? "no token is handed out meanwhile"
                                       : "operations go on unrecorded");
    if (why == NULL && audit->is_failing)
        gt_log(GT_LOG_NOTICE, NULL, "the audit can be written again");
    audit->is_failing = why != NULL;
}

/* End the line, tie it to the chain and write it. Call with the lock. 1: written. */
static int put(gt_audit_t *audit, line_t *line)
{
    gt_head_t next = {audit->head.chain, audit->has_begun ? audit->head.seq + 1 : 0, {0, 0}};
    const char *why;

    add_text(line, "node", audit->node, SHORT_TEXT);
    add(line, "\"pid\":%ld,\"chain\":\"%016llx\",\"seq\":%llu,\"prev\":\"%016llx%016llx\"",
        (long)getpid(), (unsigned long long)next.chain, (unsigned long long)next.seq,
        (unsigned long long)audit->head.mac[0], (unsigned long long)audit->head.mac[1]);
    gt_chain_mac(&next, &audit->key, line->text, line->len);
    add(line, ",\"mac\":\"%016llx%016llx\"}\n", (unsigned long long)next.mac[0],
        (unsigned long long)next.mac[1]);
    why = put_bytes(audit, line->text, line->len);
    say(audit, why);
    if (why != NULL)
        return 0;
    audit->has_begun = 1;
    audit->head = next;
    gt_head_set(audit->place, &next);
    return 1;
}

/* ---- chains ---- */

/* Call with the lock. */
static int begin_chain(gt_audit_t *audit)
{
    gt_head_t before = {0, 0, {0, 0}};
    char text[GT_CHAIN_TEXT];
    line_t line;

    if (audit->place == NULL && audit->conf.heads != NULL)
        audit->place = gt_heads_claim(audit->conf.heads, &before);
    else
        before = audit->head;
    if (!gt_chain_key(&audit->key, audit->conf.ring, NULL))
        audit->key.id = NULL;
    audit->head = (gt_head_t){0, 0, {0, 0}};
    while (audit->head.chain == 0)
        gt_random(&audit->head.chain, sizeof(audit->head.chain));
    begin_line(&line, "start", "ok");
    add_text(&line, "key", audit->key.id, SHORT_TEXT);
    gt_head_print(text, &before);
    add_text(&line, "after", before.chain != 0 ? text : NULL, SHORT_TEXT);
    if (put(audit, &line))
        return 1;
    audit->head = before;
    return 0;
}

/* How many are missing is said as soon as anything can be. Call with the lock. */
static int catch_up(gt_audit_t *audit)
{
    line_t line;

    if (!audit->has_begun && !begin_chain(audit))
        return 0;
    if (audit->lost == 0)
        return 1;
    begin_line(&line, "lost", "ok");
    add(&line, "\"count\":%lld,", (long long)audit->lost);
    if (!put(audit, &line))
        return 0;
    audit->lost = 0;
    return 1;
}

static int is_recorded(gt_audit_t *audit, line_t *line)
{
    int done;

    pthread_mutex_lock(&audit->lock);
    done = !audit->has_ended && catch_up(audit) && put(audit, line);
    if (!done)
        audit->lost++;
    pthread_mutex_unlock(&audit->lock);
    return done;
}

static int take(void *baton, const gt_event_t *event)
{
    gt_audit_t *audit = baton;
    gt_event_t said = {.kind = GT_EV_AUDITED};
    line_t line;

    describe(&line, event);
    if (!is_recorded(audit, &line))
        said.kind = GT_EV_AUDIT_FAILED;
    gt_event(&said);
    return said.kind == GT_EV_AUDITED || !audit->conf.is_required;
}

/* ---- what others call ---- */

static apr_status_t wipe(void *baton)
{
    gt_audit_t *audit = baton;

    OPENSSL_cleanse(audit->key.key, sizeof(audit->key.key));
    pthread_mutex_destroy(&audit->lock);
    return APR_SUCCESS;
}

gt_audit_t *gt_audit_make(const gt_audit_conf_t *conf, apr_pool_t *p)
{
    gt_audit_t *audit = apr_pcalloc(p, sizeof(*audit));

    audit->conf = *conf;
    if (gethostname(audit->node, sizeof(audit->node) - 1) != 0)
        apr_cpystrn(audit->node, "localhost", sizeof(audit->node));
    pthread_mutex_init(&audit->lock, NULL);
    apr_pool_cleanup_register(p, audit, wipe, apr_pool_cleanup_null);
    return audit;
}

/* Call with the lock. */
static void end_chain(gt_audit_t *audit)
{
    line_t line;

    if (!audit->has_begun)
        return;
    /* Nobody's operation: when it cannot be written the chain stays open, and that is all. */
    audit->is_quiet = 1;
    begin_line(&line, "end", "ok");
    (void)(catch_up(audit) && put(audit, &line));
    audit->is_quiet = 0;
}

void gt_audit_key(gt_audit_t *audit, const gt_keyring_t *ring)
{
    pthread_mutex_lock(&audit->lock);
    end_chain(audit);
    audit->conf.ring = ring;
    audit->has_begun = 0;
    pthread_mutex_unlock(&audit->lock);
}

gt_event_sink_t gt_audit_sink(gt_audit_t *audit)
{
    static const unsigned recorded = GT_EVENTS(GT_EV_PASSED) | GT_EVENTS(GT_EV_CALL) |
                                     GT_EVENTS(GT_EV_SIGN_IN) | GT_EVENTS(GT_EV_REFRESH) |
                                     GT_EVENTS(GT_EV_REVOKE) | GT_EVENTS(GT_EV_VALIDATE) |
                                     GT_EVENTS(GT_EV_CLEANUP) | GT_EVENTS(GT_EV_REKEY) |
                                     GT_EVENTS(GT_EV_REFUSED) | GT_EVENTS(GT_EV_LIMIT);

    return (gt_event_sink_t){audit, recorded, take};
}

static void add_heads(line_t *line, const gt_head_t *heads, int count)
{
    add(line, "\"heads\":[");
    for (int i = 0; i < count; i++) {
        char text[GT_CHAIN_TEXT];

        gt_head_print(text, &heads[i]);
        add(line, "%s\"%s\"", i > 0 ? "," : "", text);
    }
    add(line, "],");
}

void gt_audit_mark(gt_audit_t *audit)
{
    gt_head_t heads[MARKS_MAX];
    int from = 0, count;
    line_t line;

    if (audit->conf.heads == NULL || !gt_heads_due(audit->conf.heads, MARK_EVERY))
        return;
    while ((count = gt_heads_moved(heads, MARKS_MAX, &from, audit->conf.heads)) > 0) {
        begin_line(&line, "mark", "ok");
        add_heads(&line, heads, count);
        (void)is_recorded(audit, &line);
    }
}

void gt_audit_end(gt_audit_t *audit)
{
    pthread_mutex_lock(&audit->lock);
    if (!audit->has_ended)
        end_chain(audit);
    audit->has_ended = 1;
    gt_head_release(audit->place);
    audit->place = NULL;
    pthread_mutex_unlock(&audit->lock);
}
