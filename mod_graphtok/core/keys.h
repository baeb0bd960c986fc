/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEYS_H
#define GT_KEYS_H

/**
 * @file keys.h
 * The keyring of a configuration, and its changes. Without GraphTokKeyring there is one key,
 * derived from the client secret of the first provider (mission T4).
 */

#include <pthread.h>

#include "config.h"
#include "crypt/keyring.h"

/** A keyring with where it comes from. */
typedef struct gt_keys_t {
    gt_keyring_t *ring;  /* NULL: not read yet */
    gt_source_t *source; /* followed; NULL: it cannot change while we run */
    unsigned turn;       /* of the source */
    pthread_mutex_t lock;
    void (*changed)(void *baton); /* the ring has other keys now; NULL: nobody asks */
    void *baton;
} gt_keys_t;

/** The provider that a key is derived from, or NULL when there is a keyring (or no provider). */
const gt_provider_conf_t *gt_keys_derived_from(const gt_config_t *config);

/** Read it, into `p`. It asks its source at once when a value needs a key that it lacks; `keys` must
 * live as long as it. */
GT_MUST gt_err_t *gt_keys_read(gt_keys_t *keys, const gt_config_t *config, apr_pool_t *p);

/**
 * Look whether a file or command gives another text now, and take it over; one that is broken is
 * reported once and changes nothing. Cheap when nothing changed; a command may take its time
 * limit. Thread-safe.
 */
void gt_keys_follow(gt_keys_t *keys, apr_pool_t *scratch);

#endif
