/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Where a secret comes from. The last value that could be read is kept here, outside pools (it is
 * replaced while others copy it), under the source's lock, and wiped when it is replaced. It goes
 * on being used when a new one cannot be read: httpd's children often may not read what their
 * parent, as root, could. Running the command of exec: is in run.c.
 *
 * Two locks: `reading` is held while a file or command is read, by threads that may wait; `lock` for
 * memory only, so that a step may take it. `reading` is taken first.
 */

#include "base/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/run.h"
#include "base/secret.h"
#include "base/text.h"

#define KEEP_DEFAULT apr_time_from_sec(300)
#define WARN_EVERY apr_time_from_sec(600)
#define FAILED_AGAIN apr_time_from_sec(5)
#define PATIENCE apr_time_from_sec(2)

/* A file written within the clock tick of our look could be written again unseen. */
#define SETTLED_AFTER apr_time_from_sec(2)

struct gt_source_t {
    gt_source_kind_t kind;
    const char *name; /* may be shown */
    const char *what; /* path, name of the variable, or the literal */
    char **argv;      /* exec */
    apr_interval_time_t keep;
    int is_whole; /* exec: all lines */

    apr_thread_mutex_t *reading; /* one reading at a time; guards the next two */
    struct stat seen;            /* file: what `value` was read from */
    int settled;                 /* file: `seen` tells a later change apart */

    apr_thread_mutex_t *lock; /* guards what follows; only who has `reading` writes */
    char *value;              /* the last that was read, OpenSSL's memory; NULL: none yet */
    apr_size_t len;
    unsigned turn;         /* counts the values; 0: none yet */
    apr_time_t read_at;    /* ticks */
    int is_doubted;        /* exec: perhaps it changed */
    apr_time_t warned;     /* ticks of the last warning, 0: none */
    apr_time_t wanted;     /* ticks at which the reading that is not over was wanted; 0: none is */
    apr_time_t failed_at;  /* ticks; 0: the last reading went well */
    char tag[8], why[256]; /* of that failure */
};

static apr_status_t drop_value(void *baton)
{
    gt_source_t *source = baton;

    OPENSSL_clear_free(source->value, source->len);
    source->value = NULL;
    source->len = 0;
    return APR_SUCCESS;
}

static int parse_file(gt_source_t *source, const char *path, const char *base_dir, const char **why,
                      apr_pool_t *p)
{
    if (*path == '\0') {
        *why = "file: needs a path";
        return 0;
    }
    source->kind = GT_FROM_FILE;
    source->what =
        path[0] == '/' || base_dir == NULL
            ? path
            : apr_pstrcat(p, base_dir,
                          *base_dir != '\0' && base_dir[strlen(base_dir) - 1] == '/' ? "" : "/",
                          path, NULL);
    source->name = apr_pstrcat(p, "file:", source->what, NULL);
    return 1;
}

static int parse_env(gt_source_t *source, const char *name, const char **why, apr_pool_t *p)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    if (*name == '\0' || name[strspn(name, allowed)] != '\0' || (*name >= '0' && *name <= '9')) {
        *why = "env: needs the name of an environment variable";
        return 0;
    }
    source->kind = GT_FROM_ENV;
    source->what = name;
    source->name = apr_pstrcat(p, "env:", name, NULL);
    return 1;
}

static int parse_exec(gt_source_t *source, const char *command, const char **why, apr_pool_t *p)
{
    if (apr_tokenize_to_argv(command, &source->argv, p) != APR_SUCCESS || source->argv[0] == NULL ||
        source->argv[0][0] != '/') {
        *why = "exec: needs a command with its full path; it is run without a shell";
        return 0;
    }
    source->kind = GT_FROM_EXEC;
    source->what = source->argv[0];
    source->name = apr_pstrcat(p, "exec:", source->argv[0], NULL);
    return 1;
}

/* A path without its prefix, and no secret: its first folder is there. */
static int is_path(const char *text, apr_pool_t *p)
{
    const char *end = text[0] == '/' ? strchr(text + 1, '/') : NULL;
    struct stat st;

    return end != NULL && stat(apr_pstrmemdup(p, text, (apr_size_t)(end - text)), &st) == 0 &&
           S_ISDIR(st.st_mode);
}

