/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEYS_H
#define GT_KEYS_H

/**
 * @file keys.h
 * The keyring of a configuration, and its changes. Without GraphTokKeyring there is one key,
 * derived from the client secret of the first provider.
 */

#include <pthread.h>

#include "conf/config.h"
#include "crypt/keyring.h"

/** A keyring with where it comes from. */
typedef struct gt_keys_t {
    gt_keyring_t *ring;           /* NULL: not read yet */
    gt_source_t *source;          /* followed; NULL: it cannot change while we run */
    unsigned turn;                /* of the source */
    pthread_mutex_t reading;      /* one look at a time; steps never take it */
    void (*changed)(void *baton); /* the ring has other keys now; NULL: not wanted */
    /** Have gt_keys_follow called at once, by a thread that may wait; nothing when that is under
     * way. NULL: the thread that lacks a key looks itself. */
    void (*look_soon)(void *baton);
    void *baton; /* of both */

    pthread_mutex_t lock;  /* guards the members below */
    pthread_cond_t looked; /* a look is
                            * over */
    apr_time_t asked;      /* gt_mono() at which the look under way was asked for; 0: none is */
} gt_keys_t;

/** The provider that a key is derived from, or NULL when there is a keyring (or no provider). */
const gt_provider_conf_t *gt_keys_derived_from(const gt_config_t *config);

/**
 * Read it, into `p`; this may wait for a command. It asks its source at once when a value needs a
 * key that it lacks; `keys` must live as long as it. A step that lacks a key waits for the answer
 * until a tenth of a second after it was first asked for, and no longer: a source that hangs costs
 * that once. `changed`, `look_soon` and `baton` are set after this, before threads use the ring.
 */
GT_MUST gt_err_t *gt_keys_read(gt_keys_t *keys, const gt_config_t *config, apr_pool_t *p);

/**
 * Look whether a file or command gives another text now, and take it over; one that is broken is
 * reported once and changes nothing. Cheap when nothing changed; a command may take its time
 * limit, so this is for threads that may wait. Thread-safe.
 */
void gt_keys_follow(gt_keys_t *keys, apr_pool_t *scratch);

#endif
