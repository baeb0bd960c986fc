/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CREDENTIALS_H
#define GT_CREDENTIALS_H

/**
 * @file credentials.h
 * What a process remembers of a provider's credentials: the certificate and key that were read last
 * and belong together, which one of two secrets the provider takes, and when they end. Thread-safe.
 */

#include "conf/config.h"
#include "crypt/client_key.h"

typedef struct gt_credentials_t gt_credentials_t;

/** Make it; nothing is read. */
gt_credentials_t *gt_credentials_make(const gt_provider_conf_t *conf, apr_pool_t *p);

/**
 * The pair of a certificate and its key. While their files are replaced one after the other, and
 * when they cannot be used, it is the pair that was read before, with one warning.
 * @param key  for the life of `p`
 * @return GT_INTERNAL with status 503 when there was no pair before
 */
GT_MUST gt_err_t *gt_credentials_key(const gt_client_key_t **key, gt_credentials_t *credentials,
                                     const gt_secret_t *certificate, const gt_secret_t *private_key,
                                     apr_pool_t *p);

/**
 * Which one of two secrets to show first: 0 the first, 1 the spare one, where the provider refused
 * the first and took the other. The first is tried again every five minutes.
 */
int gt_credentials_choose(gt_credentials_t *credentials);

/** The provider took a secret (is_spare as gt_credentials_choose says), or refused it. Counted; a
 * change is logged. */
void gt_credentials_judged(gt_credentials_t *credentials, int is_spare, int is_taken);

#endif
