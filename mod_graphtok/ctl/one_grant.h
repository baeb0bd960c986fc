/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_ONE_GRANT_H
#define CTL_ONE_GRANT_H

/** @file one_grant.h The options of a verb that is about the grant of one user. */

#include "ctl.h"

/** The words that name it, as they were typed. */
typedef struct ctl_one_grant_t {
    const char *user;     /* NULL: none */
    const char *store;    /* NULL: main */
    const char *provider; /* NULL: the only one */
} ctl_one_grant_t;

/** --store, --provider and one USER, for the `children` of a verb's argp; input is a
 * ctl_one_grant_t. */
extern const struct argp ctl_one_grant_argp;

/**
 * Its key: what was typed, else the defaults. Without a USER the user is "".
 * @return GT_INVALID for want of a provider (GT0942); GT_NOT_FOUND (GT0943, GT0913)
 */
GT_MUST gt_err_t *ctl_one_grant(gt_grant_key_t *key, const ctl_one_grant_t *named,
                                const gt_config_t *config, apr_pool_t *p);

#endif
