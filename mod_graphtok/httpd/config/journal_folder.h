/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_JOURNAL_FOLDER_H
#define GTM_JOURNAL_FOLDER_H

/**
 * @file journal_folder.h
 * The journal's folder: made by the parent as root for the user that the children run as, since
 * they could not make it below /var/lib.
 */

#include <httpd.h>

#include "conf/config.h"
#include "vault/journal.h"

/** See that the folder is there, mode 0700, the children's own: it is made, or an empty one is
 * taken. A folder that holds other things is left as it is. A folder that cannot be had never stops
 * the start: it is logged, and there is no journal. Parent only. */
void gtm_folder_prepare(const gt_config_t *config, server_rec *s);

/** Why the folder that is there cannot be the journal's, for `httpd -t`; NULL when it can. Changes
 * nothing. */
const char *gtm_folder_fault(const gt_config_t *config, apr_pool_t *p);

/** The journal in it, or NULL. In a child. */
gt_journal_t *gtm_folder_journal(const gt_config_t *config, apr_pool_t *p);

#endif
