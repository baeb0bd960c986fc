/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The steps of a store's ladder on both engines: new tables, S0's table taken over and given
 * back. */

#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "bench.h"
#include "store/store_ladder.h"
#include "store/grant.h"

Suite *suite_migrate(void);

static int version_of(bench_t *bench)
{
    int version = -1;

    bench_ok(gt_ladder_version(&version, bench_ladder(bench), bench->db, bench->pool));
    return version;
}

static gt_err_t *plan_to(bench_t *bench, int target)
{
    apr_array_header_t *plan;
    gt_ladder_t *ladder;

    GT_TRY(gt_store_ladder(&ladder, bench->conf, bench->pool));
    return gt_ladder_plan(&plan, ladder, bench->db, target, bench->pool);
}

/* Down one step, which must fail. */
static gt_err_t *step_down(bench_t *bench)
{
    apr_array_header_t *plan;

    bench_ok(
        gt_ladder_plan(&plan, bench_ladder(bench), bench->db, version_of(bench) - 1, bench->pool));
    return gt_ladder_apply(&APR_ARRAY_IDX(plan, 0, gt_migration_t), bench_ladder(bench), 0,
                           bench->db, bench->pool);
}

/* Every column of S0, of every row, as one text. */
static const char *s0_rows(bench_t *bench)
{
    apr_array_header_t *rows;
    const char *all = "";
    int r, c;

    bench_ok(gt_db_literal_rows(&rows, bench->db,
                                "SELECT id, user_id, encrypted_access_token, "
                                "encrypted_refresh_token, expires_at, created_at, updated_at "
                                "FROM user_tokens ORDER BY user_id",
                                bench->pool));
    for (r = 0; r < rows->nelts; r++)
        for (c = 0; c < 7; c++)
            all = apr_pstrcat(bench->pool, all, APR_ARRAY_IDX(rows, r, gt_db_row_t).column[c], "|",
                              NULL);
    return all;
}

/* Names of the table's columns, sorted. */
static const char *columns(bench_t *bench)
{
    return bench_ask(bench, bench->engine == GT_PGSQL
                                ? "SELECT string_agg(attname, ' ' ORDER BY attname COLLATE \"C\") "
                                  "FROM pg_attribute WHERE attrelid = 'user_tokens'::regclass "
                                  "AND attnum > 0 AND NOT attisdropped"
                                : "SELECT group_concat(name, ' ') FROM (SELECT name FROM "
                                  "pragma_table_info('user_tokens') ORDER BY name)");
}

#define S0_COLUMNS                                                                                 \
    "created_at encrypted_access_token encrypted_refresh_token expires_at id updated_at user_id"
#define ALL_COLUMNS                                                                                \
    "account_issuer account_subject account_tenant checked_at claims created_at "                  \
    "due_after email encrypted_access_token encrypted_id_token "                                   \
    "encrypted_refresh_token error_count error_message expires_at generation id "                  \
    "intent_owner intent_until key_id last_used_at lease_owner lease_until "                       \
    "provider refused_generation refused_passwords refused_until revision scopes status "          \
    "token_type updated_at use_count user_id"

static gt_err_t *try_insert(bench_t *bench, const char *id, const char *user, const char *more)
{
    apr_array_header_t *texts = apr_array_make(bench->pool, 1, sizeof(const char *));

    APR_ARRAY_PUSH(texts, const char *) = apr_psprintf(
        bench->pool,
        "INSERT INTO user_tokens (id, user_id, encrypted_access_token, encrypted_refresh_token, "
        "expires_at%s) VALUES ('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a%s', '%s', 'a', '', "
        "'2026-11-21 08:30:15'%s)",
        more[0] != '\0' ? ", provider" : "", id, user, more);
    return gt_db_script(bench->db, texts, bench->pool);
}

START_TEST(test_T16_a_new_table_has_a_row_per_user_and_provider)
{
    bench_t *bench = bench_open(_i);

    ck_assert_int_eq(version_of(bench), 0);
    bench_migrate(bench, gt_store_newest());
    ck_assert_int_eq(version_of(bench), gt_store_newest());
    ck_assert_str_eq(columns(bench), ALL_COLUMNS);
    bench_ok(try_insert(bench, "01", "tom", ""));
    bench_ok(try_insert(bench, "02", "tom", ", 'google'"));
    bench_tag(try_insert(bench, "03", "tom", ", 'microsoft'"), "GT0406");
    bench_tag(try_insert(bench, "01", "ann", ""), "GT0406");
    bench_close(bench);
}
END_TEST

