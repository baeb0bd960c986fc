/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_STORE_STEPS_H
#define GT_STORE_STEPS_H

/**
 * @file store_steps.h
 * The texts of a store's ladder (store/store_ladder.h), and the conditions that its guards and its
 * looks before a step down share.
 */

#include "db/ladder.h"

/** The steps, from number 1 on. */
extern const gt_ladder_step_t gt_store_steps[];
extern const int gt_store_steps_count;

/** The numbers of steps that can leave rows unreadable on the way down. */
#define GT_STEP_PROVIDERS 2
#define GT_STEP_IDS 6

/** Rows sealed for the store's id. One column goes with step 11, and is back when step 6 goes
 * down. */
#define GT_ROWS_SEALED_WITH(more)                                                                  \
    "FROM {table} WHERE 'gt2.' IN (substr(encrypted_access_token, 1, 4), "                         \
    "substr(encrypted_refresh_token, 1, 4), substr(encrypted_id_token, 1, 4)" more ")"
#define GT_ROWS_SEALED_FOR_ID GT_ROWS_SEALED_WITH(", substr(previous_refresh_token, 1, 4)")

/** Rows that the program which made the table cannot read. */
#define GT_ROWS_NOT_FERNET                                                                         \
    "FROM {table} WHERE substr(encrypted_access_token, 1, 2) = 'gt' OR "                           \
    "substr(encrypted_refresh_token, 1, 2) = 'gt'"

#endif
