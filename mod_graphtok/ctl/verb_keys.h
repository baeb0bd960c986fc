/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_VERB_KEYS_H
#define CTL_VERB_KEYS_H

/**
 * @file verb_keys.h
 * Options and functions that the actions of `graphtokctl keys` share. One thread, that of the verb.
 */

#include "ctl.h"
#include "store/rekey.h"

typedef struct keys_ask_t {
    ctl_t *ctl;
    const char *action;
    const char *id;       /* the key that is meant; NULL: none named */
    const char *keyring;  /* --keyring: its file; NULL: the configuration's */
    const char *new_id;   /* --id */
    const char *purposes; /* --purpose */
    const char *from;     /* --from: a source */
    const char *store;    /* --store; NULL: all */
    int derived, force, reencrypt;
    int rate;            /* rows a second; 0: as fast as it goes */
    gt_config_t *config; /* asked for when it is needed */
} keys_ask_t;

/** The configuration, with --keyring in the place of its keyring. */
GT_MUST gt_err_t *keys_config(keys_ask_t *params);

/** A store at work on the keyring. */
GT_MUST gt_err_t *keys_stores(apr_array_header_t **stores, const keys_ask_t *params,
                              const gt_keyring_t *ring);

/** A store's rows by key, sorted by key id: array of gt_key_rows_t. */
GT_MUST gt_err_t *keys_rows(apr_array_header_t **rows, gt_store_t *store, apr_pool_t *p);

/** Actions. */
gt_err_t *keys_list(keys_ask_t *params);
gt_err_t *keys_reencrypt(keys_ask_t *params);

#endif
