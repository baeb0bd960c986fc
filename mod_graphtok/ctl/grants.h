/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_GRANTS_H
#define CTL_GRANTS_H

/**
 * @file grants.h
 * Which grants a verb is about, and going through them page by page, so that memory does not grow
 * with the table. Nothing is opened: users, states and times only.
 */

#include "ctl.h"
#include "store/due.h"

/** What was asked for. */
typedef struct ctl_pick_t {
    const char *name;     /* a row's id, a user's, or an e-mail address; NULL: all */
    const char *store;    /* NULL: all stores */
    const char *provider; /* NULL: all */
    const char *after;    /* rows after this id; NULL: from the first */
    int status;           /* a gt_status_t, -1: any */
    int is_question;      /* 1: the grants are only shown, so an address may be of several users */
    apr_int64_t days;     /* the token ends within so many days; -1: whenever */
} ctl_pick_t;

/** Nothing asked for. */
ctl_pick_t ctl_pick_all(void);

/** The options of a pick, for the `children` of a verb's argp; input is a ctl_pick_t. */
extern const struct argp ctl_pick_argp;

/** The same without --days, for a verb whose grants are named. */
extern const struct argp ctl_pick_named_argp;

/** Fails when a name is not configured. */
GT_MUST gt_err_t *ctl_pick_check(const ctl_pick_t *pick, const gt_config_t *config, apr_pool_t *p);

/** For each grant. @param go_on  set to 0: enough */
typedef gt_err_t *ctl_grant_fn(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                               apr_pool_t *scratch);

/** Going through grants. */
typedef struct ctl_walk_t {
    const ctl_pick_t *pick;
    const gt_config_t *config;
    gt_db_t *db;
    ctl_grant_fn *fn;
    void *baton;
    apr_int64_t seen;  /* out: rows looked at so far, kept up to date */
    gt_store_t *store; /* own */
    int go_on;         /* own */
} ctl_walk_t;

/** Go through the grants that are meant. A name that is no id and no user's is taken for an e-mail address.
 * @return GT_CONFLICT when that is the address of several users, who are listed in the error */
GT_MUST gt_err_t *ctl_each_grant(ctl_walk_t *walk, apr_pool_t *p);

/** A store's sums; counted now when that was not done within the last ten seconds. */
GT_MUST gt_err_t *ctl_stats(gt_grant_stats_t *stats, gt_store_t *store, const gt_config_t *config,
                            apr_pool_t *p);

/** How many rows the stores of a pick have; -1: nobody knows. */
GT_MUST gt_err_t *ctl_count_grants(apr_int64_t *count, const ctl_pick_t *pick,
                                   const gt_config_t *config, gt_db_t *db, apr_pool_t *p);

/** A grant as JSON. */
json_t *ctl_grant_json(const gt_store_t *store, const gt_grant_t *grant, apr_pool_t *p);

/** "USER (E-MAIL)", for a line; control characters become '?'. */
const char *ctl_grant_user(const gt_grant_t *grant, apr_pool_t *p);

/** "active", … */
const char *ctl_status_name(gt_status_t status);

#endif
