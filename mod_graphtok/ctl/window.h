/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_WINDOW_H
#define CTL_WINDOW_H

/**
 * @file window.h
 * One thing done to many grants, a bounded number of them at a time, as jobs of the crew. Where a
 * provider asks to wait, those wait that have not begun, and what it refused is tried again after
 * that, five times at most. After a signal those that have not begun are let go. A window is used by
 * one thread, the verb's.
 */

#include "ctl.h"
#include "store/grant.h"

typedef struct ctl_window_t ctl_window_t;

/** One grant in the window. */
typedef struct ctl_pane_t {
    gt_store_t *store;  /* the vault's */
    gt_grant_t grant;   /* id, owner and generation; nothing is opened */
    gt_err_t *failure;  /* out */
    const char *detail; /* out, of a success */
    int is_cut;         /* out: 1: it did not begin, since an end was asked for */
    apr_pool_t *pool;   /* its own */
} ctl_pane_t;

/** What is done to each. */
typedef struct ctl_deed_t {
    const char *name, *done, *doc, *args; /* how the verb speaks of it */
    int takes_all;                        /* 1: may be asked for all grants */
    int has_rate; /* 1: it takes turns of GraphTokRefreshRate with all other workers */
    const gt_work_t *work;
    /** The work's state. */
    void *(*make)(gt_vault_t *vault, const ctl_pane_t *pane, apr_pool_t *p);
    /** After the work went well. @param detail  out, for people; a failure is the deed's */
    gt_err_t *(*judge)(const char **detail, const void *state, apr_pool_t *p);
} ctl_deed_t;

/** What is told, on the verb's thread. */
typedef struct ctl_watch_t {
    void (*ended)(void *baton, const ctl_pane_t *pane);
    void (*rests)(void *baton, apr_interval_time_t span); /* a provider asked to wait so long */
    void *baton;
} ctl_watch_t;

/** A window with nothing in it. What is handed in is kept. */
ctl_window_t *ctl_window_make(gt_vault_t *vault, const ctl_deed_t *deed, const ctl_watch_t *watch,
                              apr_pool_t *p);

/** Put a grant in, which is copied; waits for room. */
GT_MUST gt_err_t *ctl_window_put(ctl_window_t *window, gt_store_t *store, const gt_grant_t *grant);

/** Wait for the end of all. */
void ctl_window_drain(ctl_window_t *window);

#endif
