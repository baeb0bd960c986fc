/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_PICK_OPTIONS_H
#define CTL_PICK_OPTIONS_H

/** @file pick_options.h The options that name the grants of a verb. */

#include "admin/pick.h"
#include "ctl.h"

/** --days, --store, --provider, for the `children` of a verb's argp; input is a gt_pick_t. */
extern const struct argp ctl_pick_argp;

/** List the grants of a pick, as the verb list does. */
GT_MUST gt_err_t *ctl_list_picked(ctl_t *ctl, const gt_pick_t *pick);

/** The same without --days, for a verb whose grants are named. */
extern const struct argp ctl_pick_named_argp;

#endif
