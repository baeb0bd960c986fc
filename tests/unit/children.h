/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_CHILDREN_H
#define GT_TEST_CHILDREN_H

/*
 * Vaults at work: two "children", each with what a child of httpd has (loop, crew, vault, its own
 * connection), which share a database, a cache and a provider that rotates. The user is tom.
 */

#include <stdatomic.h>

#include "aside.h"
#include "bench.h"
#include "db/handle.h"
#include "fake_provider.h"
#include "patience.h"
#include "net/loop.h"
#include "relay.h"
#include "task/wait.h"
#include "vault/changes.h"
#include "vault/vault_struct.h"
#include "vault/refresh.h"
#include "vault/replay.h"

#define LIMIT PATIENCE
#define SECONDS(n) apr_time_from_sec(n)
#define ADA "00000000-0000-0000-0000-00000000ada0"

typedef struct child_t {
    gt_db_source_t real;
    atomic_int away; /* so many acquires fail from now on */
    /* Called before each, when there is one; on any thread. */
    void (*_Atomic acquires)(void);
    gt_loop_t *loop;
    gt_crew_t *crew;
    gt_vault_t *vault;
    gt_store_t *store;
} child_t;

extern apr_pool_t *pool; /* the test's */
extern bench_t *bench;
extern fake_t *fake;
extern gt_config_t *config;
extern gt_cache_t *cache;
extern child_t child[2];
extern relay_t *relay; /* in its own cases */
extern const gt_owner_t tom;
extern const gt_token_key_t toms; /* his token in store main */

/* Add a case on SQLite, or on PostgreSQL where bench_engines() says so. */
TCase *children_case(Suite *suite, const char *name, gt_engine_t engine);

/* The same on PostgreSQL, with a relay between child[0] and the server, and a limit on answers.
 * Only where bench_engines() is 2. */
TCase *children_case_on_relay(Suite *suite, const char *name);
#define ANSWER_LIMIT apr_time_from_msec(300)

/* tom's row now, NULL: none. */
gt_grant_t *row(void);

/* A grant whose access token at-0, of an hour or more, ends in `seconds`; rt-0 is what the provider
 * expects. */
void sign_in_row(const gt_owner_t *owner, int seconds);

/* Ask for a token. */
gt_token_for_t ask_of(child_t *c);
gt_err_t *ask(gt_token_for_t *what, child_t *c);

/* Ask child `c` for tom's token: it gives this one; or fails so. */
void gives(child_t *c, const char *wanted);
gt_err_t *fails(child_t *c, gt_class_t cls, const char *tag);
gt_err_t *error_of(child_t *c);

/* 1 when the cache has this token of tom's. */
int is_cached(const char *wanted);

/* A caller that asks on a thread of its own; its token, or the tag of its error. */
typedef struct asker_t {
    aside_t aside;
    child_t *child;
    char token[16];
} asker_t;

void start_asker(asker_t *asker, child_t *c);
const char *answer_of(asker_t *asker);

/* Both children use this journal, in a folder of the test's, from now on. */
gt_journal_t *share_journal(void);

/* tom's answer at-1, rt-1 to a refresh of this generation, in the journal for a store. */
void put_answer(gt_journal_t *journal, const char *store, apr_int64_t generation);

/* A vault of a store beta, which was not migrated, and then main; no crew, no periodic work. */
gt_vault_t *vault_with_beta(gt_crew_t *crew);
extern const char *beta_table;

/* Revoke, on child `c`. */
gt_err_t *revoke_tom(child_t *c, int *had_grant);

#endif
