/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_WATCH_CREDENTIALS_H
#define GTM_WATCH_CREDENTIALS_H

/** @file watch_credentials.h The alarm before a certificate or secret ends: at the start and once a
 * day for all children together. */

#include "child/child.h"

/** Look now and each minute from now on; the vault may come later. */
void gtm_watch_credentials(gtm_child_t *child, apr_pool_t *scratch);

#endif
