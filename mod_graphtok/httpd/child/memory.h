/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_MEMORY_H
#define GTM_MEMORY_H

/**
 * @file memory.h
 * How much memory all children share, in bytes.
 */

#include "conf/config.h"

typedef struct gtm_memory_t {
    apr_size_t cache, limits, status, figures; /* figures: those of the audit's heads as well */
    apr_size_t bearers;                        /* callers' tokens that passed */
} gtm_memory_t;

/** The memory of a configuration. */
gtm_memory_t gtm_memory(const gt_config_t *config);

/** The same for the dump, with the sum. */
json_t *gtm_memory_json(const gt_config_t *config, apr_pool_t *p);

#endif
