/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The workbench of bench.h. A PostgreSQL database is made "empty" by a schema of its own. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "base/secret.h"
#include "bench.h"
#include "db/handle.h"
#include "store/hook_ladder.h"
#include "store/mail_ladder.h"
#include "store/store_ladder.h"

#define SCHEMA "bench"

int bench_engines(void)
{
    return getenv("GRAPHTOK_TEST_PGSQL") != NULL ? 2 : 1;
}

gt_range_t bench_range(gt_store_t *store, apr_pool_t *p)
{
    gt_range_t range;
    int found;

    gt_range_begin(&range, store);
    bench_ok(gt_range_next(&found, &range, p));
    ck_assert_int_eq(found, 1);
    return range;
}

void bench_ok(gt_err_t *err)
{
    if (err != GT_OK)
        ck_abort_msg("%s: %s", err->tag, err->detail);
}

void bench_tag(gt_err_t *err, const char *tag)
{
    ck_assert_ptr_nonnull(err);
    if (strcmp(err->tag, tag) != 0)
        ck_abort_msg("%s wanted, not %s: %s", tag, err->tag, err->detail);
}

static gt_db_t *open_db(bench_t *bench, const char *params)
{
    const gt_db_limits_t limits = {1, apr_time_from_sec(5), 0};
    gt_db_source_t source;

    bench_ok(gt_handle_source(&source, bench->driver, params, bench->pool));
    return gt_db_make(&source, &limits, bench->pool);
}

gt_db_t *bench_db(bench_t *bench, const char *more_params)
{
    return open_db(bench, apr_pstrcat(bench->pool, bench->params, more_params, NULL));
}

static void empty_schema(bench_t *bench, const char *params)
{
    bench->db = open_db(bench, params);
    bench_run(bench, "SET client_min_messages = warning");
    bench_run(bench, "DROP SCHEMA IF EXISTS " SCHEMA " CASCADE");
    bench_run(bench, "CREATE SCHEMA " SCHEMA);
}

static void make_ring(bench_t *bench)
{
    static const char text[] = "new any MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
                               "s0 any " BENCH_FERNET_KEY "\n";

    bench_ok(gt_keyring_parse(&bench->ring, gt_secret_from(text, bench->pool), bench->pool));
}

bench_t *bench_open(int loop)
{
    const char *conninfo = getenv("GRAPHTOK_TEST_PGSQL");
    apr_pool_t *pool;
    bench_t *bench;
    char *folder;

    apr_pool_create(&pool, NULL);
    bench = apr_pcalloc(pool, sizeof *bench);
    bench->pool = pool;
    folder = apr_pstrdup(pool, "/tmp/graphtok-bench-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    bench->folder = folder;
    bench->engine = loop == 0 ? GT_SQLITE : GT_PGSQL;
    bench->driver = loop == 0 ? "sqlite3" : "pgsql";
    if (loop == 0) {
        bench->params = apr_pstrcat(pool, folder, "/tokens.db", NULL);
    }
    else {
        empty_schema(bench, conninfo);
        bench->params =
            apr_pstrcat(pool, conninfo, " options='-c search_path=" SCHEMA ",public'", NULL);
    }
    bench->db = open_db(bench, bench->params);
    bench->conf = gt_store_conf_default("main", pool);
    make_ring(bench);
    return bench;
}

void bench_close(bench_t *bench)
{
    static const char *const files[] = {"tokens.db", "tokens.db-wal", "tokens.db-shm", "socket"};
    char *folder = strdup(bench->folder);
    apr_size_t i;

    apr_pool_destroy(bench->pool);
    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];

        apr_snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
    free(folder);
}

void bench_run(bench_t *bench, const char *sql)
{
    apr_array_header_t *texts = apr_array_make(bench->pool, 1, sizeof(const char *));

    APR_ARRAY_PUSH(texts, const char *) = sql;
    bench_ok(gt_db_script(bench->db, texts, bench->pool));
}

const char *bench_ask(bench_t *bench, const char *sql)
{
    apr_array_header_t *rows;

    bench_ok(gt_db_literal_rows(&rows, bench->db, sql, bench->pool));
    return rows->nelts == 0 ? NULL : APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0];
}

gt_ladder_t *bench_ladder(bench_t *bench)
{
    gt_ladder_t *ladder;

    bench_ok(gt_store_ladder(&ladder, bench->conf, bench->pool));
    return ladder;
}

static void go(bench_t *bench, const gt_ladder_t *ladder, int target)
{
    apr_array_header_t *plan;
    int version, i;

    bench_ok(gt_ladder_version(&version, ladder, bench->db, bench->pool));
    bench_ok(gt_ladder_plan(&plan, ladder, bench->db, target, bench->pool));
    for (i = 0; i < plan->nelts; i++)
        bench_ok(gt_ladder_apply(&APR_ARRAY_IDX(plan, i, gt_migration_t), ladder, target > version,
                                 bench->db, bench->pool));
}

void bench_migrate(bench_t *bench, int target)
{
    go(bench, bench_ladder(bench), target);
}

