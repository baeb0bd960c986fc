/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_H
#define GT_GRANT_H

/**
 * @file grant.h
 * One row of a store. Every write of tokens and every verdict names the generation it saw; a stale
 * one changes nothing (and says so). Use counts never touch the generation. Secrets are sealed for
 * their place before they reach a statement. Functions may block on the database.
 */

#include "crypt/keyring.h"
#include "db/db.h"
#include "oauth/identity.h"
#include "oauth/token.h"

typedef enum gt_status_t {
    GT_INACTIVE = 0, /* refused or three errors: sign in again */
    GT_ACTIVE = 1,
    GT_NEEDS_USER = 2 /* interaction needed: MFA, consent */
} gt_status_t;

struct gt_grant_t {
    const char *id;
    gt_owner_t owner;
    gt_identity_t account;         /* the person who signed in; fields "" when unknown (S0) */
    const char *scope;             /* granted, or NULL */
    const char *resource;          /* that the access token is for */
    gt_secret_t *access;           /* NULL: none, or from gt_grant_list, which opens nothing */
    gt_secret_t *refresh;          /* NULL: none, or from gt_grant_list */
    apr_time_t expires_at;         /* of the access token */
    apr_int64_t access_generation; /* of the row when the access token came; 0: an earlier one */
    apr_time_t access_since;       /* when that was; 0: not known */
    apr_time_t created_at, updated_at;
    apr_time_t last_used_at; /* 0: never */
    apr_int64_t use_count;
    gt_status_t status;
    int error_count;           /* consecutive */
    const char *error_message; /* of the last one, or NULL */
    apr_int64_t generation;    /* + 1 with each write of tokens */
    const char *lease_owner;   /* or NULL */
    apr_time_t lease_until;    /* database clock; 0: none */
    const char *key_id;        /* of the refresh token's seal; "" for Fernet */
    const char *intent_owner;  /* the holder that set out to spend the refresh token and may hold
                                * the answer */
    const char *claims;        /* the provider's demands, which the next refresh is to meet;
                                * GT_NEEDS_USER: the next sign-in; NULL: none */
    const char *time_key;      /* in a list by a time: that time as gt_grant_place_t has it */
};

/** Make a store's runtime. Names are checked identifiers. @param ring  its keys; NULL: nothing is
 * sealed or opened */
gt_store_t *gt_store_make(const gt_store_conf_t *conf, gt_db_t *db, const gt_keyring_t *ring,
                          apr_pool_t *p);
const gt_store_conf_t *gt_store_conf(const gt_store_t *store);
/** Its name in the configuration. */
const char *gt_store_name(const gt_store_t *store);
gt_db_t *gt_store_db(const gt_store_t *store);
/** The keys that seal what belongs to it. */
const gt_keyring_t *gt_store_ring(const gt_store_t *store);

/** GT_OK when its keyring could be read. @return GT_STORE_AWAY naming the store */
GT_MUST gt_err_t *gt_store_has_keys(const gt_store_t *store, apr_pool_t *p);

/** A copy of an owner in `p`. */
gt_owner_t gt_owner_dup(const gt_owner_t *owner, apr_pool_t *p);

/** Ask the database whether it is there. */
GT_MUST gt_err_t *gt_store_ping(gt_store_t *store, apr_pool_t *p);

/** 1 when the last thing heard from the database was an answer; asks for nothing. Thread-safe. */
int gt_store_answers(const gt_store_t *store);

/** Find a grant with the access token of the default resource. @param grant NULL when there is
 * none. @return GT_DAMAGED when it cannot be opened */
GT_MUST gt_err_t *gt_grant_find(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                                apr_pool_t *p);

/**
 * Find a grant with the access token of a resource. Tokens of the default resource stand in its
 * row, those of others in a table beside it.
 * @return GT_INTERNAL (GT0429) where that table is not there so far
 */
GT_MUST gt_err_t *gt_grant_find_for(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                                    const char *resource, apr_pool_t *p);

/** Correct the access_generation of the default resource's token: where the last refresh was for
 * another resource, the token is older than its row. */
GT_MUST gt_err_t *gt_grant_date_access(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p);

