/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_VERB_KEYS_H
#define CTL_VERB_KEYS_H

/**
 * @file verb_keys.h
 * Options and functions that the actions of `graphtokctl keys` share. One thread, that of the verb.
 */

#include "ctl.h"
#include "keyfile.h"
#include "store/rekey.h"

typedef struct keys_ask_t {
    ctl_t *ctl;
    const char *action;
    const char *id;       /* the key that is meant; NULL: none named */
    const char *keyring;  /* --keyring: its file; NULL: the configuration's */
    const char *new_id;   /* --id */
    const char *purposes; /* --purpose */
    const char *from;     /* --from: a source */
    const char *store;    /* --store; NULL: all, or the server's keyring */
    int derived, force, reencrypt;
    int rate;            /* rows a second; 0: as fast as it goes */
    gt_config_t *config; /* asked for when it is needed */
} keys_ask_t;

/** The configuration, with --keyring in the place of the keyring that is meant, unless it is a part
 * of that. */
GT_MUST gt_err_t *keys_config(keys_ask_t *params);

/** The file of the keyring that is meant, locked. */
GT_MUST gt_err_t *keys_open(ctl_keyfile_t **file, keys_ask_t *params);

/** 1 when a keyring has this file as a source. */
int keys_use(const gt_keys_t *keys, const ctl_keyfile_t *file);

/**
 * A keyring as it is when its file has another text. Sources that only httpd can read are left out.
 * @param ring  NULL: it would be no keyring
 */
GT_MUST gt_err_t *keys_with(gt_keyring_t **ring, const gt_keys_t *keys, const ctl_keyfile_t *file,
                            const gt_secret_t *text, apr_pool_t *p);

/** Replace the file, when all that use it remain keyrings. */
GT_MUST gt_err_t *keys_replace(ctl_keyfile_t *file, const gt_secret_t *text,
                               const keys_ask_t *params);

/** Tell of a key: "retired key 2026-11-21-x7Qa (1f2e…)". */
GT_MUST gt_err_t *keys_say(const keys_ask_t *params, const char *what, const gt_secret_t *line);

/** The stores at work that are asked for, each on its keyring. @param all of gt_keys_t * */
GT_MUST gt_err_t *keys_stores(apr_array_header_t **stores, const keys_ask_t *params,
                              const apr_array_header_t *all);

/** A store's rows by key, sorted by key id: array of gt_key_rows_t. */
GT_MUST gt_err_t *keys_rows(apr_array_header_t **rows, gt_store_t *store, apr_pool_t *p);

/** Actions. */
gt_err_t *keys_list(keys_ask_t *params);
gt_err_t *keys_reencrypt(keys_ask_t *params);
gt_err_t *keys_retire(keys_ask_t *params);

#endif
