/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SOURCE_STRUCT_H
#define GT_SOURCE_STRUCT_H

/**
 * @file source_struct.h
 * The inside of a source: for source.c, which keeps values, and source_read.c, which reads them.
 */

#include <sys/stat.h>

#include <apr_thread_mutex.h>

#include "base/source.h"

struct gt_source_t {
    gt_source_kind_t kind;
    const char *name; /* may be shown */
    const char *what; /* path, name of the variable, or the literal */
    char **argv;      /* exec */
    apr_interval_time_t keep;
    int is_whole;  /* exec: all lines */
    int is_public; /* file: others may read it */

    apr_thread_mutex_t *reading; /* one reading at a time; guards the next two */
    struct stat seen;            /* file: its state when `value` was read */
    int settled;                 /* file: `seen` tells a later change apart */

    apr_thread_mutex_t *lock; /* guards the members below; only a thread with `reading` writes */
    char *value;              /* the last that was read, OpenSSL's memory; NULL: none yet */
    apr_size_t len;
    unsigned turn;         /* counts the values; 0: none yet */
    apr_time_t read_at;    /* ticks */
    apr_time_t looked_at;  /* ticks: the value was last known to be that of the source; 0: never */
    int is_doubted;        /* exec: perhaps it changed */
    apr_time_t warned;     /* ticks of the last warning, 0: none */
    apr_time_t wanted;     /* ticks at which the reading under way was first wanted; 0: none is */
    apr_time_t failed_at;  /* ticks; 0: the last reading went well */
    char tag[8], why[256]; /* of that failure */
};

/**
 * Read the value anew, or see that it is the same, and put it into the source. It waits for the
 * file system, or for the command. Call it with `reading` held and without `lock`.
 */
GT_MUST gt_err_t *gt_source_read_it(gt_source_t *source, apr_pool_t *p);

/** Wipe the value and free it. With the lock, or when no other thread knows the source. */
void gt_source_drop_value(gt_source_t *source);

#endif
