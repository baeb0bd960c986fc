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

/** 1 when a store's notifications are delivered to an address, and not only kept in the table. */
int gt_hooks_deliver(const gt_store_conf_t *store);

/** 1 when those of some store are. */
int gt_hooks_are_delivered(const gt_config_t *config);

/** The wait after a try that failed, the first one is 0; 0: it was the last. @param p scratch */
apr_interval_time_t gt_hooks_wait(const gt_store_conf_t *store, int tries, apr_pool_t *p);

/** 1 for a list of waits as GraphTokDeliverRetry has it. */
int gt_hooks_is_retry(const char *text);

/** 1 for an address, or the word table. */
int gt_hooks_is_deliver(const char *text);

/** How a secret of GraphTokDeliverSecret looks, for messages. */
#define GT_HOOKS_KEY_FORM                                                                          \
    "whsec_ and the Base64 of 24 to 64 bytes: make one with `echo whsec_$(openssl rand -base64 "   \
    "32)`"

/** The key that such a secret stands for, in `p`, and wiped with it. @return 0: it is none */
int gt_hooks_key(unsigned char **key, apr_size_t *len, const gt_secret_t *secret, apr_pool_t *p);

/** The part of gt_config_check that is about them. */
void gt_hooks_check(const gt_config_t *config, apr_array_header_t *errors,
                    apr_array_header_t *warnings, apr_pool_t *p);

#endif
