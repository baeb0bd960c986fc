/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_VALIDATE_H
#define GT_VALIDATE_H

/**
 * @file validate.h
 * Work: ask the provider whether a grant's token still works, with GET /me of Graph, or the
 * userinfo endpoint of any other provider. A token
 * that has ended is refreshed for it, which is an answer too. Work of one task, whose pool has the
 * results.
 */

#include "translate/ask.h"

typedef struct gt_validate_t {
    gt_vault_t *vault;
    gt_grant_key_t key;
    const gt_asker_t *asker; /* the request that this is done for, or NULL */
    int works;               /* out, when it does not fail: 1 it works; 0 the provider refuses it */
    gt_err_t *failure;       /* out, with works 0: the refusal */
    int is_noted;            /* own: 1: the refusal stands in the row */
    gt_ask_t ask;            /* own */
} gt_validate_t;

/** Fails when it cannot be told (network, throttled, store away). A refusal is marked in the row: a
 * demand for the user as such, a plain refusal as an error that is counted. */
extern const gt_work_t gt_validate;

#endif
