/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Where a secret comes from. The last value that could be read is kept here, outside pools (it is
 * replaced while others copy it), under the source's lock, and wiped when it is replaced. It goes
 * on being used when a new one cannot be read: httpd's children often may not read what their
 * parent, as root, could. Reading a file or a command is in source_read.c.
 *
 * Two locks: `reading` is held while a file or command is read, by threads that may wait; `lock`
 * for memory only, so that a step may take it. `reading` is taken first.
 */

#include "base/source.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/run.h"
#include "base/secret.h"
#include "base/source_struct.h"
#include "base/text.h"

#define KEEP_DEFAULT apr_time_from_sec(300)
#define WARN_EVERY apr_time_from_sec(600)
#define FAILED_AGAIN apr_time_from_sec(5)
#define PATIENCE apr_time_from_sec(2)

static apr_status_t drop_value(void *baton)
{
    gt_source_drop_value(baton);
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

/* "File:/etc/..." would be a secret that stands in the configuration, and can be guessed. */
static int is_capital_prefix(const char *text)
{
    return strncasecmp(text, "file:", 5) == 0 || strncasecmp(text, "env:", 4) == 0 ||
           strncasecmp(text, "exec:", 5) == 0;
}

static int parse_literal(gt_source_t *source, char *text, const char **why, apr_pool_t *p)
{
    if (is_capital_prefix(text)) {
        *why = "it would be the value itself: write file:, env: and exec: in small letters";
        return 0;
    }
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

/* ---- the present value; call with the lock held ---- */

static int has_just_failed(const gt_source_t *source)
{
    return source->failed_at != 0 && gt_ticks() - source->failed_at < FAILED_AGAIN;
}

/* 1 when a reading would give the present value again. */
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

/* 1: the caller is to warn that an old value is used; the next warning is due later. */
static int claim_warning(gt_source_t *source)
{
    if (source->warned != 0 && gt_ticks() - source->warned <= WARN_EVERY)
        return 0;
    source->warned = gt_ticks();
    return 1;
}

/* Call without the lock: a log may be slow. */
static void warn(const char *why)
{
    gt_log(GT_LOG_WARNING, "GT0110", "the value read before is used on: %s", why);
}

static gt_err_t *failure(const gt_source_t *source, const char *why, apr_pool_t *p)
{
    return passes(gt_err(p, GT_INTERNAL, apr_pstrdup(p, source->tag), "%s", why),
                  source->failed_at + FAILED_AGAIN - gt_ticks());
}

/* How the reading ended. A value that could be read before makes up for a failure, with a
 * warning. */
static gt_err_t *conclude(gt_source_t *source, gt_err_t *err, int *warns)
{
    *warns = 0;
    source->wanted = 0;
    source->failed_at = 0;
    if (err == GT_OK) {
        source->looked_at = gt_ticks();
        return GT_OK;
    }
    source->failed_at = gt_ticks();
    apr_cpystrn(source->tag, err->tag, sizeof(source->tag));
    apr_cpystrn(source->why, err->detail, sizeof(source->why));
    if (source->value == NULL)
        return passes(err, FAILED_AGAIN);
    *warns = claim_warning(source);
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
    err = is_needed ? gt_source_read_it(source, p) : GT_OK;
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

void gt_source_public(gt_source_t *source)
{
    source->is_public = 1;
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

int gt_source_is_fresh(gt_source_t *source, apr_interval_time_t span)
{
    int is_fresh;

    apr_thread_mutex_lock(source->lock);
    is_fresh =
        source->value != NULL && source->looked_at != 0 && gt_ticks() - source->looked_at < span;
    apr_thread_mutex_unlock(source->lock);
    return is_fresh;
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
            warns = claim_warning(source);
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
