/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_LOGSINK_H
#define GTM_LOGSINK_H

/** @file logsink.h Where the core's log lines go: the main server's ErrorLog. */

#include <httpd.h>

/** Send the core's lines to this server's log. Before threads start. */
void gtm_log_to(server_rec *s);

#endif