static int parse_literal(gt_source_t *source, char *text, const char **why, apr_pool_t *p)
{
    if (*text == '\0' || strlen(text) > GT_SOURCE_MAX) {
        *why = "expected file:PATH, env:NAME, exec:COMMAND or the value itself, 64 KiB at most";
        return 0;
    }
    if (is_path(text, p)) {
        *why = apr_psprintf(p, "it would be the value itself: did you mean file:%s?", text);
        return 0;
    }
    source->kind = GT_LITERAL;
    source->what = text;
    source->name = "literal";
    gt_wipe_with_pool(text, strlen(text), p);
    return 1;
}

int gt_source_parse(gt_source_t **source, const char *text, const char *base_dir, const char **why,
                    apr_pool_t *p)
{
    gt_source_t *s = apr_pcalloc(p, sizeof(*s));
    char *trimmed = gt_trim(text, p);
    int is_right;

    *source = NULL;
    *why = NULL;
    s->keep = KEEP_DEFAULT;
    if (strncmp(trimmed, "file:", 5) == 0)
        is_right = parse_file(s, trimmed + 5, base_dir, why, p);
    else if (strncmp(trimmed, "env:", 4) == 0)
        is_right = parse_env(s, trimmed + 4, why, p);
    else if (strncmp(trimmed, "exec:", 5) == 0)
        is_right = parse_exec(s, trimmed + 5, why, p);
    else
        is_right = parse_literal(s, trimmed, why, p);
    if (!is_right)
        return 0;
    if (apr_thread_mutex_create(&s->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS ||
        apr_thread_mutex_create(&s->reading, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS) {
        *why = "the system has no more locks";
        return 0;
    }
    apr_pool_cleanup_register(p, s, drop_value, apr_pool_cleanup_null);
    *source = s;
    return 1;
}

gt_source_kind_t gt_source_kind(const gt_source_t *source)
{
    return source->kind;
}

const char *gt_source_name(const gt_source_t *source)
{
    return source->name;
}

const char *gt_source_path(const gt_source_t *source)
{
    return source->kind == GT_FROM_FILE ? source->what : NULL;
}

void gt_source_keep(gt_source_t *source, apr_interval_time_t keep)
{
    assert(keep >= 0);
    source->keep = keep;
}

static gt_err_t *cannot_read(const gt_source_t *source, int error, apr_pool_t *p)
{
    return gt_err_file(p, GT_INTERNAL, "GT0104", error, "%s cannot be read", source->name);
}

/* Bytes of what an editor or a copy from a page leaves at the beginning: a blank, a no-break space, a
 * byte order mark. */
static apr_size_t blank_at(const char *bytes, apr_size_t len)
{
    if (len > 0 && bytes[0] != '\0' && strchr(" \t\r\n\v\f", bytes[0]) != NULL)
        return 1;
    if (len >= 2 && memcmp(bytes, "\xC2\xA0", 2) == 0)
        return 2;
    return len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Likewise at the end of `len` bytes. */
static apr_size_t blank_before(const char *bytes, apr_size_t len)
{
    for (apr_size_t n = 1; n <= 3 && n <= len; n++)
        if (blank_at(bytes + len - n, n) == n)
            return n;
    return 0;
}

/* Lines end in LF, whichever system wrote them. Returns the new length. */
static apr_size_t end_lines(char *bytes, apr_size_t len)
{
    apr_size_t out = 0;

    for (apr_size_t i = 0; i < len; i++) {
        if (bytes[i] == '\r' && i + 1 < len && bytes[i + 1] == '\n')
            continue;
        bytes[out++] = bytes[i] == '\r' ? '\n' : bytes[i];
    }
    return out;
}

/* Why a value is no text, or NULL. */
static const char *value_fault(const char *value, apr_size_t len)
{
    if (len == 0)
        return "nothing";
    if (len >= 2 && (memcmp(value, "\xFF\xFE", 2) == 0 || memcmp(value, "\xFE\xFF", 2) == 0))
        return "UTF-16; save it as plain text or UTF-8";
    return memchr(value, '\0', len) != NULL ? "a NUL byte" : NULL;
}

/* Take over what was read, without the white space round it; `bytes` are freed. */
static gt_err_t *take_value(gt_source_t *source, char *bytes, apr_size_t len, apr_pool_t *p)
{
    apr_size_t from = 0, to = len, step;
    const char *fault;
    char *value;

    while ((step = blank_before(bytes, to)) > 0)
        to -= step;
    while ((step = blank_at(bytes + from, to - from)) > 0)
        from += step;
    to = from + end_lines(bytes + from, to - from);
    fault = value_fault(bytes + from, to - from);
    if (fault != NULL) {
        OPENSSL_cleanse(bytes, len);
        return gt_err(p, GT_INTERNAL, "GT0105", "%s gives %s; a secret is a text", source->name,
                      fault);
    }
    value = OPENSSL_malloc(to - from);
    if (value == NULL)
        abort();
    memcpy(value, bytes + from, to - from);
    OPENSSL_cleanse(bytes, len);
    apr_thread_mutex_lock(source->lock);
    if (source->len != to - from || source->value == NULL ||
        CRYPTO_memcmp(source->value, value, to - from) != 0)
        source->turn++;
    drop_value(source);
    source->value = value;
    source->len = to - from;
    source->read_at = gt_ticks();
    source->is_doubted = 0;
    apr_thread_mutex_unlock(source->lock);
    return GT_OK;
}

/* A secret that everybody can read, or that others can replace, is none. Files of other owners
 * are their owners' to guard. */
static gt_err_t *judge_file(const gt_source_t *source, const struct stat *st, apr_pool_t *p)
{
    if (!S_ISREG(st->st_mode))
        return gt_err(p, GT_INTERNAL, "GT0106", "%s is no regular file", source->name);
    if (st->st_size > GT_SOURCE_MAX)
        return gt_err(p, GT_INTERNAL, "GT0107", "%s is larger than 64 KiB", source->name);
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return GT_OK;
    if ((st->st_mode & (S_IWGRP | S_IWOTH | S_IROTH)) != 0)
        return gt_err(p, GT_INTERNAL, "GT0108",
                      "%s has mode %04o: others can read it or write to it; chmod 600 (or 640) it",
                      source->name, (unsigned)st->st_mode & 07777U);
    return GT_OK;
}

static gt_err_t *read_open_file(gt_source_t *source, int fd, apr_pool_t *p)
{
    char *bytes;
    struct stat st;
    apr_size_t used = 0;
    ssize_t n;

    if (fstat(fd, &st) != 0)
        return cannot_read(source, errno, p);
    GT_TRY(judge_file(source, &st, p));
    bytes = apr_palloc(p, GT_SOURCE_MAX + 1);
    gt_wipe_with_pool(bytes, GT_SOURCE_MAX + 1, p);
    do {
        n = read(fd, bytes + used, GT_SOURCE_MAX + 1 - used);
        used += n > 0 ? (apr_size_t)n : 0;
    } while ((n > 0 && used <= GT_SOURCE_MAX) || (n < 0 && errno == EINTR));
    if (n < 0)
        return cannot_read(source, errno, p);
    if (used > GT_SOURCE_MAX)
        return gt_err(p, GT_INTERNAL, "GT0107", "%s is larger than 64 KiB", source->name);
    GT_TRY(take_value(source, bytes, used, p));
    source->seen = st;
    source->settled = gt_now() - apr_time_from_sec(st.st_mtim.tv_sec) > SETTLED_AFTER;
    return GT_OK;
}

/* As far as can be seen from outside. */
static int is_same(const gt_source_t *source, const struct stat *st)
{
    const struct stat *seen = &source->seen;

    return source->value != NULL && st->st_ino == seen->st_ino && st->st_dev == seen->st_dev &&
           st->st_size == seen->st_size && st->st_mtim.tv_sec == seen->st_mtim.tv_sec &&
           st->st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

static gt_err_t *cannot_open(const gt_source_t *source, int error, apr_pool_t *p)
{
    if (error != EACCES || source->value == NULL)
        return cannot_read(source, error, p);
    return gt_err(p, GT_INTERNAL, "GT0161",
                  "%s changed and user id %ld may not read it: a graceful restart takes the new "
                  "one, or let this user read it (chgrp, chmod 640)",
                  source->name, (long)geteuid());
}

static gt_err_t *read_file(gt_source_t *source, apr_pool_t *p)
{
    struct stat st;
    gt_err_t *err;
    int looks_same = 0;
    int fd;

    if (stat(source->what, &st) == 0) {
        looks_same = is_same(source, &st);
        if (looks_same && source->settled)
            return GT_OK;
    }
    else if (errno == EACCES && source->value != NULL)
        /* Who may not even look cannot see a change: it takes a restart, as with httpd's own
         * certificates, and is nothing to warn about. */
        return GT_OK;
    /* Not blocking: a FIFO in the file's place must not hang the caller. */
    fd = open(source->what, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        /* Root read it just now, before the fork. */
        return errno == EACCES && looks_same ? GT_OK : cannot_open(source, errno, p);
    err = read_open_file(source, fd, p);
    close(fd);
    return err;
}

static gt_err_t *read_env(gt_source_t *source, apr_pool_t *p)
{
    const char *value = getenv(source->what);

    if (value == NULL)
        return gt_err(p, GT_INTERNAL, "GT0109",
                      "%s is not set in the environment of this process; with httpd, set it where "
                      "httpd is started (envvars, the unit file)",
                      source->name);
    if (strlen(value) > GT_SOURCE_MAX)
        return gt_err(p, GT_INTERNAL, "GT0107", "%s is larger than 64 KiB", source->name);
    return take_value(source, apr_pstrdup(p, value), strlen(value), p);
}

static gt_err_t *read_exec(gt_source_t *source, apr_pool_t *p)
{
    char *line = apr_palloc(p, GT_SOURCE_MAX + 1);
    apr_size_t len;

    gt_wipe_with_pool(line, GT_SOURCE_MAX + 1, p);
    GT_TRY((source->is_whole ? gt_run_output : gt_run_first_line)(line, GT_SOURCE_MAX + 1, &len,
                                                                  source->argv, p));
    return take_value(source, line, len, p);
}

static gt_err_t *read_it(gt_source_t *source, apr_pool_t *p)
{
    switch (source->kind) {
    case GT_FROM_FILE:
        return read_file(source, p);
    case GT_FROM_ENV:
        return read_env(source, p);
    case GT_FROM_EXEC:
        return read_exec(source, p);
    default:
        return take_value(source, apr_pstrdup(p, source->what), strlen(source->what), p);
    }
}

/* ---- what is known; with the lock ---- */

static int has_just_failed(const gt_source_t *source)
{
    return source->failed_at != 0 && gt_ticks() - source->failed_at < FAILED_AGAIN;
}

/* 1 when what is here is as good as what a reading would give. */
static int is_current(const gt_source_t *source)
{
    if (source->value == NULL || source->kind == GT_FROM_FILE)
        return 0;
    if (source->kind != GT_FROM_EXEC)
        return 1;
    return source->keep > 0 && !source->is_doubted && gt_ticks() - source->read_at < source->keep;
}

static gt_err_t *passes(gt_err_t *err, apr_interval_time_t left)
{
    err->status = 503;
    err->retry_after = left > APR_USEC_PER_SEC ? left : APR_USEC_PER_SEC;
    return err;
}

/* 1 when it is time to say again that an old value is used. */
static int may_warn(gt_source_t *source)
{
    if (source->warned != 0 && gt_ticks() - source->warned <= WARN_EVERY)
        return 0;
    source->warned = gt_ticks();
    return 1;
}

/* Without the lock: a log may be slow. */
static void warn(const char *why)
{
    gt_log(GT_LOG_WARNING, "GT0110", "the value read before is used on: %s", why);
}

static gt_err_t *failure(const gt_source_t *source, const char *why, apr_pool_t *p)
{
    return passes(gt_err(p, GT_INTERNAL, apr_pstrdup(p, source->tag), "%s", why),
                  source->failed_at + FAILED_AGAIN - gt_ticks());
}

/* How the reading ended. A value that could be read before makes up for a failure, with a warning. */
static gt_err_t *conclude(gt_source_t *source, gt_err_t *err, int *warns)
{
    *warns = 0;
    source->wanted = 0;
    source->failed_at = 0;
    if (err == GT_OK)
        return GT_OK;
    source->failed_at = gt_ticks();
    apr_cpystrn(source->tag, err->tag, sizeof(source->tag));
    apr_cpystrn(source->why, err->detail, sizeof(source->why));
    if (source->value == NULL)
        return passes(err, FAILED_AGAIN);
    *warns = may_warn(source);
    return GT_OK;
}

/* ---- reading ---- */

static gt_err_t *renew(gt_source_t *source, apr_pool_t *p)
{
    gt_err_t *err, *left;
    int is_needed, warns;

    apr_thread_mutex_lock(source->lock);
    is_needed = !is_current(source);
    if (is_needed && source->kind == GT_FROM_EXEC && has_just_failed(source)) {
        err = source->value != NULL ? GT_OK : failure(source, source->why, p);
        source->wanted = 0;
        apr_thread_mutex_unlock(source->lock);
        return err;
    }
    apr_thread_mutex_unlock(source->lock);
    err = is_needed ? read_it(source, p) : GT_OK;
    apr_thread_mutex_lock(source->lock);
    left = conclude(source, err, &warns);
    apr_thread_mutex_unlock(source->lock);
    if (warns)
        warn(err->detail);
    return left;
}

gt_err_t *gt_source_read(gt_secret_t **secret, gt_source_t *source, apr_pool_t *p)
{
    unsigned turn = 0;

    return gt_source_read_new(secret, &turn, source, p);
}

/* Call with the lock. */
static gt_secret_t *copy(const gt_source_t *source, apr_pool_t *p)
{
    return gt_secret_make(source->value, source->len, p);
}

gt_err_t *gt_source_read_new(gt_secret_t **secret, unsigned *turn, gt_source_t *source,
                             apr_pool_t *p)
{
    gt_err_t *err;

    *secret = NULL;
    apr_thread_mutex_lock(source->reading);
    err = renew(source, p);
    apr_thread_mutex_lock(source->lock);
    if (err == GT_OK && *turn != source->turn) {
        *secret = copy(source, p);
        *turn = source->turn;
    }
    apr_thread_mutex_unlock(source->lock);
    apr_thread_mutex_unlock(source->reading);
    return err;
}

/* ---- without waiting ---- */

void gt_source_whole(gt_source_t *source)
{
    source->is_whole = 1;
}

void gt_source_doubt(gt_source_t *source, apr_interval_time_t least)
{
    apr_thread_mutex_lock(source->lock);
    if (gt_ticks() - source->read_at >= least)
        source->is_doubted = 1;
    apr_thread_mutex_unlock(source->lock);
}

int gt_source_is_settled(gt_source_t *source)
{
    int is_settled;

    apr_thread_mutex_lock(source->lock);
    is_settled = is_current(source) || has_just_failed(source);
    apr_thread_mutex_unlock(source->lock);
    return is_settled;
}

apr_time_t gt_source_patience(gt_source_t *source)
{
    apr_time_t until;

    apr_thread_mutex_lock(source->lock);
    if (source->wanted == 0)
        source->wanted = gt_ticks();
    until = source->wanted + PATIENCE;
    apr_thread_mutex_unlock(source->lock);
    return until;
}

gt_err_t *gt_source_last(gt_secret_t **secret, gt_source_t *source, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;
    int warns = 0;

    *secret = NULL;
    apr_thread_mutex_lock(source->lock);
    if (source->value != NULL) {
        *secret = copy(source, p);
        if (source->wanted != 0 && gt_ticks() - source->wanted >= PATIENCE)
            warns = may_warn(source);
    }
    else if (source->failed_at != 0)
        err = failure(source, "a secret cannot be read now; the server's log says why", p);
    else
        err = passes(gt_err(p, GT_INTERNAL, "GT0114",
                            "a secret is being read for the first time, which takes longer than "
                            "2 s"),
                     PATIENCE);
    apr_thread_mutex_unlock(source->lock);
    if (warns)
        warn(apr_psprintf(p, "reading %s takes longer than 2 s", source->name));
    return err;
}
