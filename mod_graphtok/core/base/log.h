/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOG_H
#define GT_LOG_H

/**
 * @file log.h
 * Log lines of the core. The core knows no httpd; the program that links it gives a sink. Levels
 * have the numbers of httpd and syslog: 3 error (an administrator must act), 4 warning (degraded,
 * but served), 6 info (a grant changed state), 7 debug (each step), 8 to 15 trace (the wire, no
 * secrets). No secret can be logged by accident: gt_secret_t has no text that printf could take.
 * Safe on any thread once the sink is set (at start, before threads).
 */

#include "gt.h"

#define GT_LOG_ERROR 3
#define GT_LOG_WARNING 4
#define GT_LOG_NOTICE 5
#define GT_LOG_INFO 6
#define GT_LOG_DEBUG 7
#define GT_LOG_TRACE 8

/** Where lines go. Both functions must be safe on any thread. */
typedef struct gt_log_sink_t {
    void *baton;
    int (*wants)(void *baton, int level);                    /* 1: this level is logged */
    void (*print)(void *baton, int level, const char *line); /* without newline, UTF-8 */
} gt_log_sink_t;

/** Set the sink (NULL: lines are dropped). Before threads start; the struct must outlive them. */
void gt_log_set(const gt_log_sink_t *sink);

/** 1 when lines of this level are wanted; ask before costly arguments. */
int gt_log_wants(int level);

/**
 * Log one line. Warnings and errors carry a permanent tag.
 * @param level  GT_LOG_…
 * @param tag    "GTnnnn", or NULL below warning
 */
void gt_log(int level, const char *tag, const char *fmt, ...) GT_PRINTF(3, 4);

/** Log an error as its class demands; `what` names the work that failed ("refresh of user tom"). */
void gt_log_err(const gt_err_t *err, const char *what);

#endif