START_TEST(test_T16_indexes_are_there)
{
    static const char *const wanted[] = {"account",     "email",       "expires",    "revision",
                                         "access_end",  "address",     "session_id", "session_sid",
                                         "session_end", "session_over"};
    bench_t *bench = bench_open(_i);
    apr_size_t i;

    bench_migrate(bench, gt_store_newest());
    for (i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        ck_assert_ptr_nonnull(bench_ask(
            bench, apr_psprintf(bench->pool,
                                bench->engine == GT_PGSQL
                                    ? "SELECT 1 FROM pg_indexes WHERE schemaname = 'bench' AND "
                                      "indexname = 'user_tokens_%s'"
                                    : "SELECT 1 FROM sqlite_master WHERE type = 'index' AND "
                                      "name = 'user_tokens_%s'",
                                wanted[i])));
    bench_close(bench);
}
END_TEST

START_TEST(test_T15_an_S0_table_is_taken_over_with_its_rows)
{
    bench_t *bench = bench_open(_i);
    const gt_owner_t tom = {"tom", "microsoft"};
    gt_store_t *store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
    gt_grant_t *grant;
    const char *before;

    bench_s0_table(bench);
    before = s0_rows(bench);
    ck_assert_ptr_nonnull(strstr(before, "gAAAAA"));
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_eq(s0_rows(bench), before);
    ck_assert_str_eq(columns(bench), ALL_COLUMNS);
    bench_ok(gt_grant_find(&grant, store, &tom, bench->pool));
    ck_assert_ptr_nonnull(grant);
    ck_assert(
        gt_secret_equal(grant->access, gt_secret_from("tom access token of S0", bench->pool)));
    ck_assert(
        gt_secret_equal(grant->refresh, gt_secret_from("tom refresh token of S0", bench->pool)));
    ck_assert_int_eq(grant->expires_at, apr_time_from_sec(1795249815));
    ck_assert_int_gt(grant->created_at, apr_time_from_sec(1700000000));
    ck_assert_int_eq(grant->status, GT_ACTIVE);
    ck_assert_int_eq(grant->generation, 1);
    ck_assert_str_eq(grant->account.subject, "");
    ck_assert_str_eq(grant->key_id, "");
    ck_assert_ptr_null(grant->lease_owner);
    bench_ok(try_insert(bench, "02", "tom", ", 'google'"));
    bench_tag(try_insert(bench, "03", "tom", ", 'microsoft'"), "GT0406");
    bench_close(bench);
}
END_TEST

/* Without statistics PostgreSQL takes a column that was added for one of which a third is news. */
START_TEST(a_table_that_is_taken_over_has_statistics)
{
    bench_t *bench = bench_open(1);

    bench_s0_table(bench);
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM pg_stats WHERE "
                                      "tablename = 'user_tokens' AND attname = 'revision'"),
                     "1");
    bench_close(bench);
}
END_TEST

START_TEST(test_T15_down_and_up_again_keeps_every_row)
{
    bench_t *bench = bench_open(_i);
    const char *before;
    int round;

    bench_s0_table(bench);
    before = s0_rows(bench);
    for (round = 0; round < 2; round++) {
        bench_migrate(bench, gt_store_newest());
        ck_assert_str_eq(s0_rows(bench), before);
        bench_migrate(bench, 0);
        ck_assert_int_eq(version_of(bench), 0);
        ck_assert_str_eq(columns(bench), S0_COLUMNS);
        ck_assert_str_eq(s0_rows(bench), before);
        bench_tag(try_insert(bench, "03", "tom", ""), "GT0406");
    }
    bench_close(bench);
}
END_TEST

START_TEST(a_table_of_our_own_goes_when_we_go)
{
    bench_t *bench = bench_open(_i);
    apr_array_header_t *rows;

    bench_migrate(bench, gt_store_newest());
    bench_migrate(bench, 0);
    bench_tag(gt_db_literal_rows(&rows, bench->db, "SELECT * FROM user_tokens", bench->pool),
              "GT0409");
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_eq(columns(bench), ALL_COLUMNS);
    bench_close(bench);
}
END_TEST