/** Find a grant's id, whether or not it can be opened. @param id NULL when there is no grant */
GT_MUST gt_err_t *gt_grant_id(const char **id, gt_store_t *store, const gt_owner_t *owner,
                              apr_pool_t *p);

/**
 * Store a sign-in: a new row, or the same row with the next generation when it is the same person.
 * A re-sign-in without a refresh token keeps the old one. Clears errors, status active.
 * @param grant out: as stored now
 * @return GT_CONFLICT when the row belongs to another person, or was revoked since the tokens were
 *         asked for (tokens->asked)
 */
GT_MUST gt_err_t *gt_grant_sign_in(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                                   const gt_identity_t *identity, const gt_tokens_t *tokens,
                                   apr_pool_t *p);

/**
 * Store the result of a refresh when the generation is still `grant->generation`, whether or not
 * the lease ran out meanwhile; gives the lease back, clears errors, status active. The access
 * token is that of grant->resource. Without a new one the old one stays, and its end. Demands stay
 * unless they are those of `grant`, which the refresh has met. May be
 * repeated after GT_STORE_AWAY: when the first try was carried out after all, that is seen.
 * @param stored  1 written; 0: revoked or signed in anew meanwhile, nothing was changed
 */
GT_MUST gt_err_t *gt_grant_commit(int *stored, gt_store_t *store, const gt_grant_t *grant,
                                  const gt_tokens_t *tokens, apr_pool_t *p);

/**
 * Note a failure for the generation that was judged: count it (three deactivate), deactivate, or
 * mark as needing the user. The row keeps the effect's word, tag and code, never secrets.
 * @param noted   0 when the generation moved on meanwhile
 * @param grant   its owner, the generation that was judged, and the errors that were counted
 *                before, also where a refresh has forgotten them since
 * @param effect  as a rule that of the failure's class (gt_class_row)
 */
GT_MUST gt_err_t *gt_grant_failed(int *noted, gt_store_t *store, const gt_grant_t *grant,
                                  const gt_err_t *failure, gt_effect_t effect, apr_pool_t *p);

/**
 * Note a claims challenge: the access tokens of the grant, those of other resources too, end at
 * once, and the demands stand in the row. Its generation stays, so that a refresh under way can
 * store its result; gt_grant_changes tells that tokens of this very generation are stale. Changes
 * nothing when the generation moved on, or when the grant is inactive.
 * @param claims  gt_claims_read
 */
GT_MUST gt_err_t *gt_grant_challenged(gt_store_t *store, const gt_grant_t *grant,
                                      const char *claims, apr_pool_t *p);

/** Delete, and leave a note for gt_grant_changes. @param deleted 0 when there was none */
GT_MUST gt_err_t *gt_grant_delete(int *deleted, gt_store_t *store, const gt_owner_t *owner,
                                  apr_pool_t *p);

/**
 * Deactivate a grant of any status: its tokens are used no more until the user signs in. A
 * verdict of an administrator judges the grant and no generation, so it raises the generation:
 * nothing that is under way for the grant changes it afterwards.
 * @param deactivated  0 when there is no such grant
 */
GT_MUST gt_err_t *gt_grant_deactivate(int *deactivated, gt_store_t *store, const gt_owner_t *owner,
                                      apr_pool_t *p);

/** The same taken back, of a grant that is not active: its errors are forgotten, and tokens that
 * caches hold are of a generation before. @param activated 0: it is active, or there is none */
GT_MUST gt_err_t *gt_grant_activate(int *activated, gt_store_t *store, const gt_owner_t *owner,
                                    apr_pool_t *p);

/** How often a grant was used. */
typedef struct gt_uses_t {
    gt_owner_t owner;
    apr_int64_t times;              /* 0: its token was looked at, and works */
    apr_interval_time_t ago;        /* since the last time */
    apr_interval_time_t worked_ago; /* since the API took its token; -1: not known to have */
    int is_written; /* out; 0: another transaction holds the row, or there is none */
} gt_uses_t;

/** Most grants for one gt_grants_used. */
#define GT_USES_MAX 500

/** Add to the use counts of `n` different grants and move last_used_at on, by one UPDATE that waits
 * for no other transaction. Errors that an active grant counted before its token worked are
 * forgotten, since those count that come one after the other; the last one's message stays until
 * the next refresh. Generations stay. */
