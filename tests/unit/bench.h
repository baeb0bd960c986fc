/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_BENCH_H
#define GT_TEST_BENCH_H

/*
 * A workbench for tests with a database: an empty one of either engine, connections to it, a
 * keyring. Tests loop over the engines: bench_engines() is 2 when GRAPHTOK_TEST_PGSQL is set
 * (tests/unit/with_pgsql does), else 1, and loop 0 is SQLite.
 */

#include <check.h>

#include "base/err.h"
#include "conf/config.h"
#include "crypt/keyring.h"
#include "db/db.h"
#include "store/range.h"
#include "store/store_ladder.h"

typedef struct bench_t {
    apr_pool_t *pool;
    gt_engine_t engine;
    const char *folder; /* temporary */
    const char *driver;
    const char *params; /* of the empty database */
    gt_db_t *db;
    gt_store_conf_t *conf; /* user_tokens, user_id, text, AES-256-GCM */
    gt_keyring_t *ring;    /* AES key "new" first, then the Fernet key of S0's rows */
} bench_t;

/* The Fernet key of BENCH_S0_ROWS, as Fernet.generate_key() of Python's cryptography gave it. */
#define BENCH_FERNET_KEY "VOoMX9FEJrDoJr71Rdc9wJNTxMMOu9emH1fiMWSMTRw="

int bench_engines(void);

bench_t *bench_open(int loop);
void bench_close(bench_t *bench);

/* Another access to the same database, with a connection of its own. */
gt_db_t *bench_db(bench_t *bench, const char *more_params);

/* Run SQL, which must pass; or answer the first column of the first row, NULL when there is
 * none. */
void bench_run(bench_t *bench, const char *sql);
const char *bench_ask(bench_t *bench, const char *sql);

/* The ladder of the bench's store, as its configuration is now. */
gt_ladder_t *bench_ladder(bench_t *bench);

/* Bring the bench's store up to `target`. */
void bench_migrate(bench_t *bench, int target);

/* Bring the tables of its mail to `target`; switches GraphTokMailSync on. */
void bench_mail(bench_t *bench, int target);

/* The same of the tables of change notifications; switches GraphTokSubscribe on. */
void bench_hooks(bench_t *bench, int target);

/* Make the store's table one that is partitioned by a hash of the user, as docs/operating.md says
 * it. PostgreSQL only. */
void bench_partition(bench_t *bench);

/* S0's own table with two users, tom and ann: Fernet texts that Python's cryptography wrote. */
void bench_s0_table(bench_t *bench);

/* The first range of a store: a small one's only one. */
gt_range_t bench_range(gt_store_t *store, apr_pool_t *p);

/* GT_OK, or the test fails with the error's text. */
void bench_ok(gt_err_t *err);
/* An error of this tag. */
void bench_tag(gt_err_t *err, const char *tag);

#endif
