/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_CHECK_H
#define GT_MAIL_CHECK_H

/** @file mail_check.h What is said at the start of stores that keep mail. */

#include "conf/config.h"

/** Judge them, as gt_config_check does. */
void gt_mail_check(const gt_config_t *config, apr_array_header_t *warnings, apr_pool_t *p);

#endif