START_TEST(each_step_goes_both_ways)
{
    bench_t *bench = bench_open(_i);
    int step;

    bench_s0_table(bench);
    for (step = 1; step <= gt_store_newest(); step++) {
        bench_migrate(bench, step);
        ck_assert_int_eq(version_of(bench), step);
        bench_migrate(bench, step - 1);
        ck_assert_int_eq(version_of(bench), step - 1);
        bench_migrate(bench, step);
    }
    ck_assert_str_eq(columns(bench), ALL_COLUMNS);
    bench_close(bench);
}
END_TEST

START_TEST(a_plan_says_all_and_does_nothing)
{
    bench_t *bench = bench_open(_i);
    apr_array_header_t *plan;
    const gt_migration_t *step;
    int i;

    bench_s0_table(bench);
    bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, gt_store_newest(), bench->pool));
    ck_assert_int_eq(plan->nelts, gt_store_newest());
    for (i = 0; i < plan->nelts; i++) {
        step = &APR_ARRAY_IDX(plan, i, gt_migration_t);
        ck_assert_int_eq(step->number, i + 1);
        ck_assert_ptr_nonnull(strstr(step->title, "user_tokens"));
        ck_assert_int_gt(step->texts->nelts, 0);
    }
    ck_assert_int_eq(version_of(bench), 0);
    ck_assert_str_eq(columns(bench), S0_COLUMNS);
    bench_migrate(bench, gt_store_newest());
    bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, gt_store_newest(), bench->pool));
    ck_assert_int_eq(plan->nelts, 0);
    bench_close(bench);
}
END_TEST

START_TEST(a_step_that_fails_leaves_all_as_it_was)
{
    bench_t *bench = bench_open(_i);
    gt_err_t *err;

    bench_migrate(bench, 2);
    bench_ok(try_insert(bench, "01", "tom", ""));
    bench_ok(try_insert(bench, "02", "tom", ", 'google'"));
    err = step_down(bench);
    bench_tag(err, "GT0406");
    ck_assert_ptr_nonnull(strstr(err->detail, "step 2 down"));
    ck_assert_int_eq(version_of(bench), 2);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens"), "2");
    ck_assert_str_eq(bench_ask(bench, "SELECT user_id FROM user_tokens WHERE provider = 'google'"),
                     "tom");
    bench_close(bench);
}
END_TEST

START_TEST(a_table_that_is_not_S0s_is_left_alone)
{
    bench_t *bench = bench_open(_i);

    bench_run(bench, "CREATE TABLE user_tokens (id INTEGER, user_id TEXT, token TEXT)");
    bench_tag(plan_to(bench, gt_store_newest()), "GT0416");
    bench->conf->user_column = "teacher_id";
    bench_tag(plan_to(bench, gt_store_newest()), "GT0416");
    bench_close(bench);
}
END_TEST

/* A backup of the table alone: its rows cannot be opened without their ids, nor taken for S0's. */
START_TEST(a_table_without_what_stood_beside_it_is_left_alone)
{
    bench_t *bench = bench_open(_i);

    bench_migrate(bench, gt_store_newest());
    bench_run(bench, "DROP TABLE graphtok_ids");
    bench_run(bench, "DELETE FROM graphtok_schema");
    bench_tag(plan_to(bench, gt_store_newest()), "GT0416");
    bench_run(bench, "DROP TABLE graphtok_schema");
    bench_tag(plan_to(bench, gt_store_newest()), "GT0416");
    bench_tag(plan_to(bench, 1), "GT0416");
    bench_close(bench);
}
END_TEST

START_TEST(columns_of_others_are_never_lost)
{
    bench_t *bench = bench_open(_i);

    bench_s0_table(bench);
    bench_run(bench, "ALTER TABLE user_tokens ADD COLUMN note TEXT DEFAULT 'mine'");
    if (bench->engine == GT_SQLITE) {
        bench_tag(plan_to(bench, gt_store_newest()), "GT0417");
    }
    else {
        bench_migrate(bench, gt_store_newest());
        bench_migrate(bench, 0);
    }
    ck_assert_str_eq(bench_ask(bench, "SELECT note FROM user_tokens WHERE user_id = 'tom'"),
                     "mine");
    bench_close(bench);
}
END_TEST

