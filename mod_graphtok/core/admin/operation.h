/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_OPERATION_H
#define GT_OPERATION_H

/**
 * @file operation.h
 * The operations of an administrator on a grant. Each goes through the vault, so that the lease in
 * the row keeps it apart from other processes. The rows are constant and safe on any thread.
 */

#include "vault/vault.h"

/** One grant to be acted on. */
typedef struct gt_target_t {
    gt_store_t *store;       /* the vault's */
    gt_grant_t grant;        /* id, owner, e-mail and generation; nothing is opened */
    const gt_asker_t *asker; /* the request of the administrator, for the audit; NULL: none */
} gt_target_t;

typedef struct gt_operation_t {
    const char *name, *done; /* "refresh", "refreshed": for messages */
    int takes_all;           /* 1: may be asked for all grants */
    int has_rate;            /* 1: it takes turns of GraphTokRefreshRate with all other workers */
    const gt_work_t *work;
    /** The work's state, in `p`. */
    void *(*make)(gt_vault_t *vault, const gt_target_t *target, apr_pool_t *p);
    /** Judge the state of work that went well. @param detail  out, for people; may fail */
    gt_err_t *(*judge)(const char **detail, const void *state, apr_pool_t *p);
} gt_operation_t;

/** Refresh the token, due or not. */
extern const gt_operation_t gt_operation_refresh;

/** Ask the provider whether the token still works, and mark the grant when it does not. */
extern const gt_operation_t gt_operation_validate;

/** Have the token served no more until the user signs in. */
extern const gt_operation_t gt_operation_deactivate;

/** Have the token of a grant that was deactivated served again, if the provider still renews it. */
extern const gt_operation_t gt_operation_activate;

/** Delete the grant, here and where possible at the provider. */
extern const gt_operation_t gt_operation_revoke;

/** The operation of that name; NULL: there is none. */
const gt_operation_t *gt_operation_named(const char *name);

/** All names, for messages: "refresh, validate, …". */
const char *gt_operation_names(apr_pool_t *p);

#endif