GT_MUST gt_err_t *gt_grants_used(gt_uses_t *uses, int n, gt_store_t *store, apr_pool_t *p);

/** The order of a list. Grants of the same time stand by user and provider. */
typedef enum gt_grant_order_t {
    GT_BY_USER,
    GT_BY_EXPIRY,
    GT_BY_EXPIRY_DOWN, /* the last one first */
    GT_BY_CHANGE,      /* by updated_at */
    GT_BY_CHANGE_DOWN,
    GT_GRANT_ORDERS
} gt_grant_order_t;

/** Which grants of a store a list has, and in which order. */
typedef struct gt_grant_filter_t {
    const char *provider; /* NULL: at any */
    int status;           /* a gt_status_t; -1: any */
    apr_int64_t within;   /* s, the access token ends within, or has ended; -1: whenever */
    int is_failing;       /* 1: the last refresh, or more, were refused (error_count > 0) */
    gt_grant_order_t order;
} gt_grant_filter_t;

/** A place in a list: behind this grant, which may be gone, or have moved, by now. */
typedef struct gt_grant_place_t {
    gt_owner_t owner;
    const char *time; /* in a list by a time: as the database had it (time_key) */
} gt_grant_place_t;

/** 1 for a time that may stand in a place of a list in this order: a text that came back from
 * outside is checked by this first. */
int gt_grant_is_time(const char *time, gt_grant_order_t order, gt_engine_t engine);

/**
 * A page of a store; tokens are not read. A page costs as much as it holds, wherever it begins, in
 * each order: the rows that a filter passes over cost as well, but those that are not active, and
 * those that are failing, have indexes of their own.
 * @param grants  array of gt_grant_t *; fewer than `most`: the last page
 * @param after   the last one of the page before; NULL: the first page
 */
GT_MUST gt_err_t *gt_grant_list(apr_array_header_t **grants, gt_store_t *store,
                                const gt_grant_filter_t *filter, const gt_grant_place_t *after,
                                int most, apr_pool_t *p);

/** The id of a row, which is a UUID, as both engines take it; NULL: the text is none. */
const char *gt_grant_plain_id(const char *text, apr_pool_t *p);

/** The row with an id; secrets stay closed. @param grant NULL: there is no such row, or the text is
 * no id */
GT_MUST gt_err_t *gt_grant_by_id(gt_grant_t **grant, gt_store_t *store, const char *id,
                                 apr_pool_t *p);

/** How many grants such a list has. Looks at each row that the filter's index leaves. */
GT_MUST gt_err_t *gt_grant_list_count(apr_int64_t *count, gt_store_t *store,
                                      const gt_grant_filter_t *filter, apr_pool_t *p);

/**
 * Fill in account.name, the person's name at the provider at the last sign-in. It stands in no
 * column but within the sealed id_token, since it is personal; one more statement, and a value
 * opened, so it is for showing only. NULL stays where there is none (S0's rows), or where it
 * cannot be opened.
 * @param store  of a keyring
 * @return an error of the database
 */
GT_MUST gt_err_t *gt_grant_take_name(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p);

/**
 * What a provider may be told of whose session is to end there: login_hint of the id_token of the
 * last sign-in.
 * @param hint  NULL: it had none, or cannot be opened
 * @param id    of the grant's row
 */
GT_MUST gt_err_t *gt_grant_logout_hint(const char **hint, const char *id, const gt_owner_t *owner,
                                       gt_store_t *store, apr_pool_t *p);

/** Days for which the ends of tokens are counted. */
#define GT_END_DAYS 30

/** Sums over a store. */
typedef struct gt_grant_stats_t {
    apr_int64_t total, active, inactive, needs_user, expired, expiring_soon, refresh_failures;
    apr_int64_t ends[GT_END_DAYS]; /* tokens of active grants that end today, tomorrow, … */
    apr_int64_t today;             /* days since 1970 by UTC, by the database's clock */
    apr_interval_time_t age;       /* since the part was counted that was counted longest ago */
    int is_whole; /* 0: some parts were never counted, and are missing in the sums */
} gt_grant_stats_t;

/** The store is counted in so many parts, by id; numbers from 0. */
#define GT_COUNT_PARTS 16

