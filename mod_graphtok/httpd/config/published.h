/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PUBLISHED_H
#define GTM_PUBLISHED_H

/**
 * @file published.h
 * Whether a file of ours lies where httpd itself hands files out. httpd's children can read the
 * keyring, so httpd's own handler would send it to every client. Parent only, while the
 * configuration is read or checked.
 */

#include "config/settings.h"

/**
 * Look for the keyring, files of client secrets, the journal, the audit and a SQLite file below a
 * DocumentRoot or an Alias of any virtual host.
 * @param faults  array of const char *, out: a line for each file
 */
void gtm_published_check(apr_array_header_t *faults, const gt_config_t *config, apr_pool_t *p);

#endif
