/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_VERB_CHECK_H
#define CTL_VERB_CHECK_H

/** @file verb_check.h State that the files of the verb check share. */

#include "ctl.h"

#include "oauth/provider.h"

/** One run of the verb. */
typedef struct check_t {
    ctl_t *ctl;
    const char *url; /* --url: what browsers ask for; NULL: GraphTokPublicURL */
    gt_config_t *config;
    const json_t *mounts; /* or NULL */
    gt_loop_t *loop;
    json_t *steps; /* for --json */
} check_t;

/** Print one line: the part that was looked at, and its fault, or (err GT_OK) its state. The first
 * failure decides how the verb ends. */
void ctl_check_tell(check_t *check, const char *what, const gt_err_t *err, const char *fine);

/**
 * Show the keys of a provider's servers, for GraphTokPin, and hold them against its pins.
 * @param endpoints  from its discovery document, or NULL: there is none
 */
void ctl_check_keys(check_t *check, gt_provider_t *provider, const gt_endpoints_t *endpoints);

#endif
