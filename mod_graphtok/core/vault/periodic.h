/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PERIODIC_H
#define GT_PERIODIC_H

/**
 * @file periodic.h
 * Periodic work of a vault for one store: reading changes, dropping old rows, storing the journal's
 * entries. A store that fails is left alone for a moment; the other stores are not. Thread-safe.
 */

#include "base/clock.h"
#include "vault/vault.h"

/** The state of this work. Each member belongs to one periodic function, which runs once at a
 * time. */
typedef struct gt_periodic_t {
    gt_store_t *store;
    gt_backoff_t changes, purge, replay; /* after failures */
    int purge_goes_on;                   /* 1: the last purge left some for the next round */
} gt_periodic_t;

/** By the store's name; NULL: it is not configured. */
gt_periodic_t *gt_periodic_find(const gt_vault_t *vault, const char *store);

/**
 * Note how periodic work for a store ended. A failure pauses the work and is logged, once in five
 * minutes for all children.
 * @param what  the work, for the log: "looking for …"
 */
void gt_periodic_note(gt_vault_t *vault, gt_store_t *store, gt_backoff_t *backoff, const char *what,
                      const gt_err_t *err);

#endif