START_TEST(names_and_targets_are_checked)
{
    static const struct {
        const char *table, *column, *references;
    } bad[] = {
        {"user tokens", "user_id", NULL},
        {"t'; DROP TABLE x; --", "user_id", NULL},
        {"", "user_id", NULL},
        {"user_tokens", "a.b", NULL},
        {"user_tokens", "", NULL},
        {"user_tokens", "user_id", "users"},
        {"user_tokens", "user_id", "users(id); DROP TABLE users"},
    };
    bench_t *bench = bench_open(_i);
    gt_store_conf_t conf = *bench->conf;
    apr_size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bench->conf->table = bad[i].table;
        bench->conf->user_column = bad[i].column;
        bench->conf->references = bad[i].references;
        bench_tag(plan_to(bench, 1), "GT0414");
    }
    *bench->conf = conf;
    bench_tag(plan_to(bench, gt_store_newest() + 1), "GT0418");
    bench_tag(plan_to(bench, -1), "GT0418");
    bench_close(bench);
}
END_TEST

START_TEST(a_newer_programs_table_is_left_alone)
{
    bench_t *bench = bench_open(_i);
    int version;

    bench_migrate(bench, gt_store_newest());
    bench_run(bench, "UPDATE graphtok_schema SET version = 99");
    bench_tag(gt_ladder_version(&version, bench_ladder(bench), bench->db, bench->pool), "GT0415");
    bench_tag(plan_to(bench, 0), "GT0415");
    bench_close(bench);
}
END_TEST

START_TEST(test_T16_a_deleted_users_grants_go_with_the_user)
{
    bench_t *bench = bench_open(_i);
    apr_array_header_t *rows;

    bench_run(bench, "CREATE TABLE users (id INTEGER PRIMARY KEY, \"user\" TEXT)");
    bench_run(bench, "INSERT INTO users (id) VALUES (7), (8)");
    bench->conf->user_column = "user";
    bench->conf->user_type = "integer";
    bench->conf->references = "users(id)";
    bench->conf->table = "class";
    bench_migrate(bench, gt_store_newest());
    if (bench->engine == GT_SQLITE)
        bench_ok(gt_db_literal_rows(&rows, bench->db, "PRAGMA foreign_keys = 1", bench->pool));
    bench_run(bench,
              "INSERT INTO class (id, \"user\", encrypted_access_token, encrypted_refresh_token, "
              "expires_at) VALUES ('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a01', 7, 'a', '', "
              "'2026-11-21'), ('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a02', 8, 'a', '', '2026-11-21')");
    bench_run(bench, "DELETE FROM users WHERE id = 7");
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM class"), "1");
    ck_assert_str_eq(bench_ask(bench, "SELECT \"user\" FROM class"), "8");
    if (bench->engine == GT_PGSQL) {
        bench_migrate(bench, 0);
        bench_migrate(bench, gt_store_newest());
    }
    bench_close(bench);
}
END_TEST

START_TEST(test_T16_an_unknown_user_is_refused)
{
    bench_t *bench = bench_open(_i);
    apr_array_header_t *texts = apr_array_make(bench->pool, 1, sizeof(const char *));
    apr_array_header_t *rows;
    gt_err_t *err;

    bench_run(bench, "CREATE TABLE users (id INTEGER PRIMARY KEY)");
    bench->conf->user_type = "integer";
    bench->conf->references = "users(id)";
    bench_migrate(bench, gt_store_newest());
    if (bench->engine == GT_SQLITE)
        bench_ok(gt_db_literal_rows(&rows, bench->db, "PRAGMA foreign_keys = 1", bench->pool));
    APR_ARRAY_PUSH(texts, const char *) =
        "INSERT INTO user_tokens (id, user_id, encrypted_access_token, encrypted_refresh_token, "
        "expires_at) VALUES ('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a01', 9, 'a', '', '2026-11-21')";
    err = gt_db_script(bench->db, texts, bench->pool);
    bench_tag(err, "GT0407");
    ck_assert_int_eq(err->cls, GT_INVALID);
    bench_close(bench);
}
END_TEST

#define IDS "SELECT count(*) FROM graphtok_ids"
#define STORE_ID "SELECT id FROM graphtok_ids WHERE what = 'store user_tokens'"
#define DATABASE_ID "SELECT id FROM graphtok_ids WHERE what = 'database'"

