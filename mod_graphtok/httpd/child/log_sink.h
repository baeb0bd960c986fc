/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_LOG_SINK_H
#define GTM_LOG_SINK_H

/** @file log_sink.h The core's log lines go to the main server's ErrorLog. */

#include <httpd.h>

/** Send the core's lines to this server's log. Before threads start. */
void gtm_log_to(server_rec *s);

#endif
