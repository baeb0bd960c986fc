/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A record is built on the stack and written under this process's lock, which therefore also orders
 * the chain; other processes write to the same file without knowing of us (O_APPEND). A write that
 * fails leaves the chain where it was. Nothing waits with the lock: a full pipe is waited for
 * without it, and then the record is tied to the chain anew. Once a wait was in vain none follows
 * before something could be written again.
 */

#include "audit/audit.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "audit/audit_tail.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

#define PIPE_WAIT apr_time_from_msec(200)
#define MARK_EVERY apr_time_from_sec(60)
#define MARKS_MAX 32  /* heads in a record */
#define STARTS_MAX 16 /* heads in a start: chains that the end of the file shows */

/* Bytes a text may take when it is escaped; a user of 255 bytes, the longest, is never cut. */
#define LONG_TEXT 1544
#define SHORT_TEXT 192

/** Where lines go. */
typedef struct out_t {
    int fd;      /* -1: nowhere */
    int is_torn; /* the last write left a piece of a line */
} out_t;

struct gt_audit_t {
    gt_audit_conf_t conf;
    char node[65];      /* name of this machine */
    atomic_int is_deaf; /* the pipe was full, and waiting for it was in vain */

    pthread_mutex_t lock; /* guards what follows, and the order of the chain */
    out_t records, notes;
    gt_chain_key_t key;
    gt_head_place_t *place;
    gt_head_t head; /* the last record written */
    int has_begun;
    int has_ended;
    int is_failing;   /* said in the log */
    int has_no_notes; /* said in the log */
    apr_int64_t lost; /* records since the last one written */
};

typedef enum kind_t {
    KIND_OPERATION,
    KIND_START, /* it names heads, and is noted outside as well */
    KIND_MARK,  /* the same; alone it is not worth another one */
    KIND_END,   /* the same, and nothing of this chain follows */
    KIND_LAST   /* the same, and nothing of this process */
} kind_t;

typedef struct line_t {
    kind_t kind;
    char text[GT_AUDIT_LINE];
    apr_size_t len;
} line_t;

static const char deaf[] = "the program does not read";

/* ---- a line ---- */

/* All fits by the bounds of the members; were one forgotten, the record is cut and its MAC says
 * so. */
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

static void begin_line(line_t *line, kind_t kind, const char *notice, const char *result)
{
    apr_time_t now = gt_now();
    apr_time_exp_t t;

    line->kind = kind;
    line->len = 0;
    apr_time_exp_gmt(&t, now);
    add(line,
        "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\",\"event\":\"%s\",\"result\":\"%s\",",
        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec, notice,
        result);
}

static void describe(line_t *line, const gt_notice_t *notice)
{
    const gt_err_t *err = notice->err;
    const gt_asker_t *asker = notice->asker;

    begin_line(line, KIND_OPERATION, gt_notice_name(notice->kind),
               err == GT_OK ? "ok" : gt_class_row(err->cls)->name);
    if (err != GT_OK) {
        add_text(line, "tag", err->tag, SHORT_TEXT);
        add_text(line, "code", err->code, SHORT_TEXT);
    }
    add_text(line, "store", notice->store, SHORT_TEXT);
    add_text(line, "provider", notice->provider, SHORT_TEXT);
    add_text(line, "user", notice->user, LONG_TEXT);
    if (asker != NULL) {
        add_text(line, "address", asker->address, SHORT_TEXT);
        add_text(line, "request_id", asker->request_id, SHORT_TEXT);
        add_text(line, "route", asker->route, SHORT_TEXT);
    }
    if (notice->took > 0)
        add(line, "\"took_ms\":%lld,", (long long)(notice->took / 1000));
    add_text(line, "detail", notice->detail, SHORT_TEXT);
}

static void add_heads(line_t *line, const gt_head_t *heads, int count)
{
    if (count == 0)
        return;
    add(line, "\"heads\":[");
    for (int i = 0; i < count; i++) {
        char text[GT_CHAIN_TEXT];

        gt_head_print(text, &heads[i]);
        add(line, "%s\"%s\"", i > 0 ? "," : "", text);
    }
    add(line, "],");
}

/* ---- writing; with the lock where nothing else is said ---- */