/** Add up what was counted: one small statement. */
GT_MUST gt_err_t *gt_grant_stats(gt_grant_stats_t *stats, gt_store_t *store, apr_pool_t *p);

/** Count a part: one walk through a sixteenth of an index. @param margin "expiring soon" is within
 * this span */
GT_MUST gt_err_t *gt_grant_count(gt_store_t *store, int part, apr_interval_time_t margin,
                                 apr_pool_t *p);

/** Tokens that a cache must forget. */
typedef struct gt_change_t {
    gt_owner_t owner;
    apr_int64_t stale; /* tokens of generations up to this one */
} gt_change_t;

/** Most changes that gt_grant_changes gives. */
#define GT_CHANGES_MAX 20000

/**
 * Grants that changed or went within `span`, by the database's clock: array of gt_change_t.
 * Stateless, so any process of any node may ask, and spans may overlap.
 */
GT_MUST gt_err_t *gt_grant_changes(apr_array_header_t **changes, gt_store_t *store,
                                   apr_interval_time_t span, apr_pool_t *p);

/** Rows of each kind that one gt_grant_purge drops at most. */
#define GT_PURGE_MAX 500

/** Drop access tokens of other resources whose time is over, and notes of deletions that every
 * node has read.
 * @param more  out; 1: there may be others, to be dropped by another call */
GT_MUST gt_err_t *gt_grant_purge(int *more, gt_store_t *store, apr_pool_t *p);

/* ---- the lease: the right to refresh, in the grant's own row ---- */

/** The holder of a lease that is to be taken, and its span. */
typedef struct gt_lease_params_t {
    const char *holder;
    apr_interval_time_t lease;
    const char *dead; /* a holder known to be dead, whose lease may be taken over now; or NULL */
} gt_lease_params_t;

/**
 * Take the right to refresh a grant, if it is free, and with it state the intent to spend its
 * refresh token. One UPDATE; safe against any thread, child, node; judged by the database's clock.
 * A lease that ran out with its intent open is not free at once: gt_lease_doubt.
 * @param ours  1: we hold it for the span in `params`; 0: another holder does, or the generation
 * moved on.
 *              1 with an error: it may be ours, since the answer was lost; gt_lease_end then
 */
GT_MUST gt_err_t *gt_lease_take(int *ours, gt_store_t *store, const gt_grant_t *grant,
                                const gt_lease_params_t *params, apr_pool_t *p);

/** An intent whose lease ran out: its holder may have the answer in its journal. Give it `lease`
 * from now (not from its own end: the database may have been away); then the lease is free. Changes
 * nothing when there is no such intent, or it was done before. */
GT_MUST gt_err_t *gt_lease_doubt(gt_store_t *store, const gt_grant_t *grant,
                                 apr_interval_time_t lease, apr_pool_t *p);

/** Hold it for `lease` from now. @param ours 0: it is another holder's, or the generation moved on;
 * 1 with an error: it may be ours still */
GT_MUST gt_err_t *gt_lease_renew(int *ours, gt_store_t *store, const gt_grant_t *grant,
                                 const gt_lease_params_t *params, apr_pool_t *p);

/**
 * Give it back when it is still ours: this holder's, for this generation.
 * @param grant       only owner and generation are read
 * @param is_resting  1: leave it to end by itself, without its intent: the outcome of the POST is
 * not known, and no answer will come
 */
GT_MUST gt_err_t *gt_lease_end(gt_store_t *store, const gt_grant_t *grant, const char *holder,
                               int is_resting, apr_pool_t *p);

/** Grants that are waited for, at most so many a statement. */
#define GT_AWAITED_MAX 8

/** A grant that another process refreshes. */
typedef struct gt_awaited_t {
    gt_owner_t owner;
    apr_int64_t generation;   /* seen by the task that waits */
    int has_changed;          /* out: it moved on, is gone, or its lease is free */
    const char *intent_owner; /* out, or NULL */
} gt_awaited_t;

/** Look at `n` ≤ GT_AWAITED_MAX grants of a store with one statement. */
GT_MUST gt_err_t *gt_lease_look(gt_awaited_t *watched, int n, gt_store_t *store, apr_pool_t *p);

#endif
