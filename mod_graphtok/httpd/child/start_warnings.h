/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_START_WARNINGS_H
#define GTM_START_WARNINGS_H

/**
 * @file start_warnings.h
 * Warnings at the start about the MPM and the machine: a line for each limit that allows fewer
 * calls at a time than GraphTokMaxTransfers, with the directive to set; and a line about the
 * memory. Parent only, while the configuration is read or checked.
 */

#include "config/settings.h"

/** After the configuration is read, in the parent. */
void gtm_warn_at_start(const gt_config_t *config, server_rec *s);

#endif
