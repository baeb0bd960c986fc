/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ADVICE_H
#define GTM_ADVICE_H

/**
 * @file advice.h
 * What the start says of the MPM and the machine: a line for each thing that will carry fewer calls
 * at a time than GraphTokMaxTransfers asks for, with what to set; and the memory that is taken.
 */

#include "config/settings.h"

/** After the configuration is read, in the parent. */
void gtm_advise(const gt_config_t *config, server_rec *s);

#endif