/* Tables and indexes that bear a name of ours, and what belongs to the stores' tables. */
static const char *const OURS[] = {
    [GT_PGSQL] =
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
        "AND (relname LIKE 'graphtok%' OR relname LIKE 'beta_tokens%' OR "
        "relname LIKE 'user_tokens%')",
    [GT_SQLITE] = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"};

/* What stands in the database, as one text: tables, their columns, indexes, constraints. */
static const char *const EVERYTHING[] = {
    [GT_PGSQL] = "SELECT string_agg(what, ';' ORDER BY what COLLATE \"C\") FROM ("
                 "SELECT relname || relkind::text AS what FROM pg_class WHERE relnamespace = "
                 "current_schema()::regnamespace UNION ALL SELECT attname FROM pg_attribute WHERE "
                 "attrelid = "
                 "'user_tokens'::regclass AND attnum > 0 AND NOT attisdropped UNION ALL SELECT "
                 "pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
                 "'user_tokens'::regclass UNION "
                 "ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = "
                 "'user_tokens'::regclass) AS all_of_it",
    [GT_SQLITE] =
        "SELECT group_concat(what, ';') FROM (SELECT name AS what FROM sqlite_master UNION "
        "ALL SELECT name FROM pragma_table_info('user_tokens') UNION ALL SELECT name FROM "
        "pragma_index_list('user_tokens') ORDER BY 1)"};

/* A table that was taken over is left as it was found. */
START_TEST(nothing_of_ours_stays)
{
    bench_t *bench = bench_open(_i);
    const char *before;

    bench_s0_table(bench);
    before = bench_ask(bench, EVERYTHING[bench->engine]);
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_ne(bench_ask(bench, EVERYTHING[bench->engine]), before);
    bench_migrate(bench, 0);
    ck_assert_str_eq(bench_ask(bench, EVERYTHING[bench->engine]), before);
    bench_close(bench);
}
END_TEST

/* S0's program reads Fernet alone, whichever step sealed a value; also when it came after the
 * plan. */
START_TEST(no_row_goes_to_S0_that_is_not_fernet)
{
    static const char *const sealed[] = {"encrypted_access_token", "encrypted_refresh_token"};
    bench_t *bench = bench_open(_i);
    apr_array_header_t *plan;

    bench_s0_table(bench);
    for (apr_size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++) {
        const char *before = bench_ask(
            bench, apr_psprintf(bench->pool, "SELECT %s FROM user_tokens WHERE user_id = 'tom'",
                                sealed[i]));

        bench_migrate(bench, 2);
        bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, 1, bench->pool));
        bench_run(bench, apr_psprintf(bench->pool,
                                      "UPDATE user_tokens SET %s = 'gt1.new.AAAA' "
                                      "WHERE user_id = 'tom'",
                                      sealed[i]));
        for (int target = 0; target < 2; target++) {
            gt_err_t *err = plan_to(bench, target);

            bench_tag(err, "GT0442");
            ck_assert_ptr_nonnull(strstr(err->detail, "keys reencrypt"));
        }
        ck_assert_ptr_nonnull(gt_ladder_apply(&APR_ARRAY_IDX(plan, 0, gt_migration_t),
                                              bench_ladder(bench), 0, bench->db, bench->pool));
        ck_assert_int_eq(version_of(bench), 2);
        bench_migrate(bench, gt_store_newest());
        bench_tag(plan_to(bench, 1), "GT0442");
        bench_run(bench, apr_psprintf(bench->pool,
                                      "UPDATE user_tokens SET %s = '%s' WHERE user_id = 'tom'",
                                      sealed[i], before));
        bench_migrate(bench, 1);
    }
    bench_close(bench);
}
END_TEST

/* What nothing could read goes with it. */
START_TEST(a_table_of_our_own_goes_whatever_it_holds)
{
    bench_t *bench = bench_open(_i);

    bench_migrate(bench, gt_store_newest());
    bench_ok(try_insert(bench, "01", "tom", ", 'microsoft'"));
    bench_run(bench, "UPDATE user_tokens SET encrypted_access_token = 'gt2.new.AAAA'");
    bench_tag(plan_to(bench, 5), "GT0441");
    bench_migrate(bench, 0);
    ck_assert_str_eq(bench_ask(bench, OURS[bench->engine]), "0");
    bench_close(bench);
}
END_TEST

