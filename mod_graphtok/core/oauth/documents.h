/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DOCUMENTS_H
#define GT_DOCUMENTS_H

/**
 * @file documents.h
 * A provider's runtime, for provider.c and metadata.c.
 */

#include <apr_thread_mutex.h>

#include "oauth/credentials.h"
#include "oauth/key_source.h"
#include "oauth/provider.h"

/** A document as it came, checked before it was kept. */
typedef struct document_t {
    char *bytes; /* malloc'd, NULL: none */
    apr_size_t len;
    apr_time_t fetched; /* ticks */
    apr_time_t asked;   /* ticks of the last try; 0: never */
} document_t;

struct gt_provider_t {
    const gt_provider_conf_t *conf;
    gt_crew_t *readers;    /* of its secret; NULL: none */
    gt_key_source_t *keys; /* of its id_tokens */
    gt_credentials_t *credentials;
    apr_thread_mutex_t *lock; /* guards everything below */
    document_t discovery;
    apr_time_t answered; /* wall clock, 0: never */
    int is_well;
    apr_interval_time_t skew;
    int skew_is_told;
    apr_time_t login_asked; /* ticks: the proxy's login was asked for */
};

/** The work that gt_key_source_t fetches a provider's keys with; `from` is the gt_provider_t. */
extern const gt_work_t gt_fetch_provider_keys;

#endif
