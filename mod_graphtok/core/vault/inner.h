/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_VAULT_INNER_H
#define GT_VAULT_INNER_H

/**
 * @file inner.h
 * Private to vault/: declarations that its files share.
 */

#include <stdatomic.h>

#include <apr_hash.h>

#include "base/clock.h"
#include "vault/vault.h"

typedef struct gt_usage_t gt_usage_t;
typedef struct gt_recent_t gt_recent_t;
typedef struct gt_watch_t gt_watch_t;
typedef struct gt_give_backs_t gt_give_backs_t;

struct gt_vault_t {
    gt_vault_parts_t parts;
    apr_hash_t *stores;    /* by name, never changed after gt_vault_make */
    apr_hash_t *surveys;   /* of gt_survey_t by the store's name, never changed after it */
    apr_hash_t *providers; /* by name, never changed after gt_vault_make */
    gt_usage_t *usage;
    gt_recent_t *recent;
    gt_watch_t *watch;
    gt_limits_t *rests; /* what is left alone for a while: the server's, else our own */
    gt_give_backs_t *give_backs;
    atomic_int is_ending; /* no refresh is begun any more */
    apr_hash_t *upkeeps;  /* gt_upkeep_t by the store's name, never changed after gt_vault_make */
    char replayed[256];   /* the journal's entry where the last round ended; replay's thread only */
};

/** The state of periodic work for one store; each member belongs to one periodic function. */
typedef struct gt_upkeep_t {
    gt_store_t *store;
    gt_pause_t changes, purge, replay; /* after failures */
    int purge_goes_on;                 /* 1: the last purge left some for the next round */
} gt_upkeep_t;

/** One text for a grant: no two grants have the same, whatever their names hold. */
char *gt_vault_key(const gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p);

/** Keep in shared memory that this grant is its owner's. */
void gt_known_keep(const gt_vault_t *vault, const gt_store_t *store, const gt_grant_t *grant,
                   apr_pool_t *p);

/** Forget it, in every process of this machine. */
void gt_known_forget(const gt_vault_t *vault, const gt_store_t *store, const gt_owner_t *owner,
                     apr_pool_t *p);

/** A row whose token serves for `least` µs from now at least. */
int gt_grant_serves(const gt_grant_t *grant, apr_interval_time_t least);

/** How long before its end a token is refreshed: as configured, but not in the first half of its
 * life, since where tokens are short that would be at every use; GT_TOKEN_LEAST at least.
 * @param since  when the provider gave it; 0: nobody knows */
apr_interval_time_t gt_vault_margin(const gt_vault_t *vault, apr_time_t expires_at,
                                    apr_time_t since);

/** The same for the token of a row. */
apr_interval_time_t gt_grant_margin(const gt_vault_t *vault, const gt_grant_t *grant);

/** A token that ends sooner than this is not handed out: a call takes time. */
#define GT_TOKEN_LEAST apr_time_from_sec(10)

/** GT_OK when a grant (NULL: none) may be refreshed, else GT_SIGN_IN or GT_INTERACTION. */
GT_MUST gt_err_t *gt_vault_judge(const gt_grant_t *grant, const gt_owner_t *owner, apr_pool_t *p);

/* ---- usage.c ---- */

/** Counts of uses that are not written yet. Thread-safe. */
gt_usage_t *gt_usage_make(apr_pool_t *p);

/** 1: a whole statement's worth waits, or anything for ten seconds. */
int gt_usage_is_due(gt_usage_t *usage);

/** Write what was noted, for `span` µs at most; the rest stays noted. */
void gt_usage_write(gt_usage_t *usage, apr_interval_time_t span, apr_pool_t *scratch);

/* ---- recent.c ---- */

/**
 * Refreshes that failed a moment ago, so that a herd behind an expired token does not become a
 * herd at the provider. Of this child, bounded; a forgotten one costs one call. Thread-safe.
 */
gt_recent_t *gt_recent_make(apr_pool_t *p);

/** What failed: a grant (gt_vault_key) as it was then. Whatever became of the next generation,
 * elsewhere perhaps, this failure says nothing about it. */
typedef struct gt_recent_key_t {
    const char *grant;
    apr_int64_t generation;
} gt_recent_key_t;

/** Remember a failure for `span` µs; the failure says so from now on (retry_after). */
void gt_recent_note(gt_recent_t *recent, const gt_recent_key_t *key, gt_err_t *err,
                    apr_interval_time_t span);

/** The same for a provider that is down: longer with each failure in a row, 1 to 30 s. */
void gt_recent_back_off(gt_recent_t *recent, const gt_recent_key_t *key, gt_err_t *err);

/** The failure remembered for a key, with the time left as retry_after, or GT_OK. */
GT_MUST gt_err_t *gt_recent_failure(gt_recent_t *recent, const gt_recent_key_t *key, apr_pool_t *p);

/** Forget a grant's failure: it has new tokens. */
void gt_recent_forget(gt_recent_t *recent, const char *grant);

/* ---- watch.c ---- */

/** A refresh that somebody else does, waited for. Lies in the waiting job's memory. */
typedef struct gt_waiting_t {
    gt_store_t *store;
    gt_owner_t owner;
    apr_int64_t generation; /* that we know */
    gt_bell_t bell;
    int looks;
    apr_time_t look_at; /* gt_mono of the next look at the row */
    struct gt_waiting_t *next;
} gt_waiting_t;

