/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Reading a source: the value of a file, a variable, a command or the literal itself, judged and
 * trimmed. Running the command of exec: is in run.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/run.h"
#include "base/secret.h"
#include "base/source_struct.h"

/* A file written within the clock tick of our look could be written again unseen. */
#define SETTLED_AFTER apr_time_from_sec(2)

void gt_source_drop_value(gt_source_t *source)
{
    OPENSSL_clear_free(source->value, source->len);
    source->value = NULL;
    source->len = 0;
}

static gt_err_t *cannot_read(const gt_source_t *source, int error, apr_pool_t *p)
{
    return gt_err_file(p, GT_INTERNAL, "GT0104", error, "%s cannot be read", source->name);
}

/* Number of bytes that an editor, or a copy from a page, left at the beginning: a blank, a no-break
 * space, a byte order mark. */
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

/* Take over the bytes that were read, without the white space round them; `bytes` are freed. */
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
    gt_source_drop_value(source);
    source->value = value;
    source->len = to - from;
    source->read_at = gt_ticks();
    source->is_doubted = 0;
    apr_thread_mutex_unlock(source->lock);
    return GT_OK;
}

/* A secret that all users can read, or that others can replace, is no secret. A file of another
 * owner is that owner's to guard. */
static gt_err_t *judge_file(const gt_source_t *source, const struct stat *st, apr_pool_t *p)
{
    if (!S_ISREG(st->st_mode))
        return gt_err(p, GT_INTERNAL, "GT0106", "%s is no regular file", source->name);
    if (st->st_size > GT_SOURCE_MAX)
        return gt_err(p, GT_INTERNAL, "GT0107", "%s is larger than 64 KiB", source->name);
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return GT_OK;
    if ((st->st_mode & (S_IWGRP | S_IWOTH | (source->is_public ? 0U : S_IROTH))) != 0)
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
        /* A process that may not even look cannot see a change: a restart reads the file again, as
         * it does httpd's own certificates. That is nothing to warn of. */
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

gt_err_t *gt_source_read_it(gt_source_t *source, apr_pool_t *p)
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
