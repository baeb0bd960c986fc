/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_WINDOW_H
#define CTL_WINDOW_H

/**
 * @file window.h
 * One operation on many grants, at most 64 of them at a time, each as a job of the crew. When a
 * provider asks to wait, the jobs that have not begun wait, and a job that it refused is tried
 * again afterwards, five times at most. After a signal the jobs that have not begun end without
 * acting. A window is used by one thread, the verb's.
 */

#include "ctl.h"
#include "store/grant.h"

typedef struct ctl_window_t ctl_window_t;

/** One grant in the window. */
typedef struct ctl_item_t {
    gt_store_t *store;  /* the vault's */
    gt_grant_t grant;   /* id, owner and generation; nothing is opened */
    gt_err_t *failure;  /* out */
    const char *detail; /* out, of a success */
    int is_cut;         /* out: 1: it did not begin, because of a signal */
    apr_pool_t *pool;   /* its own */
} ctl_item_t;

/** The operation. */
typedef struct ctl_operation_t {
    const char *name, *done, *doc, *args; /* how the verb speaks of it */
    int takes_all;                        /* 1: may be asked for all grants */
    int has_rate; /* 1: it takes turns of GraphTokRefreshRate with all other workers */
    const gt_work_t *work;
    /** The work's state. */
    void *(*make)(gt_vault_t *vault, const ctl_item_t *item, apr_pool_t *p);
    /** Judge the state of work that went well. @param detail  out, for people; may fail */
    gt_err_t *(*judge)(const char **detail, const void *state, apr_pool_t *p);
} ctl_operation_t;

/** Functions that report progress; called on the verb's thread. */
typedef struct ctl_report_t {
    void (*ended)(void *baton, const ctl_item_t *item);
    void (*rests)(void *baton, apr_interval_time_t span); /* a provider asked to wait so long */
    void *baton;
} ctl_report_t;

/** An empty window. It keeps the pointers; they outlive it. */
ctl_window_t *ctl_window_make(gt_vault_t *vault, const ctl_operation_t *operation,
                              const ctl_report_t *report, apr_pool_t *p);

/** Start the operation on a grant, which is copied; waits for room. */
GT_MUST gt_err_t *ctl_window_put(ctl_window_t *window, gt_store_t *store, const gt_grant_t *grant);

/** Wait until all have ended. */
void ctl_window_drain(ctl_window_t *window);

#endif
