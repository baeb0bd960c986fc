/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file audit.c
 * A record is built on the stack and written under this process's lock, which therefore also orders
 * the chain; other processes append to the same file independently (O_APPEND). A write that
 * fails leaves the chain where it was. No thread waits with the lock: it waits for a full
 * pipe without it, and then ties the record to the chain anew. After a wait in vain no thread waits
 * again before a record could be written.
 */

#include "audit/audit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "audit/audit_line.h"
#include "audit/audit_tail.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

#define PIPE_WAIT apr_time_from_msec(200)
#define MARK_EVERY apr_time_from_sec(60)
#define MARKS_MAX 32  /* heads in a record */
#define STARTS_MAX 16 /* heads in a start: chains that the end of the file shows */

/** A file or pipe that lines go to. */
typedef struct out_t {
    int fd;      /* -1: nowhere */
    int is_torn; /* the last write left a piece of a line */
} out_t;

struct gt_audit_t {
    gt_audit_conf_t conf;
    char node[65];      /* name of this machine */
    atomic_int is_deaf; /* the pipe was full, and waiting for it was in vain */

    pthread_mutex_t lock; /* guards the members below, and the order of the chain */
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

static const char deaf[] = "the program does not read";

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

/* A failed write, of this process or another, may have left a piece of a line, which must not
 * swallow the next one. A line that another process is writing may look like such a piece: then an
 * empty line comes between, which readers skip. */
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
static void note(gt_audit_t *audit, const gt_audit_line_t *line)
{
    const char *why;

    if (line->kind == GT_AUDIT_OPERATION || audit->notes.fd < 0)
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
static const char *put(gt_audit_t *audit, gt_audit_line_t *line)
{
    gt_head_t next = {audit->head.chain, audit->has_begun ? audit->head.seq + 1 : 0, {0, 0}};
    const char *why;

    gt_audit_line_text(line, "node", audit->node);
    gt_audit_line_add(
        line, "\"pid\":%ld,\"chain\":\"%016llx\",\"seq\":%llu,\"prev\":\"%016llx%016llx\"",
        (long)getpid(), (unsigned long long)next.chain, (unsigned long long)next.seq,
        (unsigned long long)audit->head.mac[0], (unsigned long long)audit->head.mac[1]);
    gt_chain_mac(&next, &audit->key, line->text, line->len);
    gt_audit_line_add(line, ",\"mac\":\"%016llx%016llx\"}\n", (unsigned long long)next.mac[0],
                      (unsigned long long)next.mac[1]);
    why = put_bytes(&audit->records, line->text, line->len);
    if (why != NULL)
        return why;
    atomic_store(&audit->is_deaf, 0);
    audit->has_begun = 1;
    audit->head = next;
    gt_head_set(audit->place, &next);
    if (line->kind == GT_AUDIT_MARK)
        gt_head_told(audit->place);
    note(audit, line);
    return NULL;
}

/* ---- chains; with the lock ---- */

/* The last heads of the file, or, where that is empty, of the notes beside it. So the file before,
 * or all records of other chains, cannot be taken away unseen. */
static void add_last_heads(gt_audit_line_t *line, const gt_audit_t *audit)
{
    gt_head_t heads[STARTS_MAX];
    int count = gt_audit_tail(heads, STARTS_MAX, audit->records.fd);

    if (count == 0)
        count = gt_audit_tail(heads, STARTS_MAX, audit->notes.fd);
    gt_audit_line_heads(line, heads, count);
}

static const char *begin_chain(gt_audit_t *audit)
{
    gt_head_t before = {0, 0, {0, 0}};
    char text[GT_CHAIN_TEXT];
    const char *why;
    gt_audit_line_t line;

    if (audit->place == NULL && audit->conf.heads != NULL)
        audit->place = gt_heads_claim(audit->conf.heads, &before);
    else
        before = audit->head;
    if (!gt_chain_key(&audit->key, audit->conf.ring, NULL))
        audit->key.id = NULL;
    audit->head = (gt_head_t){0, 0, {0, 0}};
    while (audit->head.chain == 0)
        gt_random(&audit->head.chain, sizeof(audit->head.chain));
    gt_audit_line_begin(&line, GT_AUDIT_START, "start", "ok");
    gt_audit_line_text(&line, "key", audit->key.id);
    gt_head_print(text, &before);
    gt_audit_line_text(&line, "after", before.chain != 0 ? text : NULL);
    add_last_heads(&line, audit);
    why = put(audit, &line);
    if (why != NULL)
        audit->head = before;
    return why;
}

/* The number of missing records is recorded with the first record that can be written. */
static const char *catch_up(gt_audit_t *audit)
{
    const char *why = audit->has_begun ? NULL : begin_chain(audit);
    gt_audit_line_t line;

    if (why != NULL || audit->lost == 0)
        return why;
    gt_audit_line_begin(&line, GT_AUDIT_OPERATION, "lost", "ok");
    gt_audit_line_add(&line, "\"count\":%lld,", (long long)audit->lost);
    why = put(audit, &line);
    if (why == NULL)
        audit->lost = 0;
    return why;
}

/* ---- a record, without the lock ---- */

static const char *attempt(gt_audit_t *audit, gt_audit_line_t *line)
{
    const char *why;

    pthread_mutex_lock(&audit->lock);
    why = audit->has_ended ? "this process ends" : catch_up(audit);
    if (why == NULL)
        why = put(audit, line);
    if (why == NULL && line->kind >= GT_AUDIT_END) {
        audit->has_begun = 0;
        audit->has_ended = line->kind == GT_AUDIT_LAST;
    }
    pthread_mutex_unlock(&audit->lock);
    return why;
}

/* @return 0 when no wait would help any more */
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
static const char *put_patiently(gt_audit_t *audit, gt_audit_line_t *line)
{
    apr_time_t until = gt_mono() + PIPE_WAIT;
    apr_size_t len = line->len;
    const char *why;

    while ((why = attempt(audit, line)) == deaf && await_room(audit, until))
        line->len = len;
    return why;
}

/* Count a lost record, and log a fault that is new. */
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

static int record_line(gt_audit_t *audit, gt_audit_line_t *line)
{
    const char *why = put_patiently(audit, line);

    conclude(audit, why);
    return why == NULL;
}

static int take(void *baton, const gt_notice_t *notice)
{
    gt_audit_t *audit = baton;
    gt_notice_t said = {.kind = GT_NOTICE_AUDITED};
    gt_audit_line_t line;

    gt_audit_line_operation(&line, notice);
    if (!record_line(audit, &line))
        said.kind = GT_NOTICE_AUDIT_FAILED;
    gt_notice(&said);
    return said.kind == GT_NOTICE_AUDITED || !audit->conf.is_required;
}

/* ---- the interface ---- */

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
static void end_chain(gt_audit_t *audit, gt_audit_kind_t kind)
{
    gt_head_t heads[MARKS_MAX];
    int from = 0, has_begun;
    gt_audit_line_t line;

    pthread_mutex_lock(&audit->lock);
    has_begun = audit->has_begun;
    pthread_mutex_unlock(&audit->lock);
    if (!has_begun)
        return;
    gt_audit_line_begin(&line, kind, "end", "ok");
    if (audit->conf.heads != NULL)
        gt_audit_line_heads(&line, heads,
                            gt_heads_moved(heads, MARKS_MAX, &from, audit->conf.heads));
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
    end_chain(audit, GT_AUDIT_END);
}

gt_notice_sink_t gt_audit_sink(gt_audit_t *audit)
{
    static const unsigned recorded =
        GT_NOTICES(GT_NOTICE_PASSED) | GT_NOTICES(GT_NOTICE_CALL) | GT_NOTICES(GT_NOTICE_SIGN_IN) |
        GT_NOTICES(GT_NOTICE_REFRESH) | GT_NOTICES(GT_NOTICE_REVOKE) |
        GT_NOTICES(GT_NOTICE_VALIDATE) | GT_NOTICES(GT_NOTICE_CLEANUP) |
        GT_NOTICES(GT_NOTICE_REKEY) | GT_NOTICES(GT_NOTICE_REFUSED) | GT_NOTICES(GT_NOTICE_LIMIT) |
        GT_NOTICES(GT_NOTICE_DEACTIVATE) | GT_NOTICES(GT_NOTICE_EXCHANGE) |
        GT_NOTICES(GT_NOTICE_SIGN_OUT) | GT_NOTICES(GT_NOTICE_CHALLENGE) |
        GT_NOTICES(GT_NOTICE_CLIENT_CALL) | GT_NOTICES(GT_NOTICE_ACTIVATE) |
        GT_NOTICES(GT_NOTICE_MAIL_ACCOUNT) | GT_NOTICES(GT_NOTICE_MAIL) |
        GT_NOTICES(GT_NOTICE_DRAFT) | GT_NOTICES(GT_NOTICE_SUBSCRIPTION) |
        GT_NOTICES(GT_NOTICE_FORGED);

    return (gt_notice_sink_t){audit, recorded, take};
}

void gt_audit_mark(gt_audit_t *audit)
{
    gt_head_t heads[MARKS_MAX];
    int from = 0, count;
    gt_audit_line_t line;

    if (audit->conf.heads == NULL || !gt_heads_due(audit->conf.heads, MARK_EVERY))
        return;
    while ((count = gt_heads_moved(heads, MARKS_MAX, &from, audit->conf.heads)) > 0) {
        gt_audit_line_begin(&line, GT_AUDIT_MARK, "mark", "ok");
        gt_audit_line_heads(&line, heads, count);
        (void)record_line(audit, &line);
    }
}

void gt_audit_end(gt_audit_t *audit)
{
    end_chain(audit, GT_AUDIT_LAST);
    pthread_mutex_lock(&audit->lock);
    audit->has_ended = 1;
    gt_head_release(audit->place);
    audit->place = NULL;
    pthread_mutex_unlock(&audit->lock);
}