START_TEST(database_and_stores_get_ids_of_their_own)
{
    bench_t *bench = bench_open(_i);
    gt_store_conf_t *main_conf = bench->conf;
    gt_store_conf_t *beta = gt_store_conf_default("beta", bench->pool);
    const char *database, *id;

    beta->table = "beta_tokens";
    bench_migrate(bench, gt_store_newest());
    database = bench_ask(bench, DATABASE_ID);
    id = bench_ask(bench, STORE_ID);
    ck_assert_uint_eq(strlen(database), 32);
    ck_assert_uint_eq(strlen(id), 32);
    ck_assert_str_ne(database, id);
    bench->conf = beta;
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_eq(bench_ask(bench, "SELECT count(DISTINCT id) FROM graphtok_ids"), "3");
    ck_assert_str_eq(bench_ask(bench, DATABASE_ID), database);
    ck_assert_str_eq(bench_ask(bench, STORE_ID), id);
    bench_migrate(bench, 0);
    ck_assert_str_eq(bench_ask(bench, DATABASE_ID), database);
    ck_assert_str_eq(bench_ask(bench, STORE_ID), id);
    bench->conf = main_conf;
    bench_migrate(bench, 0);
    ck_assert_str_eq(bench_ask(bench, OURS[bench->engine]), "0");
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_ne(bench_ask(bench, STORE_ID), id);
    bench_close(bench);
}
END_TEST

/* In each of the sealed columns; also when the value came after the plan was made. */
START_TEST(no_step_down_makes_rows_unreadable)
{
    static const char *const columns_sealed[] = {"encrypted_access_token",
                                                 "encrypted_refresh_token", "encrypted_id_token",
                                                 "previous_refresh_token"};
    bench_t *bench = bench_open(_i);
    apr_size_t i;

    bench_s0_table(bench);
    bench_migrate(bench, 6);
    for (i = 0; i < sizeof columns_sealed / sizeof columns_sealed[0]; i++) {
        const char *column = columns_sealed[i];
        apr_array_header_t *plan;
        gt_err_t *err;

        bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, 5, bench->pool));
        bench_run(bench, apr_psprintf(bench->pool,
                                      "UPDATE user_tokens SET %s = 'gt2.new.AAAA' "
                                      "WHERE user_id = 'tom'",
                                      column));
        err = plan_to(bench, 5);
        bench_tag(err, "GT0441");
        ck_assert_ptr_nonnull(strstr(err->detail, "1 rows"));
        bench_tag(plan_to(bench, 0), "GT0441");
        ck_assert_ptr_nonnull(gt_ladder_apply(&APR_ARRAY_IDX(plan, 0, gt_migration_t),
                                              bench_ladder(bench), 0, bench->db, bench->pool));
        ck_assert_int_eq(version_of(bench), 6);
        ck_assert_str_eq(bench_ask(bench, IDS), "2");
        bench_run(bench, apr_psprintf(bench->pool,
                                      "UPDATE user_tokens SET %s = 'gt1.new.AAAA' "
                                      "WHERE user_id = 'tom'",
                                      column));
    }
    bench_migrate(bench, 5);
    ck_assert_str_eq(bench_ask(bench, IDS), "0");
    bench_close(bench);
}
END_TEST

START_TEST(two_stores_stand_side_by_side)
{
    bench_t *bench = bench_open(_i);
    gt_store_conf_t *beta = gt_store_conf_default("beta", bench->pool);
    gt_store_conf_t *first = bench->conf;

    bench_migrate(bench, gt_store_newest());
    beta->table = "beta_user_tokens";
    bench->conf = beta;
    bench_migrate(bench, gt_store_newest());
    bench_migrate(bench, 0);
    bench->conf = first;
    ck_assert_int_eq(version_of(bench), gt_store_newest());
    ck_assert_str_eq(columns(bench), ALL_COLUMNS);
    bench_close(bench);
}
END_TEST

START_TEST(a_unique_index_instead_of_a_constraint_is_found)
{
    bench_t *bench = bench_open(_i);
    const char *before;

    bench_run(bench, "CREATE TABLE user_tokens (id CHAR(32) PRIMARY KEY, user_id VARCHAR NOT NULL, "
                     "encrypted_access_token TEXT, encrypted_refresh_token TEXT, expires_at "
                     "TIMESTAMP, created_at TIMESTAMP, updated_at TIMESTAMP)");
    bench_run(bench, "CREATE UNIQUE INDEX ix_user_tokens_user_id ON user_tokens (user_id)");
    bench_ok(try_insert(bench, "01", "tom", ""));
    bench_run(bench, "UPDATE user_tokens SET created_at = expires_at, updated_at = expires_at");
    before = s0_rows(bench);
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_eq(s0_rows(bench), before);
    bench_ok(try_insert(bench, "02", "tom", ", 'google'"));
    bench_close(bench);
}
END_TEST