void bench_mail(bench_t *bench, int target)
{
    bench->conf->mail_sync = 1;
    go(bench, gt_side_ladder(&gt_mail_ladder, bench->conf, bench->pool), target);
}

void bench_hooks(bench_t *bench, int target)
{
    bench->conf->subscribe = "calendar mail";
    go(bench, gt_side_ladder(&gt_hook_ladder, bench->conf, bench->pool), target);
}

void bench_partition(bench_t *bench)
{
    bench_run(bench, "ALTER TABLE user_tokens RENAME TO user_tokens_whole");
    bench_run(bench, "CREATE TABLE user_tokens (LIKE user_tokens_whole INCLUDING DEFAULTS, "
                     "PRIMARY KEY (user_id, provider)) PARTITION BY HASH (user_id)");
    for (int i = 0; i < 4; i++)
        bench_run(bench, apr_psprintf(bench->pool,
                                      "CREATE TABLE user_tokens_p%d PARTITION OF user_tokens "
                                      "FOR VALUES WITH (MODULUS 4, REMAINDER %d)",
                                      i, i));
    bench_run(bench, "INSERT INTO user_tokens SELECT * FROM user_tokens_whole");
    bench_run(bench, "SET client_min_messages = warning");
    bench_run(bench, "DROP TABLE user_tokens_whole CASCADE");
    bench_run(bench, "ALTER TABLE user_tokens_access ADD FOREIGN KEY (user_id, provider) "
                     "REFERENCES user_tokens ON DELETE CASCADE");
    bench_run(bench, "ALTER TABLE user_tokens_sessions ADD FOREIGN KEY (user_id, provider) "
                     "REFERENCES user_tokens ON DELETE CASCADE");
    bench_run(bench, "ALTER TABLE user_tokens_history ADD FOREIGN KEY (user_id, provider) "
                     "REFERENCES user_tokens ON DELETE CASCADE");
    bench_migrate(bench, gt_store_newest());
}

/* The document's own DDL on PostgreSQL; what SQLAlchemy emits for the same model on SQLite. */
void bench_s0_table(bench_t *bench)
{
    static const char *const ddl[GT_ENGINES] = {
        [GT_PGSQL] = "CREATE TABLE user_tokens (\n"
                     "    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),\n"
                     "    user_id VARCHAR UNIQUE NOT NULL,\n"
                     "    encrypted_access_token TEXT NOT NULL,\n"
                     "    encrypted_refresh_token TEXT NOT NULL,\n"
                     "    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,\n"
                     "    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),\n"
                     "    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()\n"
                     ")",
        [GT_SQLITE] = "CREATE TABLE user_tokens (\n"
                      "\tid CHAR(32) NOT NULL, \n"
                      "\tuser_id VARCHAR NOT NULL, \n"
                      "\tencrypted_access_token TEXT NOT NULL, \n"
                      "\tencrypted_refresh_token TEXT NOT NULL, \n"
                      "\texpires_at DATETIME NOT NULL, \n"
                      "\tcreated_at DATETIME DEFAULT (CURRENT_TIMESTAMP), \n"
                      "\tupdated_at DATETIME DEFAULT (CURRENT_TIMESTAMP), \n"
                      "\tPRIMARY KEY (id), \n"
                      "\tUNIQUE (user_id)\n"
                      ")"};
    static const char *const zone[GT_ENGINES] = {[GT_PGSQL] = "+00", [GT_SQLITE] = ""};

    bench_run(bench, ddl[bench->engine]);
    bench_run(
        bench,
        apr_psprintf(
            bench->pool,
            "INSERT INTO user_tokens (id, user_id, encrypted_access_token, "
            "encrypted_refresh_token, expires_at) VALUES "
            "('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a71', 'tom', "
            "'gAAAAABrAUwYJOGXE9Mi72ybVnJkQS4byiSql2N0vpV7GM1KKme3wBPrbb6mnccF1olsHUTFsH8HripLK4m"
            "tHgQVTrs8n79xp1-kTtiKEDX7p-2zyS6iQPg=', "
            "'gAAAAABrAUwYq_qX45xnyduT6iC43VrSe24MZRmyfF_HRBg1S7_FDcYfMASFfzX4Fdi3XS_4DTDPZJg1ecO"
            "Yac2QEY5i_Dd4Zfrem4xrslL8c2hvys0bEEU=', "
            "'2026-11-21 08:30:15.250000%s'), "
            "('1b6a3f6c0c4e4b5f8f2f7b1c9d3e5a72', 'ann', "
            "'gAAAAABrAUwYow3c4U-0IghEHfodDVdTlv55KbZbFkStpUieWE6mZR7lVPizeL5dahaWH1dOr-TtTuU4ceN"
            "-093NrD4BUFWXhQ==', "
            "'gAAAAABrAUwYk5mXGCH_R96e8VsujjgBkXhivaFHVUHpzqqVxVhqx7LO1NhqTGyoxUwfqbwqngCn-3OPXsK"
            "1QOQ9wIM890Vo-A==', "
            "'2026-11-21 08:30:15%s')",
            zone[bench->engine], zone[bench->engine]));
}
