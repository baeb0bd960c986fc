/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RUN_H
#define GT_RUN_H

/**
 * @file run.h
 * Run a command for its first line of output: `exec:` sources (base/source.h). Thread-safe.
 */

#include "gt.h"

/** Most bytes a source may give. */
#define GT_SOURCE_MAX 65536

/**
 * Run a command and wait for its end. No shell; its input is /dev/null, no descriptor of ours but
 * the standard error is handed on, signals are as a new process expects them. It is killed, with
 * all processes of its group, after 10 s or when it prints more than `room` bytes.
 * @param line  [room] its first line of output without the newline, not NUL-terminated
 * @param len   bytes in the line
 * @param argv  full path and arguments, NULL last
 * @return GT_INTERNAL when it cannot be started, fails, takes too long or prints too much
 */
GT_MUST gt_err_t *gt_run_first_line(char *line, apr_size_t room, apr_size_t *len,
                                    char *const argv[], apr_pool_t *p);

/** The same with all that it prints. */
GT_MUST gt_err_t *gt_run_output(char *bytes, apr_size_t room, apr_size_t *len, char *const argv[],
                                apr_pool_t *p);

/** This process ends: commands under way are killed within 50 ms and no other is run. */
void gt_run_end_all(void);

#endif