START_TEST(a_sqlite_file_gets_write_ahead_logging)
{
    bench_t *bench = bench_open(0);

    ck_assert_str_eq(bench_ask(bench, "PRAGMA journal_mode"), "delete");
    bench_migrate(bench, 1);
    ck_assert_str_eq(bench_ask(bench, "PRAGMA journal_mode"), "wal");
    bench_close(bench);
}
END_TEST

START_TEST(a_table_may_stand_in_a_schema)
{
    bench_t *bench = bench_open(1);

    bench->conf->table = "bench.user_tokens";
    bench_s0_table(bench);
    bench_migrate(bench, gt_store_newest());
    ck_assert_int_eq(version_of(bench), gt_store_newest());
    ck_assert_str_eq(columns(bench), ALL_COLUMNS);
    bench_migrate(bench, 0);
    ck_assert_str_eq(columns(bench), S0_COLUMNS);
    bench_close(bench);
}
END_TEST

START_TEST(test_T16_user_ids_may_be_uuids)
{
    bench_t *bench = bench_open(1);

    bench->conf->user_type = "uuid";
    bench_migrate(bench, gt_store_newest());
    ck_assert_str_eq(bench_ask(bench, "SELECT pg_typeof(user_id) FROM user_tokens RIGHT JOIN "
                                      "(SELECT 1) AS one ON true"),
                     "uuid");
    bench_close(bench);
}
END_TEST

/* ---- indexes beside running servers ---- */

static const char *valid_indexes(bench_t *bench)
{
    return bench_ask(bench, "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_index JOIN "
                            "pg_class ON oid = indexrelid WHERE indisvalid AND indrelid IN "
                            "('user_tokens'::regclass, 'user_tokens_gone'::regclass, "
                            "'user_tokens_access'::regclass)");
}

/* A migration was stopped while one index was half built, and before the next. */
START_TEST(indexes_that_were_not_finished_are_built_anew)
{
    bench_t *bench = bench_open(1);
    apr_array_header_t *plan;
    const char *all;

    bench_migrate(bench, gt_store_newest());
    all = valid_indexes(bench);
    ck_assert_ptr_nonnull(strstr(all, "user_tokens_counted"));
    bench_run(bench, "UPDATE pg_index SET indisvalid = false "
                     "WHERE indexrelid = 'user_tokens_due'::regclass");
    bench_run(bench, "DROP INDEX user_tokens_checked, user_tokens_gone_changes");
    bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, gt_store_newest(), bench->pool));
    ck_assert_int_eq(plan->nelts, 2);
    ck_assert_int_eq(APR_ARRAY_IDX(plan, 0, gt_migration_t).number, 5);
    for (int i = 0; i < plan->nelts; i++)
        bench_ok(gt_ladder_apply(&APR_ARRAY_IDX(plan, i, gt_migration_t), bench_ladder(bench), 1,
                                 bench->db, bench->pool));
    ck_assert_str_eq(valid_indexes(bench), all);
    bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, gt_store_newest(), bench->pool));
    ck_assert_int_eq(plan->nelts, 0);
    /* A table that was renamed keeps its indexes under their names. */
    bench_run(bench, "ALTER TABLE user_tokens RENAME TO grants");
    bench_run(bench, "ALTER TABLE user_tokens_gone RENAME TO grants_gone");
    bench_run(bench, "ALTER TABLE user_tokens_access RENAME TO grants_access");
    bench_run(bench, "ALTER TABLE user_tokens_sessions RENAME TO grants_sessions");
    bench_run(bench, "ALTER TABLE user_tokens_bulk RENAME TO grants_bulk");
    bench_run(bench, "ALTER TABLE user_tokens_bulk_items RENAME TO grants_bulk_items");
    bench_run(bench, "ALTER TABLE user_tokens_history RENAME TO grants_history");
    bench_run(bench, "ALTER TABLE user_tokens_hours RENAME TO grants_hours");
    bench_run(bench, "UPDATE graphtok_schema SET table_name = 'grants'");
    bench->conf->table = "grants";
    bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, gt_store_newest(), bench->pool));
    ck_assert_int_eq(plan->nelts, 0);
    bench_close(bench);
}
END_TEST

