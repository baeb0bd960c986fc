/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_WRITE_HOURS_H
#define GTM_WRITE_HOURS_H

/** @file write_hours.h The figures of this server by hours, written to the stores' tables. */

#include "child/child.h"

/** child_init, when the vault is there: from now on one child of the server writes them once a
 * minute. */
void gtm_write_hours(gtm_child_t *child);

#endif