/** One reader for all grants that this child waits for. */
gt_watch_t *gt_watch_make(gt_vault_t *vault, apr_pool_t *p);

/** End its thread; the bell of each task that waits, now or later, rings at once. */
void gt_watch_stop(gt_watch_t *watch);

/** Have the bell rung when there is news of the grant. */
void gt_watch_join(gt_watch_t *watch, gt_waiting_t *waiting);

/** No ring comes after this returns. */
void gt_watch_leave(gt_watch_t *watch, gt_waiting_t *waiting);

/* ---- news.c ---- */

/** A crew's periodic function: caches forget changed grants, and expired rows are deleted. */
void gt_news_read(void *baton, apr_pool_t *scratch);

/** By the store's name; NULL: it is not configured. */
gt_upkeep_t *gt_upkeep_find(const gt_vault_t *vault, const char *store);

/** Note how periodic work for a store ended: a failure pauses it and is logged, once in five
 * minutes.
 * @param what  for the log: "looking for …" */
void gt_upkeep_note(gt_vault_t *vault, gt_store_t *store, gt_pause_t *pause, const char *what,
                    const gt_err_t *err);

/* ---- replay.c ---- */

/** A crew's periodic function: store the entries of the journal. */
void gt_replay_all(void *baton, apr_pool_t *scratch);

/** Store one owner's entries of the journal, before a refresh.
 * @param count  out: how many were stored or dropped
 * @return a failure of the database, after which no refresh may begin */
GT_MUST gt_err_t *gt_replay_owner(int *count, gt_vault_t *vault, gt_store_t *store,
                                  const gt_owner_t *owner, apr_pool_t *p);

/* ---- rest.c ---- */

/** The server's limits, or of this process alone where there are none (the command line). */
gt_limits_t *gt_rest_make(const gt_vault_parts_t *parts, apr_pool_t *p);

/** Whom a token request concerns. */
typedef struct gt_rest_t {
    const char *provider;
    const char *tenant; /* gt_provider_tenant; NULL: not known */
} gt_rest_t;

/** After a failure that concerns more than one user (throttled, our client not accepted) no child
 * asks the provider for a while, or none asks it for users of that tenant. `err` says how long from
 * now on (retry_after). */
void gt_rest_note(gt_vault_t *vault, const gt_rest_t *whom, gt_err_t *err);

/** GT_OK, or why the provider is not asked. */
GT_MUST gt_err_t *gt_rest_check(gt_vault_t *vault, const gt_rest_t *whom, apr_pool_t *p);

/* ---- discard.c ---- */

/** Start to have the provider revoke a grant that this server must not keep. Does nothing where the
 * provider has no endpoint for it. A failure is logged (GT0676).
 * @param token  its refresh token, else an access token, copied; NULL: there is none */
void gt_discard(gt_vault_t *vault, gt_provider_t *provider, const gt_secret_t *token,
                apr_pool_t *p);

/* ---- refresh.c ---- */

/** What a refresh is asked with. */
typedef struct gt_refresh_ask_t {
    gt_vault_t *vault;
    gt_store_t *store;
    gt_owner_t owner;
    const gt_asker_t *asker; /* who was first to ask, or NULL */
    int refresh_now;         /* 1: the token of generation `refused` does not count */
    apr_int64_t refused;
} gt_refresh_ask_t;

/** A job of the crew. What it leaves is `token`: fresh, or what is still valid while somebody else
 * refreshes. */
typedef struct gt_refresh_t {
    gt_refresh_ask_t ask;
    gt_cached_t token;  /* out; access NULL: failed */
    const char *holder; /* of the lease: this very job */
    apr_pool_t *round;  /* holds `grant`, cleared at each look */
    gt_grant_t *grant;
    gt_grant_t held; /* owner and generation of the lease */
    gt_token_ask_t post;
    apr_time_t posted;     /* ticks: when the POST began */
    gt_err_t *failure;     /* of the POST */
    apr_time_t until;      /* ticks: patience with the other holder, later with the store */
    apr_time_t confirm_at; /* ticks: a refusal is asked for once more; 0: there was none */
    gt_waiting_t waiting;
    int is_waiting; /* 1: with the watch */
    int commits;    /* tries that found the store away */
    int has_lease;  /* 1: we hold it, or may hold it: the answer to taking it was lost */
    int is_open;    /* 1: the POST may have spent the refresh token, and nothing is stored */
    int has_answer; /* 1: and we hold what it gave */
    int may_journal;
} gt_refresh_t;

extern const gt_work_t gt_refresh;

/** gt_job_init_fn of gt_refresh; `ask` is a gt_refresh_ask_t. */
void *gt_refresh_init(const void *ask, apr_pool_t *p);

/* ---- give_back.c ---- */

/** Leases of this child whose end could not be written, 1,000 at most. Thread-safe. */
gt_give_backs_t *gt_give_backs_make(apr_pool_t *p);

/** Keep the lease of an ended refresh, to end it when the database is back.
 * @param err  why it could not be ended
 * @return 0 when the failure will not pass or there is no room: the lease runs out by itself */
int gt_give_back_later(const gt_refresh_t *refresh, const gt_err_t *err);

/** A crew's periodic function, with the vault as its baton: try to end the kept leases. */
void gt_give_back(void *baton, apr_pool_t *scratch);

#endif
