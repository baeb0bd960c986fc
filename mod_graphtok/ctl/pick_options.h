/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_PICK_OPTIONS_H
#define CTL_PICK_OPTIONS_H

/** @file pick_options.h The options that name the grants of a verb. */

#include "admin/pick.h"
#include "ctl.h"

/** --days, --store, --provider, for the `children` of a verb's argp; input is a gt_pick_t. */
extern const struct argp ctl_pick_argp;

/** The same without --days, for a verb whose grants are named. */
extern const struct argp ctl_pick_named_argp;

#endif
