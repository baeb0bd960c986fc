/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

/**
 * @file progress.h
 * Long work: it can be stopped at any time, and shows its progress. A first SIGINT or SIGTERM lets
 * operations under way come to their end; a second one ends the program at once, which does no harm
 * either. One thread, that of the verb.
 */

#include "ctl.h"

/** From now on signals ask for an end instead of making one. */
void ctl_stop_begin(void);

/** 1 when the end was asked for. */
int ctl_stop_asked(void);

/** A bar, or a count, on standard error, when that is a terminal. */
typedef struct ctl_progress_t {
    const char *verb;
    apr_int64_t total; /* 0: nothing worth a bar; -1: not known, so it only counts */
    apr_time_t began, drawn;
    apr_int64_t done; /* as it was told last */
    int is_shown;     /* 1: a line stands on the terminal */
} ctl_progress_t;

/** 1: a bar would be seen, so its total is worth being counted. */
int ctl_progress_is_wanted(void);

/** Begin. */
void ctl_progress_begin(ctl_progress_t *progress, const char *verb, apr_int64_t total);

/** So much is done; drawn ten times a second at most. */
void ctl_progress_show(ctl_progress_t *progress, apr_int64_t done);

/** Take the line away. */
void ctl_progress_end(ctl_progress_t *progress);

#endif