/* @return bytes written; -1 with errno */
static ssize_t write_once(int fd, const char *bytes, apr_size_t len)
{
    ssize_t n;

    do
        n = write(fd, bytes, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* What a failed write left, of this process or another, must not swallow the next line. Another's line
 * on its way may look like it: then an empty line comes of it, which says nothing. */
static int ends_torn(const out_t *out)
{
    struct stat st;
    char last;

    return out->is_torn || (fstat(out->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
                            pread(out->fd, &last, 1, st.st_size - 1) == 1 && last != '\n');
}

/* @return NULL, or why it is not there */
static const char *put_bytes(out_t *out, const char *bytes, apr_size_t len)
{
    ssize_t n;

    if (out->fd < 0)
        return "it is not open";
    n = ends_torn(out) ? write_once(out->fd, "\n", 1) : 1;
    if (n == 1) {
        out->is_torn = 0;
        n = write_once(out->fd, bytes, len);
        if (n == (ssize_t)len)
            return NULL;
        out->is_torn = n > 0;
    }
    if (n >= 0)
        return "there was no room for a whole line";
    return errno == EAGAIN ? deaf : strerror(errno);
}

/* The head is noted outside the file, out of reach of a person who cuts the file. A failure to note
 * it stops nothing. */
static void note(gt_audit_t *audit, const line_t *line)
{
    const char *why;

    if (line->kind == KIND_OPERATION || audit->notes.fd < 0)
        return;
    why = put_bytes(&audit->notes, line->text, line->len);
    if (why != NULL && !audit->has_no_notes)
        gt_log(
            GT_LOG_WARNING, "GT0451",
            "the ends of the audit's chains cannot be noted outside of it: %s; should its own end "
            "be cut off, verification will not see it",
            why);
    audit->has_no_notes = why != NULL;
}

/* End the line, tie it to the chain and write it. @return NULL, or why it is not there */
static const char *put(gt_audit_t *audit, line_t *line)
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
    why = put_bytes(&audit->records, line->text, line->len);
    if (why != NULL)
        return why;
    atomic_store(&audit->is_deaf, 0);
    audit->has_begun = 1;
    audit->head = next;
    gt_head_set(audit->place, &next);
    if (line->kind == KIND_MARK)
        gt_head_told(audit->place);
    note(audit, line);
    return NULL;
}

/* ---- chains; with the lock ---- */

/* What stands at the end of the file, or, that being empty, of what was noted beside it: the file
 * before, or all that other chains wrote, cannot be taken away unseen. */
static void add_what_stands(line_t *line, const gt_audit_t *audit)
{
    gt_head_t heads[STARTS_MAX];
    int count = gt_audit_tail(heads, STARTS_MAX, audit->records.fd);

    if (count == 0)
        count = gt_audit_tail(heads, STARTS_MAX, audit->notes.fd);
    add_heads(line, heads, count);
}

static const char *begin_chain(gt_audit_t *audit)
{
    gt_head_t before = {0, 0, {0, 0}};
    char text[GT_CHAIN_TEXT];
    const char *why;
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
    begin_line(&line, KIND_START, "start", "ok");
    add_text(&line, "key", audit->key.id, SHORT_TEXT);
    gt_head_print(text, &before);
    add_text(&line, "after", before.chain != 0 ? text : NULL, SHORT_TEXT);
    add_what_stands(&line, audit);
    why = put(audit, &line);
    if (why != NULL)
        audit->head = before;
    return why;
}

/* How many are missing is said as soon as anything can be. */
static const char *catch_up(gt_audit_t *audit)
{
    const char *why = audit->has_begun ? NULL : begin_chain(audit);
    line_t line;

    if (why != NULL || audit->lost == 0)
        return why;
    begin_line(&line, KIND_OPERATION, "lost", "ok");
    add(&line, "\"count\":%lld,", (long long)audit->lost);
    why = put(audit, &line);
    if (why == NULL)
        audit->lost = 0;
    return why;
}

/* ---- a record, without the lock ---- */

static const char *attempt(gt_audit_t *audit, line_t *line)
{
    const char *why;

    pthread_mutex_lock(&audit->lock);
    why = audit->has_ended ? "this process ends" : catch_up(audit);
    if (why == NULL)
        why = put(audit, line);
    if (why == NULL && line->kind >= KIND_END) {
        audit->has_begun = 0;
        audit->has_ended = line->kind == KIND_LAST;
    }
    pthread_mutex_unlock(&audit->lock);
    return why;
}

/* @return 0 when there is nothing more to wait for */
static int await_room(gt_audit_t *audit, apr_time_t until)
{
    struct pollfd wait = {audit->conf.fd, POLLOUT, 0};
    apr_interval_time_t left = until - gt_mono();

    if (atomic_load(&audit->is_deaf))
        return 0;
    if (left > 0 && poll(&wait, 1, (int)(left / 1000) + 1) > 0)
        return 1;
    atomic_store(&audit->is_deaf, 1);
    return 0;
}

/* @return NULL, or why it is not there */
static const char *put_patiently(gt_audit_t *audit, line_t *line)
{
    apr_time_t until = gt_mono() + PIPE_WAIT;
    apr_size_t len = line->len;
    const char *why;

    while ((why = attempt(audit, line)) == deaf && await_room(audit, until))
        line->len = len;
    return why;
}

/* Count it, and say what is new. */
static void conclude(gt_audit_t *audit, const char *why)
{
    int is_new;

    pthread_mutex_lock(&audit->lock);
    audit->lost += why != NULL;
    is_new = audit->is_failing != (why != NULL);
    audit->is_failing = why != NULL;
    pthread_mutex_unlock(&audit->lock);
    if (is_new && why != NULL)
        gt_log(GT_LOG_ERROR, "GT0450", "the audit cannot be written: %s; %s", why,
               audit->conf.is_required ? "no token is handed out meanwhile"
                                       : "operations go on unrecorded");
    else if (is_new)
        gt_log(GT_LOG_NOTICE, NULL, "the audit can be written again");
}

static int is_recorded(gt_audit_t *audit, line_t *line)
{
    const char *why = put_patiently(audit, line);

    conclude(audit, why);
    return why == NULL;
}

static int take(void *baton, const gt_notice_t *notice)
{
    gt_audit_t *audit = baton;
    gt_notice_t said = {.kind = GT_NOTICE_AUDITED};
    line_t line;

    describe(&line, notice);
    if (!is_recorded(audit, &line))
        said.kind = GT_NOTICE_AUDIT_FAILED;
    gt_notice(&said);
    return said.kind == GT_NOTICE_AUDITED || !audit->conf.is_required;
}

/* ---- what others call ---- */

static apr_status_t wipe(void *baton)
{
    gt_audit_t *audit = baton;

    OPENSSL_cleanse(audit->key.key, sizeof(audit->key.key));
    pthread_mutex_destroy(&audit->lock);
    return APR_SUCCESS;
}

const char *gt_audit_notes(const char *audit, const char *notes, int is_file, apr_pool_t *p)
{
    if (notes != NULL)
        return strcmp(notes, "off") == 0 ? NULL : notes;
    return is_file ? apr_pstrcat(p, audit, ".heads", NULL) : NULL;
}

gt_audit_t *gt_audit_make(const gt_audit_conf_t *conf, apr_pool_t *p)
{
    gt_audit_t *audit = apr_pcalloc(p, sizeof(*audit));

    audit->conf = *conf;
    audit->records.fd = conf->fd;
    audit->notes.fd = conf->notes;
    if (gethostname(audit->node, sizeof(audit->node) - 1) != 0)
        apr_cpystrn(audit->node, "localhost", sizeof(audit->node));
    pthread_mutex_init(&audit->lock, NULL);
    apr_pool_cleanup_register(p, audit, wipe, apr_pool_cleanup_null);
    return audit;
}

/* The last record names the heads of the other chains, so that a server that ends well leaves no
 * end unnamed but that record's, which is noted outside. No operation depends on it: when it cannot
 * be written, the chain stays open. */
static void end_chain(gt_audit_t *audit, kind_t kind)
{
    gt_head_t heads[MARKS_MAX];
    int from = 0, has_begun;
    line_t line;

    pthread_mutex_lock(&audit->lock);
    has_begun = audit->has_begun;
    pthread_mutex_unlock(&audit->lock);
    if (!has_begun)
        return;
    begin_line(&line, kind, "end", "ok");
    if (audit->conf.heads != NULL)
        add_heads(&line, heads, gt_heads_moved(heads, MARKS_MAX, &from, audit->conf.heads));
    if (put_patiently(audit, &line) == NULL)
        return;
    pthread_mutex_lock(&audit->lock);
    audit->has_begun = 0;
    pthread_mutex_unlock(&audit->lock);
}

void gt_audit_key(gt_audit_t *audit, const gt_keyring_t *ring)
{
    pthread_mutex_lock(&audit->lock);
    audit->conf.ring = ring;
    pthread_mutex_unlock(&audit->lock);
    end_chain(audit, KIND_END);
}

gt_notice_sink_t gt_audit_sink(gt_audit_t *audit)
{
    static const unsigned recorded = GT_NOTICES(GT_NOTICE_PASSED) | GT_NOTICES(GT_NOTICE_CALL) |
                                     GT_NOTICES(GT_NOTICE_SIGN_IN) | GT_NOTICES(GT_NOTICE_REFRESH) |
                                     GT_NOTICES(GT_NOTICE_REVOKE) | GT_NOTICES(GT_NOTICE_VALIDATE) |
                                     GT_NOTICES(GT_NOTICE_CLEANUP) | GT_NOTICES(GT_NOTICE_REKEY) |
                                     GT_NOTICES(GT_NOTICE_REFUSED) | GT_NOTICES(GT_NOTICE_LIMIT);

    return (gt_notice_sink_t){audit, recorded, take};
}

void gt_audit_mark(gt_audit_t *audit)
{
    gt_head_t heads[MARKS_MAX];
    int from = 0, count;
    line_t line;

    if (audit->conf.heads == NULL || !gt_heads_due(audit->conf.heads, MARK_EVERY))
        return;
    while ((count = gt_heads_moved(heads, MARKS_MAX, &from, audit->conf.heads)) > 0) {
        begin_line(&line, KIND_MARK, "mark", "ok");
        add_heads(&line, heads, count);
        (void)is_recorded(audit, &line);
    }
}

void gt_audit_end(gt_audit_t *audit)
{
    end_chain(audit, KIND_LAST);
    pthread_mutex_lock(&audit->lock);
    audit->has_ended = 1;
    gt_head_release(audit->place);
    audit->place = NULL;
    pthread_mutex_unlock(&audit->lock);
}
