/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SOURCE_H
#define GT_SOURCE_H

/**
 * @file source.h
 * Where a secret comes from, as the administrator wrote it: `file:PATH` (read again when the file
 * changes), `env:NAME`, `exec:COMMAND ARGS` (first line of its output; no shell: words end at
 * blanks, quotes hold them together, a backslash takes the next character as it is; time limit),
 * or the literal itself. White space round the value is dropped, with a byte order mark and
 * no-break spaces; CR LF and CR end lines as LF does; 64 KiB at most.
 */

#include "gt.h"

typedef enum gt_source_kind_t {
    GT_FROM_FILE,
    GT_FROM_ENV,
    GT_FROM_EXEC,
    GT_LITERAL
} gt_source_kind_t;

/**
 * Parse the administrator's text. Nothing is read yet.
 * @param source  the result, for the life of `p`; relative file paths are taken from `base_dir`
 * @param why     on failure, what is wrong, for the configuration error
 * @return 1, or 0 with *why set
 */
GT_MUST int gt_source_parse(gt_source_t **source, const char *text, const char *base_dir,
                            const char **why, apr_pool_t *p);

/** Its kind. */
gt_source_kind_t gt_source_kind(const gt_source_t *source);

/** How it may be shown: "file:/etc/…", "env:NAME", "exec:/usr/bin/…", "literal". Never the
 * value. */
const char *gt_source_name(const gt_source_t *source);

/** The path of a file source, else NULL. */
const char *gt_source_path(const gt_source_t *source);

/**
 * How long an exec's result is used before the command runs again; 5 min unless set.
 * @param keep  µs; 0: run each time
 */
void gt_source_keep(gt_source_t *source, apr_interval_time_t keep);

/**
 * Read the value now; this waits, for a command up to its limit and for a file as long as its file
 * system does: for a start, the command line and threads of their own. For a request task/reader.h
 * reads, and gt_source_last gives the value.
 *
 * A file is looked at (stat) each time and read only when it changed; an exec runs when its last
 * result is older than gt_source_keep says, for at most 10 s, and not within 5 s after it failed.
 * A file must be a regular one; owned by root or by us, it must be neither writable by group or
 * others nor readable by others. When a value that could be read before cannot be read now, that
 * value is used on, however long, and a warning is logged; without one when this process may not
 * even enter the file's folder (httpd's children: the file is then read again by a restart).
 * Thread-safe: readings of one source follow each other.
 * @param secret  a copy in `p`
 * @return GT_INTERNAL when it could never be read, naming the source and what to do; with status
 *         503 and retry_after, for a failure passes
 */
GT_MUST gt_err_t *gt_source_read(gt_secret_t **secret, gt_source_t *source, apr_pool_t *p);

/** 1 when gt_source_read would read nothing: the value is here already, or reading failed within
 * the last 5 s. Never 1 for a file, whose state only stat tells. Does not wait. */
int gt_source_is_settled(gt_source_t *source);

/** 1 when there is a value, and its source was looked at within `span` µs. Does not wait. */
int gt_source_is_fresh(gt_source_t *source, apr_interval_time_t span);

/**
 * A reading is wanted: how long to wait for it. The time counts from the first caller that wanted
 * the same reading, so a reading that hangs costs that time once and not each caller.
 * @return gt_ticks() at which to go on with gt_source_last
 */
apr_time_t gt_source_patience(gt_source_t *source);

/**
 * The value of the last reading, or the error that there is none. Does not wait.
 * @return GT_INTERNAL with status 503 and retry_after, also while the first reading is not over; it
 *         goes to clients, so it says neither path nor cause
 */
GT_MUST gt_err_t *gt_source_last(gt_secret_t **secret, gt_source_t *source, apr_pool_t *p);

/** Take all that a command prints, not its first line alone: for a value of several lines. Call it
 * before the first reading. */
void gt_source_whole(gt_source_t *source);

/** All users may read its file: what it gives is published anyway, or another program sets the
 * file's rights, as kubelet does for a token. Before it is read. */
void gt_source_public(gt_source_t *source);

/** Have the next reader run the command again when its value is older than `least` µs: there is a
 * reason to think that it changed. */
void gt_source_doubt(gt_source_t *source, apr_interval_time_t least);

/**
 * The same as gt_source_read for a reader that follows the source: the value is copied only when it
 * is a new one.
 * @param secret  NULL: still the value of *turn
 * @param turn    in: 0, or as the call before left it
 */
GT_MUST gt_err_t *gt_source_read_new(gt_secret_t **secret, unsigned *turn, gt_source_t *source,
                                     apr_pool_t *p);

#endif
