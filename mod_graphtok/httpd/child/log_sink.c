/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file log_sink.c
 * The core's log lines into httpd's error log. Levels of the core have httpd's numbers, so they
 * pass as they are; `LogLevel graphtok:…` decides which are written.
 */

#include "child/log_sink.h"

#include <http_log.h>

#include "base/log.h"

APLOG_USE_MODULE(graphtok);

static int wants(void *baton, int level)
{
    return APLOG_IS_LEVEL((server_rec *)baton, level);
}

static void print(void *baton, int level, const char *line)
{
    ap_log_error(APLOG_MARK, level, 0, (server_rec *)baton, "%s", line);
}

void gtm_log_to(server_rec *s)
{
    static gt_log_sink_t sink = {NULL, wants, print};

    sink.baton = s;
    gt_log_set(&sink);
}
