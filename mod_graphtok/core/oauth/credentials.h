/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CREDENTIALS_H
#define GT_CREDENTIALS_H

/**
 * @file credentials.h
 * What a process remembers of a provider's credentials: the certificate and key that were read last
 * and belong together, which one of two secrets the provider takes, and when they end. Thread-safe.
 */

#include "conf/expiry.h"
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
 * The federated token that was read. While its file holds no whole one, since it is being written,
 * the token before is used, with one warning, and not after its end.
 * @param token  out: in `p`
 * @param left   out: seconds until its end
 * @param read   what its source gives
 * @return as gt_client_token_left
 */
GT_MUST gt_err_t *gt_credentials_token(gt_secret_t **token, apr_int64_t *left,
                                       gt_credentials_t *credentials, const gt_secret_t *read,
                                       apr_pool_t *p);

/**
 * Which one of two secrets to show first: 0 the first, 1 the spare one, where the provider refused
 * the first and took the other. The first is tried again every five minutes.
 */
int gt_credentials_choose(gt_credentials_t *credentials);

/** The provider took a secret (is_spare as gt_credentials_choose says), or refused it. Counted; a
 * change is logged. */
void gt_credentials_judged(gt_credentials_t *credentials, int is_spare, int is_taken);

/** Read certificate and key, or federated token, now, so that their end is known and they are there
 * when a file is written; this may wait for a file or a command. A fault is told where they are
 * used. */
void gt_credentials_look(gt_credentials_t *credentials, apr_pool_t *scratch);

/** The credentials whose end is known. @return how many */
int gt_credentials_expiries(gt_expiry_t expiries[GT_EXPIRIES_MAX], gt_credentials_t *credentials);

#endif
