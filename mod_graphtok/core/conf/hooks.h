/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HOOKS_H
#define GT_HOOKS_H

/**
 * @file hooks.h
 * What a store's configuration says about changes that Microsoft Graph tells it of. Pure;
 * thread-safe.
 */

#include "conf/config.h"

/** The resources that a subscription may be for, as GraphTokSubscribe has them; NULL last. */
extern const char *const gt_hook_resources[];

/** 1 when a store wants to hear of changes of a resource. */
int gt_hooks_want(const gt_store_conf_t *store, const char *resource);

/** 1 when some store wants to hear of changes. */
int gt_hooks_are_wanted(const gt_config_t *config);

/** The part of gt_config_check that is about them. */
void gt_hooks_check(const gt_config_t *config, apr_array_header_t *errors,
                    apr_array_header_t *warnings, apr_pool_t *p);

#endif
