/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEYS_H
#define GT_KEYS_H

/**
 * @file keys.h
 * The keyrings of a configuration, and their changes: the server's, and one of each store that has
 * its own. A keyring's sources add up. Without GraphTokKeyring the server has one key, derived from
 * the client secret of the first provider.
 */

#include <pthread.h>

#include "conf/config.h"
#include "crypt/keyring.h"

/** A keyring with where it comes from. */
typedef struct gt_keys_t {
    gt_keyring_t *ring; /* without a key as long as none could be read */
    const char *name;   /* for messages: "the keyring", "the keyring of store beta" */
    const char *store;  /* whose it is; NULL: the server's */
    const gt_config_t *config;
    const apr_array_header_t *sources; /* of gt_source_t *; NULL: the key is derived */
    int is_followed;                   /* 1: a source may change while we run */
    unsigned *turns;                   /* of the sources */
    apr_time_t said;              /* gt_ticks() at which the log heard that it is away; 0: never */
    pthread_mutex_t reading;      /* one look at a time, guards `turns` and `said`; steps never
                                   * take it */
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
 * The keyring of a store that has its own, or of the server; nothing is read yet. It asks its
 * sources at once when a value needs a key that it lacks. A step that lacks a key waits for the
 * answer until a tenth of a second after it was first asked for, and no longer: a source that hangs
 * costs that once. `changed`, `look_soon` and `baton` are set after this, before threads use the
 * ring.
 * @param store  NULL: the server's
 */
gt_keys_t *gt_keys_make(const gt_config_t *config, const gt_store_conf_t *store, apr_pool_t *p);

/** Those of the server, which come first, and of each store that has its own: array of gt_keys_t *,
 * in `p`. Nothing is read yet. */
apr_array_header_t *gt_keys_make_all(const gt_config_t *config, apr_pool_t *p);

/** Of those, the keys of a store: its own, else the server's. */
gt_keys_t *gt_keys_of(const apr_array_header_t *all, const char *store);

/** Its sources, as they may be shown: "file:/etc/a, env:B", or where the key is derived from. */
const char *gt_keys_shown(const gt_keys_t *keys, apr_pool_t *p);

/** Read them; this may wait for a command. @return GT_INTERNAL naming a store whose it is, and the
 * source; the ring stays as it is then */
GT_MUST gt_err_t *gt_keys_read(gt_keys_t *keys, apr_pool_t *p);

/**
 * Look whether a file or command gives another text now, and take it over; one that is broken is
 * reported once and changes nothing. One that could not be read yet is tried again, and reported
 * once a minute. Cheap when nothing changed; a command may take its time limit, so this is for
 * threads that may wait. Thread-safe.
 */
void gt_keys_follow(gt_keys_t *keys, apr_pool_t *scratch);

#endif
