/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PICK_H
#define GT_PICK_H

/**
 * @file pick.h
 * Which grants an administrator means, and going through them page by page, so that memory does not
 * grow with the table. No token is opened: users, states and times only. A pick is used by one
 * thread. Functions may block on the database.
 */

#include "conf/config.h"
#include "store/grant.h"

/** The grants that are meant. */
typedef struct gt_pick_t {
    const char *name;     /* a row's id, a user's, or an e-mail address; NULL: all */
    int is_id;            /* 1: name is a row's id alone */
    const char *store;    /* NULL: all stores */
    const char *provider; /* NULL: all */
    const char *after;    /* grants after this id or cursor; NULL: from the first */
    int status;           /* a gt_status_t, -1: any */
    int is_failing;       /* 1: those alone whose last refresh, or more, were refused */
    gt_grant_order_t order;
    int is_question;  /* 1: the grants are only shown, so an address may be of several users */
    apr_int64_t days; /* the token ends within so many days; -1: whenever */
    int page;         /* rows that are read at a time; 0: 500 */
} gt_pick_t;

/** All grants of all stores. */
gt_pick_t gt_pick_all(void);

/** Read a word for the status: that of a grant, or "failing". @return 0: it is none of them */
int gt_pick_status(gt_pick_t *pick, const char *word);

/** Read a word for the order: user, expires, -expires, updated, -updated. @return 0: it is none */
int gt_pick_order(gt_pick_t *pick, const char *word);

/** Fails (GT_NOT_FOUND) when a store or a provider is not configured. */
GT_MUST gt_err_t *gt_pick_check(const gt_pick_t *pick, const gt_config_t *config, apr_pool_t *p);

/** For each grant. @param go_on  set to 0: enough */
typedef gt_err_t *gt_pick_fn(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                             apr_pool_t *scratch);

/** Going through grants. */
typedef struct gt_walk_t {
    const gt_pick_t *pick;
    const gt_config_t *config;
    gt_db_t *db;
    gt_pick_fn *fn;
    void *baton;
    apr_int64_t seen;  /* out: grants given so far, kept up to date */
    gt_store_t *store; /* own */
    int go_on;         /* own */
} gt_walk_t;

/**
 * Go through the grants that are meant. A name that is no id and no user's is taken for an e-mail
 * address.
 * @return GT_CONFLICT when that is the address of several users, who are listed in the error
 */
GT_MUST gt_err_t *gt_pick_each(gt_walk_t *walk, apr_pool_t *p);

/** How many grants a pick without a name has, for a progress bar; -1: not known. */
GT_MUST gt_err_t *gt_pick_count(apr_int64_t *count, const gt_pick_t *pick,
                                const gt_config_t *config, gt_db_t *db, apr_pool_t *p);

#endif