/* The role's limits are for requests: a million rows take as long as they take. */
START_TEST(a_migration_has_no_time_limit)
{
    bench_t *bench = bench_open(1);

    bench_run(bench, "CREATE TABLE user_tokens (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), "
                     "user_id VARCHAR UNIQUE NOT NULL, encrypted_access_token TEXT, "
                     "encrypted_refresh_token TEXT, expires_at TIMESTAMPTZ, created_at "
                     "TIMESTAMPTZ, updated_at TIMESTAMPTZ)");
    bench_run(bench, "INSERT INTO user_tokens (user_id, encrypted_refresh_token, expires_at) "
                     "SELECT 'u' || n, '', now() FROM generate_series(1, 150000) AS n");
    bench->db = bench_db(bench, " options='-c search_path=bench,public -c statement_timeout=30 "
                                "-c lock_timeout=700'");
    bench_migrate(bench, gt_store_newest());
    ck_assert_int_eq(version_of(bench), gt_store_newest());
    ck_assert_str_eq(bench_ask(bench, "SHOW statement_timeout"), "30ms");
    ck_assert_str_eq(bench_ask(bench, "SHOW lock_timeout"), "700ms");
    bench_close(bench);
}
END_TEST

Suite *suite_migrate(void)
{
    Suite *suite = suite_create("migrate");
    TCase *tcase = tcase_create("both engines");
    TCase *one = tcase_create("one engine");
    TCase *large = tcase_create("a large table");
    const int n = bench_engines();

    tcase_add_loop_test(tcase, test_T16_a_new_table_has_a_row_per_user_and_provider, 0, n);
    tcase_add_loop_test(tcase, test_T16_indexes_are_there, 0, n);
    tcase_add_loop_test(tcase, test_T15_an_S0_table_is_taken_over_with_its_rows, 0, n);
    tcase_add_loop_test(tcase, test_T15_down_and_up_again_keeps_every_row, 0, n);
    tcase_add_loop_test(tcase, a_table_of_our_own_goes_when_we_go, 0, n);
    tcase_add_loop_test(tcase, each_step_goes_both_ways, 0, n);
    tcase_add_loop_test(tcase, a_plan_says_all_and_does_nothing, 0, n);
    tcase_add_loop_test(tcase, a_step_that_fails_leaves_all_as_it_was, 0, n);
    tcase_add_loop_test(tcase, a_table_that_is_not_S0s_is_left_alone, 0, n);
    tcase_add_loop_test(tcase, a_table_without_what_stood_beside_it_is_left_alone, 0, n);
    tcase_add_loop_test(tcase, columns_of_others_are_never_lost, 0, n);
    tcase_add_loop_test(tcase, names_and_targets_are_checked, 0, n);
    tcase_add_loop_test(tcase, a_newer_programs_table_is_left_alone, 0, n);
    tcase_add_loop_test(tcase, test_T16_a_deleted_users_grants_go_with_the_user, 0, n);
    tcase_add_loop_test(tcase, test_T16_an_unknown_user_is_refused, 0, n);
    tcase_add_loop_test(tcase, database_and_stores_get_ids_of_their_own, 0, n);
    tcase_add_loop_test(tcase, nothing_of_ours_stays, 0, n);
    tcase_add_loop_test(tcase, no_row_goes_to_S0_that_is_not_fernet, 0, n);
    tcase_add_loop_test(tcase, a_table_of_our_own_goes_whatever_it_holds, 0, n);
    tcase_add_loop_test(tcase, no_step_down_makes_rows_unreadable, 0, n);
    tcase_add_loop_test(tcase, two_stores_stand_side_by_side, 0, n);
    tcase_add_loop_test(tcase, a_unique_index_instead_of_a_constraint_is_found, 0, n);
    tcase_add_test(one, a_sqlite_file_gets_write_ahead_logging);
    tcase_add_loop_test(one, a_table_may_stand_in_a_schema, 0, n - 1);
    tcase_add_loop_test(one, test_T16_user_ids_may_be_uuids, 0, n - 1);
    tcase_add_loop_test(one, indexes_that_were_not_finished_are_built_anew, 0, n - 1);
    tcase_set_tags(large, "size");
    tcase_add_loop_test(large, a_migration_has_no_time_limit, 0, n - 1);
    tcase_add_loop_test(one, a_table_that_is_taken_over_has_statistics, 0, n - 1);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, one);
    suite_add_tcase(suite, large);
    return suite;
}
