/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Statements, gate, breaker, verdicts and the direct handle on real databases of both engines. */

#include <pthread.h>
#include <sched.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_proc.h>

#include "base/clock.h"
#include "bench.h"
#include "store/store_ladder.h"
#include "db/handle.h"

Suite *suite_db(void);

static const gt_sql_names_t names = {"user_tokens", NULL, NULL, ""};
static const gt_sql_names_t nowhere = {"no_such_table", NULL, NULL, ""};

/* id, user, email, access, expires → id */
static const gt_sql_t insert_row = {
    "insert",
    "INSERT INTO {table} (id, user_id, email, encrypted_access_token, encrypted_refresh_token, "
    "expires_at) VALUES (%s, %s, %s, %s, '', {in}) ON CONFLICT DO NOTHING RETURNING id",
    NULL};

/* user → user, email, access, refresh, error message */
static const gt_sql_t find_row = {
    "find",
    "SELECT user_id, email, encrypted_access_token, encrypted_refresh_token, error_message "
    "FROM {table} WHERE user_id = %s",
    NULL};
enum { USER, EMAIL, ACCESS, REFRESH, MESSAGE };

/* user, generation */
static const gt_sql_t count_row = {
    "count", "UPDATE {table} SET error_count = 1 WHERE user_id = %s AND generation = %lld", NULL};

/* user */
static const gt_sql_t touch_row = {"touch", "UPDATE {table} SET due_after = 0 WHERE user_id = %s",
                                   NULL};

static gt_err_t *insert(bench_t *bench, gt_db_t *db, const char *user, const char *email,
                        const char *access)
{
    static int serial;
    const gt_db_value_t args[] = {
        GT_TEXT(apr_psprintf(bench->pool, "0000000000000000000000000000%04x", ++serial)),
        GT_TEXT(user), GT_TEXT(email), GT_TEXT(access), GT_NUM(1795246215)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, db, &insert_row, &names, args, bench->pool));
    ck_assert_int_le(rows->nelts, 1);
    return GT_OK;
}

static gt_err_t *find(const gt_db_row_t **row, bench_t *bench, gt_db_t *db, const char *user)
{
    const gt_db_value_t args[] = {GT_TEXT(user)};
    apr_array_header_t *rows;

    *row = NULL;
    GT_TRY(gt_db_rows(&rows, db, &find_row, &names, args, bench->pool));
    if (rows->nelts > 0)
        *row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    return GT_OK;
}

/* A write that changes one row when `user` is there. */
static gt_err_t *use(int *changed, bench_t *bench, gt_db_t *db, const char *user)
{
    const gt_db_value_t args[] = {GT_TEXT(user)};

    return gt_db_change(changed, db, &touch_row, &names, args, bench->pool);
}

static gt_err_t *ping(gt_db_t *db, apr_pool_t *p)
{
    return gt_db_ping(db, p);
}

START_TEST(texts_are_data_whatever_they_say)
{
    static const char *const texts[] = {
        "tom'; DROP TABLE user_tokens; --",
        "\" OR 1=1 --",
        "$1 %s %lld {table} ? :a @b",
        "\\'; \\",
        "J\xc3\xbcrgen \xf0\x9f\x98\x80",
        "a\tb\r\nc",
        " ",
    };
    bench_t *bench = bench_open(_i);
    const gt_db_row_t *row;
    apr_size_t i;

    bench_migrate(bench, gt_store_newest());
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bench_ok(insert(bench, bench->db, texts[i], texts[i], texts[i]));
        bench_ok(find(&row, bench, bench->db, texts[i]));
        ck_assert_ptr_nonnull(row);
        ck_assert_str_eq(row->column[USER], texts[i]);
        ck_assert_str_eq(row->column[EMAIL], texts[i]);
        ck_assert_str_eq(row->column[ACCESS], texts[i]);
    }
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens"), "7");
    bench_close(bench);
}
END_TEST

START_TEST(null_is_null_and_empty_is_empty)
{
    bench_t *bench = bench_open(_i);
    const gt_db_row_t *row;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "tom", NULL, "x"));
    bench_ok(insert(bench, bench->db, "ann", "", "x"));
    bench_ok(find(&row, bench, bench->db, "tom"));
    ck_assert_ptr_null(row->column[EMAIL]);
    ck_assert_ptr_null(row->column[MESSAGE]);
    ck_assert_str_eq(row->column[REFRESH], "");
    bench_ok(find(&row, bench, bench->db, "ann"));
    ck_assert_str_eq(row->column[EMAIL], "");
    bench_ok(find(&row, bench, bench->db, "nobody"));
    ck_assert_ptr_null(row);
    bench_close(bench);
}
END_TEST

START_TEST(large_values_come_back_whole)
{
    const apr_size_t len = 1 << 20;
    bench_t *bench = bench_open(_i);
    char *large = apr_palloc(bench->pool, len + 1);
    const gt_db_row_t *row;

    memset(large, 'x', len);
    large[len] = '\0';
    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "tom", NULL, large));
    bench_ok(find(&row, bench, bench->db, "tom"));
    ck_assert_uint_eq(strlen(row->column[ACCESS]), len);
    ck_assert_str_eq(row->column[ACCESS], large);
    bench_close(bench);
}
END_TEST

START_TEST(numbers_are_64_bit_and_changes_are_counted)
{
    bench_t *bench = bench_open(_i);
    int changed = -1;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "tom", NULL, "x"));
    bench_run(bench, "UPDATE user_tokens SET generation = 9007199254740993");
    for (int i = 0; i < 2; i++) {
        const gt_db_value_t args[] = {GT_TEXT("tom"), GT_NUM(INT64_C(9007199254740992) + i)};

        bench_ok(gt_db_change(&changed, bench->db, &count_row, &names, args, bench->pool));
        ck_assert_int_eq(changed, i);
    }
    bench_ok(use(&changed, bench, bench->db, "nobody"));
    ck_assert_int_eq(changed, 0);
    bench_ok(use(NULL, bench, bench->db, "tom"));
    bench_close(bench);
}
END_TEST

START_TEST(failures_have_their_class_and_quote_no_value)
{
    bench_t *bench = bench_open(_i);
    const gt_db_value_t args[] = {GT_TEXT("secret-user")};
    apr_array_header_t *texts = apr_array_make(bench->pool, 1, sizeof(char *));
    apr_array_header_t *rows;
    gt_err_t *err;

    bench_migrate(bench, gt_store_newest());
    err = gt_db_rows(&rows, bench->db, &find_row, &nowhere, args, bench->pool);
    bench_tag(err, "GT0409");
    ck_assert_int_eq(err->cls, GT_INTERNAL);
    ck_assert_ptr_nonnull(strstr(err->detail, "graphtokctl migrate"));
    bench_ok(insert(bench, bench->db, "secret-user", NULL, "x"));
    APR_ARRAY_PUSH(texts, const char *) =
        "INSERT INTO user_tokens (id, user_id, encrypted_access_token, encrypted_refresh_token, "
        "expires_at) VALUES ('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5aff', 'secret-user', '', '', "
        "'2026-11-21')";
    err = gt_db_script(bench->db, texts, bench->pool);
    bench_tag(err, "GT0406");
    ck_assert_int_eq(err->cls, GT_CONFLICT);
    ck_assert_ptr_null(strstr(err->detail, "secret-user"));
    bench_tag(gt_db_literal_rows(&rows, bench->db, "SELEC 'secret-user'", bench->pool), "GT0411");
    bench_ok(ping(bench->db, bench->pool));
    bench_close(bench);
}
END_TEST

/* user */
static const gt_sql_t raise_row = {
    "raise", "UPDATE {table} SET error_count = error_count + 1 WHERE user_id = %s", NULL};
static const gt_sql_t wrong_row = {"wrong", "UPDATE {table} SET no_such = 1 WHERE user_id = %s",
                                   NULL};

static const char *errors_of(bench_t *bench)
{
    apr_array_header_t *rows;

    bench_ok(
        gt_db_literal_rows(&rows, bench->db, "SELECT error_count FROM user_tokens", bench->pool));
    return APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0];
}

/* Ada's row is raised, then one that is not there: both or none. */
START_TEST(a_transaction_is_whole)
{
    bench_t *bench = bench_open(_i);
    const gt_db_value_t ada[] = {GT_TEXT("ada")}, ben[] = {GT_TEXT("ben")};
    gt_db_act_t acts[] = {{&raise_row, ada, 1, 0}, {&raise_row, ben, 1, 0}};
    const gt_db_acts_t all = {acts, 2}, first = {acts, 1};
    int is_done;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "ada", NULL, "x"));
    bench_ok(gt_db_together(&is_done, bench->db, &names, &all, bench->pool));
    ck_assert_int_eq(is_done, 0);
    ck_assert_str_eq(errors_of(bench), "0");
    bench_ok(gt_db_together(&is_done, bench->db, &names, &first, bench->pool));
    ck_assert_int_eq(is_done, 1);
    ck_assert_int_eq(acts[0].changed, 1);
    acts[1].must_change = 0;
    bench_ok(gt_db_together(&is_done, bench->db, &names, &all, bench->pool));
    ck_assert_int_eq(is_done, 1);
    ck_assert_str_eq(errors_of(bench), "2");
    acts[1].sql = &wrong_row;
    bench_tag(gt_db_together(&is_done, bench->db, &names, &all, bench->pool), "GT0409");
    ck_assert_str_eq(errors_of(bench), "2");
    bench_close(bench);
}
END_TEST

/* One that was in use a moment ago is not asked whether it lives. */
START_TEST(a_transaction_on_a_dead_connection_is_an_error)
{
    bench_t *bench = bench_open(1);
    gt_db_t *other = bench_db(bench, "");
    const gt_db_acts_t nothing = {NULL, 0};
    apr_array_header_t *rows;
    int is_done;

    bench_ok(gt_db_together(&is_done, bench->db, &names, &nothing, bench->pool));
    bench_ok(gt_db_literal_rows(&rows, other,
                                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                                bench->pool));
    ck_assert_int_eq(gt_db_together(&is_done, bench->db, &names, &nothing, bench->pool)->cls,
                     GT_STORE_AWAY);
    bench_close(bench);
}
END_TEST

START_TEST(a_failing_script_leaves_nothing)
{
    bench_t *bench = bench_open(_i);
    apr_array_header_t *texts = apr_array_make(bench->pool, 3, sizeof(char *));
    apr_array_header_t *rows;
    gt_err_t *err;

    APR_ARRAY_PUSH(texts, const char *) = "CREATE TABLE first (a INTEGER)";
    APR_ARRAY_PUSH(texts, const char *) = "INSERT INTO nowhere VALUES (1)";
    APR_ARRAY_PUSH(texts, const char *) = "CREATE TABLE third (a INTEGER)";
    err = gt_db_script(bench->db, texts, bench->pool);
    bench_tag(err, "GT0409");
    ck_assert_ptr_nonnull(strstr(err->detail, "statement 2 of 3"));
    bench_tag(gt_db_literal_rows(&rows, bench->db, "SELECT * FROM first", bench->pool), "GT0409");
    bench_tag(gt_db_literal_rows(&rows, bench->db, "SELECT * FROM third", bench->pool), "GT0409");
    bench_close(bench);
}
END_TEST

START_TEST(a_schema_change_elsewhere_is_survived)
{
    bench_t *bench = bench_open(_i);
    gt_db_t *other = bench_db(bench, "");
    const gt_db_row_t *row;
    int changed, round;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, other, "tom", NULL, "x"));
    for (round = 0; round < 3; round++) {
        bench_ok(find(&row, bench, other, "tom"));
        ck_assert_ptr_nonnull(row);
        bench_ok(use(&changed, bench, other, "tom"));
        ck_assert_int_eq(changed, 1);
        bench_run(bench,
                  apr_psprintf(bench->pool, "ALTER TABLE user_tokens ADD COLUMN c%d TEXT", round));
    }
    bench_close(bench);
}
END_TEST

/* --- a source that fails, waits and counts as the test says --------------------------------- */

typedef struct moody_t {
    gt_db_source_t real;
    int is_away;
    int asked; /* acquire was called */
} moody_t;

static apr_status_t moody_acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    moody_t *moody = baton;

    moody->asked++;
    if (moody->is_away)
        return APR_EGENERAL;
    return moody->real.acquire(conn, moody->real.baton, p);
}

static void moody_release(gt_db_conn_t *conn, void *baton)
{
    moody_t *moody = baton;

    moody->real.release(conn, moody->real.baton);
}

static gt_db_t *moody_db(moody_t *moody, bench_t *bench, apr_interval_time_t wait)
{
    const gt_db_limits_t limits = {1, wait, 0};
    const gt_db_source_t source = {moody, moody_acquire, moody_release};

    memset(moody, 0, sizeof *moody);
    bench_ok(gt_handle_source(&moody->real, bench->driver, bench->params, bench->pool));
    return gt_db_make(&source, &limits, bench->pool);
}

static apr_time_t test_ticks;

static apr_time_t fake_ticks(void)
{
    return test_ticks;
}

START_TEST(while_it_is_away_one_probes_and_the_others_fail_at_once)
{
    bench_t *bench = bench_open(_i);
    moody_t moody;
    gt_db_t *db = moody_db(&moody, bench, 0);
    gt_err_t *err;
    int i;

    test_ticks = apr_time_from_sec(1000);
    gt_clock_set(NULL, fake_ticks);
    ck_assert_int_eq(gt_db_is_up(db), 0);
    bench_ok(ping(db, bench->pool));
    ck_assert_int_eq(gt_db_is_up(db), 1);
    moody.is_away = 1;
    bench_tag(err = ping(db, bench->pool), "GT0401");
    ck_assert_int_eq(err->cls, GT_STORE_AWAY);
    ck_assert_int_eq(gt_db_is_up(db), 0);
    for (i = 0; i < 100; i++) {
        bench_tag(err = ping(db, bench->pool), "GT0402");
        ck_assert_int_eq(err->cls, GT_STORE_AWAY);
        ck_assert_int_gt(err->retry_after, 0);
    }
    ck_assert_int_eq(moody.asked, 2);
    for (i = 0; i < 40; i++) { /* the longest time between two probes is 2 s and its jitter */
        test_ticks += apr_time_from_msec(2400);
        bench_tag(ping(db, bench->pool), "GT0401");
        bench_tag(ping(db, bench->pool), "GT0402");
    }
    moody.is_away = 0;
    bench_tag(ping(db, bench->pool), "GT0402");
    test_ticks += apr_time_from_msec(2400);
    bench_ok(ping(db, bench->pool));
    bench_ok(ping(db, bench->pool));
    ck_assert_int_eq(gt_db_is_up(db), 1);
    gt_clock_set(NULL, NULL);
    bench_close(bench);
}
END_TEST

START_TEST(a_refused_statement_is_an_answer)
{
    bench_t *bench = bench_open(_i);
    moody_t moody;
    gt_db_t *db = moody_db(&moody, bench, 0);
    const gt_db_value_t args[] = {GT_TEXT("a")};
    apr_array_header_t *rows;

    bench_tag(gt_db_rows(&rows, db, &find_row, &nowhere, args, bench->pool), "GT0409");
    ck_assert_int_eq(gt_db_is_up(db), 1);
    bench_ok(ping(db, bench->pool));
    bench_close(bench);
}
END_TEST

/* A connection, or on PostgreSQL a server, that is read-only. */
static gt_db_t *read_only_db(bench_t *bench)
{
    apr_array_header_t *rows;

    if (bench->engine == GT_PGSQL)
        return bench_db(bench, " options='-c search_path=bench,public -c "
                               "default_transaction_read_only=on'");
    bench_ok(gt_db_literal_rows(&rows, bench->db, "PRAGMA query_only = 1", bench->pool));
    return bench->db;
}

START_TEST(a_database_that_takes_no_writes_is_away_for_writers_only)
{
    bench_t *bench = bench_open(_i);
    const gt_db_row_t *row;
    gt_err_t *err;
    gt_db_t *db;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "tom", NULL, "x"));
    db = read_only_db(bench);
    bench_tag(err = use(NULL, bench, db, "tom"), bench->engine == GT_PGSQL ? "GT0433" : "GT0405");
    ck_assert_int_eq(err->cls, GT_STORE_AWAY);
    bench_ok(find(&row, bench, db, "tom"));
    ck_assert_ptr_nonnull(row);
    bench_close(bench);
}
END_TEST

START_TEST(the_engine_is_told)
{
    bench_t *bench = bench_open(_i);
    gt_engine_t engine = GT_ENGINES;

    bench_ok(gt_db_engine(&engine, bench->db, bench->pool));
    ck_assert_int_eq(engine, bench->engine);
    bench_ok(gt_db_engine(&engine, bench->db, bench->pool));
    bench_close(bench);
}
END_TEST

START_TEST(a_driver_that_is_not_there_is_named)
{
    bench_t *bench = bench_open(0);
    gt_db_source_t source;
    gt_err_t *err = gt_handle_source(&source, "nosuch", "password=geheim", bench->pool);

    bench_tag(err, "GT0413");
    ck_assert_ptr_null(strstr(err->detail, "geheim"));
    bench_close(bench);
}
END_TEST

START_TEST(a_sqlite_folder_that_is_not_there_is_named)
{
    bench_t *bench = bench_open(0);
    const gt_db_limits_t limits = {1, 0, 0};
    gt_db_source_t source;
    gt_err_t *err;
    gt_db_t *db;

    bench_ok(gt_handle_source(&source, "sqlite3",
                              apr_pstrcat(bench->pool, bench->folder, "/no/tokens.db", NULL),
                              bench->pool));
    db = gt_db_make(&source, &limits, bench->pool);
    err = ping(db, bench->pool);
    bench_tag(err, "GT0485");
    ck_assert_int_eq(err->cls, GT_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err->detail, "/no: No such file or directory"));
    bench_close(bench);
}
END_TEST

/* --- PostgreSQL only ------------------------------------------------------------------------- */

/* End the connection of `db` from another one. */
static void cut(bench_t *bench, gt_db_t *db)
{
    apr_array_header_t *rows;

    bench_ok(gt_db_literal_rows(&rows, db, "SELECT pg_backend_pid()", bench->pool));
    bench_ask(bench, apr_psprintf(bench->pool, "SELECT pg_terminate_backend(%s, 5000)",
                                  APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0]));
}

START_TEST(a_cut_connection_costs_no_read)
{
    bench_t *bench = bench_open(1);
    gt_db_t *db = bench_db(bench, "");
    const gt_db_row_t *row;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, db, "tom", NULL, "x"));
    bench_ok(find(&row, bench, db, "tom"));
    cut(bench, db);
    bench_ok(find(&row, bench, db, "tom"));
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(gt_db_is_up(db), 1);
    bench_close(bench);
}
END_TEST

START_TEST(a_cut_connection_fails_one_write_and_says_so)
{
    bench_t *bench = bench_open(1);
    gt_db_t *db = bench_db(bench, "");
    gt_err_t *err;
    int changed;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, db, "tom", NULL, "x"));
    bench_ok(use(&changed, bench, db, "tom"));
    cut(bench, db);
    bench_tag(err = use(&changed, bench, db, "tom"), "GT0424");
    ck_assert_int_eq(err->cls, GT_STORE_AWAY);
    bench_ok(use(&changed, bench, db, "tom"));
    ck_assert_int_eq(changed, 1);
    bench_close(bench);
}
END_TEST

START_TEST(an_idle_connection_is_asked_before_it_writes)
{
    bench_t *bench = bench_open(1);
    gt_db_t *db = bench_db(bench, "");
    int changed;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, db, "tom", NULL, "x"));
    cut(bench, db);
    test_ticks = gt_ticks() + apr_time_from_sec(2);
    gt_clock_set(NULL, fake_ticks);
    bench_ok(use(&changed, bench, db, "tom"));
    ck_assert_int_eq(changed, 1);
    gt_clock_set(NULL, NULL);
    bench_close(bench);
}
END_TEST

START_TEST(a_server_that_comes_back_is_found)
{
    bench_t *bench = bench_open(1);
    const char *socket = apr_pstrcat(bench->pool, bench->folder, "/socket", NULL);
    gt_db_t *db = bench_db(bench, apr_pstrcat(bench->pool, " host=", socket, NULL));
    apr_time_t began = gt_ticks();

    bench_tag(ping(db, bench->pool), "GT0401");
    bench_tag(ping(db, bench->pool), "GT0402");
    ck_assert_int_lt(gt_ticks() - began, apr_time_from_msec(100));
    ck_assert_int_eq(symlink(bench_ask(bench, "SHOW unix_socket_directories"), socket), 0);
    test_ticks = gt_ticks() + apr_time_from_sec(3);
    gt_clock_set(NULL, fake_ticks);
    bench_ok(ping(db, bench->pool));
    gt_clock_set(NULL, NULL);
    bench_close(bench);
}
END_TEST

START_TEST(a_time_limit_is_busy_not_away)
{
    bench_t *bench = bench_open(1);
    gt_db_t *db = bench_db(bench, " options='-c statement_timeout=20'");
    apr_array_header_t *rows;

    bench_tag(gt_db_literal_rows(&rows, db, "SELECT pg_sleep(5)", bench->pool), "GT0404");
    ck_assert_int_eq(gt_db_is_up(db), 1);
    bench_ok(ping(db, bench->pool));
    bench_close(bench);
}
END_TEST

START_TEST(a_value_of_the_wrong_type_is_the_requests_fault)
{
    static const gt_sql_t find_number = {
        "find number", "SELECT 1 FROM {table} WHERE user_id = CAST(%s AS BIGINT)", NULL};
    const gt_db_value_t args[] = {GT_TEXT("tom")};
    bench_t *bench = bench_open(1);
    apr_array_header_t *rows;
    gt_err_t *err;

    bench->conf->user_type = "integer";
    bench_migrate(bench, gt_store_newest());
    err = gt_db_rows(&rows, bench->db, &find_number, &names, args, bench->pool);
    bench_tag(err, "GT0408");
    ck_assert_int_eq(err->cls, GT_INVALID);
    bench_close(bench);
}
END_TEST

START_TEST(a_role_without_rights_is_told)
{
    bench_t *bench = bench_open(1);
    apr_array_header_t *rows;
    gt_db_t *db;

    bench_migrate(bench, gt_store_newest());
    bench_run(bench, "DO $$ BEGIN CREATE ROLE nobody_here LOGIN; "
                     "EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    bench_run(bench, "GRANT USAGE ON SCHEMA bench TO nobody_here");
    db = bench_db(bench, " user=nobody_here");
    bench_tag(gt_db_literal_rows(&rows, db, "SELECT * FROM user_tokens", bench->pool), "GT0410");
    bench_close(bench);
}
END_TEST

START_TEST(others_on_the_connection_keep_their_messages)
{
    bench_t *bench = bench_open(1);
    const gt_db_limits_t limits = {1, 0, 0};
    gt_db_source_t source;
    gt_db_conn_t conn;
    int n;

    bench_ok(gt_handle_source(&source, bench->driver, bench->params, bench->pool));
    bench_ok(ping(gt_db_make(&source, &limits, bench->pool), bench->pool));
    ck_assert_int_eq(source.acquire(&conn, source.baton, bench->pool), APR_SUCCESS);
    ck_assert_int_ne(apr_dbd_query(conn.driver, conn.handle, &n, "DELETE FROM theirs"), 0);
    ck_assert_ptr_nonnull(strstr(apr_dbd_error(conn.driver, conn.handle, 0), "theirs"));
    source.release(&conn, source.baton);
    bench_close(bench);
}
END_TEST

/* --- SQLite only ------------------------------------------------------------------------------ */

/* Lets go of the file after 2 s: longer than the driver itself waits. */
static void *let_go_later(void *other)
{
    apr_array_header_t *rows;
    apr_pool_t *own;

    apr_pool_create(&own, NULL);
    apr_sleep(apr_time_from_sec(2));
    ck_assert_ptr_null(gt_db_literal_rows(&rows, other, "COMMIT", own));
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(a_writer_of_a_busy_sqlite_file_is_patient)
{
    bench_t *bench = bench_open(0);
    gt_db_t *other = bench_db(bench, "");
    apr_array_header_t *rows;
    pthread_t thread;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "tom", NULL, "x"));
    bench_ok(gt_db_literal_rows(&rows, other, "BEGIN IMMEDIATE", bench->pool));
    ck_assert_int_eq(pthread_create(&thread, NULL, let_go_later, other), 0);
    bench_ok(use(NULL, bench, bench->db, "tom"));
    pthread_join(thread, NULL);
    bench_close(bench);
}
END_TEST

START_TEST(a_locked_sqlite_file_is_busy_not_away)
{
    bench_t *bench = bench_open(0);
    gt_db_t *other = bench_db(bench, "");
    apr_array_header_t *rows;

    bench_migrate(bench, gt_store_newest());
    bench_ok(insert(bench, bench->db, "tom", NULL, "x"));
    bench_ok(gt_db_literal_rows(&rows, other, "BEGIN IMMEDIATE", bench->pool));
    bench_tag(use(NULL, bench, bench->db, "tom"), "GT0404");
    ck_assert_int_eq(gt_db_is_up(bench->db), 1);
    bench_ok(gt_db_literal_rows(&rows, other, "ROLLBACK", bench->pool));
    bench_ok(use(NULL, bench, bench->db, "tom"));
    bench_close(bench);
}
END_TEST

typedef struct building_t {
    bench_t *bench;
    gt_db_t *db;
    gt_ladder_t *ladder;
    gt_migration_t step;
    apr_pool_t *pool;
    gt_err_t *err;
} building_t;

static void *build(void *baton)
{
    building_t *building = baton;

    building->err =
        gt_ladder_apply(&building->step, building->ladder, 1, building->db, building->pool);
    return NULL;
}

static pthread_t start_to_build(building_t *building, bench_t *bench)
{
    apr_array_header_t *plan;
    pthread_t thread;

    bench_ok(gt_ladder_plan(&plan, bench_ladder(bench), bench->db, gt_store_newest(), bench->pool));
    ck_assert_int_eq(plan->nelts, 1);
    building->bench = bench;
    building->ladder = bench_ladder(bench);
    building->db = bench_db(bench, "");
    building->step = APR_ARRAY_IDX(plan, 0, gt_migration_t);
    apr_pool_create_unmanaged_ex(&building->pool, NULL, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, build, building), 0);
    return thread;
}

/* An index waits for the transactions that are open, which may be long; others write meanwhile. */
START_TEST(an_index_holds_up_no_writer)
{
    bench_t *bench = bench_open(1);
    building_t *building = apr_pcalloc(bench->pool, sizeof(*building));
    gt_db_t *other, *writer;
    apr_array_header_t *none;
    pthread_t thread;

    bench_migrate(bench, gt_store_newest());
    bench_run(bench, "DROP INDEX user_tokens_checked");
    other = bench_db(bench, "");
    writer = bench_db(bench, " options='-c search_path=bench,public -c lock_timeout=3000'");
    bench_ok(gt_db_literal_rows(&none, other, "BEGIN", bench->pool));
    bench_ok(gt_db_literal_rows(&none, other, "LOCK TABLE user_tokens IN ROW EXCLUSIVE MODE",
                                bench->pool));
    thread = start_to_build(building, bench);
    while (strcmp(bench_ask(bench, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                                   "'Lock' AND query LIKE 'CREATE INDEX%'"),
                  "0") == 0)
        sched_yield();
    bench_ok(gt_db_literal_rows(&none, writer, "UPDATE user_tokens SET status = 1", bench->pool));
    bench_ok(gt_db_literal_rows(&none, other, "COMMIT", bench->pool));
    pthread_join(thread, NULL);
    bench_ok(building->err);
    apr_pool_destroy(building->pool);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM pg_index WHERE indisvalid AND "
                                      "indexrelid = 'user_tokens_checked'::regclass"),
                     "1");
    bench_close(bench);
}
END_TEST

static TCase *of_both_engines(void)
{
    TCase *tcase = tcase_create("both engines");
    const int n = bench_engines();

    tcase_add_loop_test(tcase, texts_are_data_whatever_they_say, 0, n);
    tcase_add_loop_test(tcase, null_is_null_and_empty_is_empty, 0, n);
    tcase_add_loop_test(tcase, large_values_come_back_whole, 0, n);
    tcase_add_loop_test(tcase, numbers_are_64_bit_and_changes_are_counted, 0, n);
    tcase_add_loop_test(tcase, failures_have_their_class_and_quote_no_value, 0, n);
    tcase_add_loop_test(tcase, a_transaction_is_whole, 0, n);
    if (n > 1)
        tcase_add_test(tcase, a_transaction_on_a_dead_connection_is_an_error);
    tcase_add_loop_test(tcase, a_failing_script_leaves_nothing, 0, n);
    tcase_add_loop_test(tcase, a_schema_change_elsewhere_is_survived, 0, n);
    tcase_add_loop_test(tcase, while_it_is_away_one_probes_and_the_others_fail_at_once, 0, n);
    tcase_add_loop_test(tcase, a_refused_statement_is_an_answer, 0, n);
    tcase_add_loop_test(tcase, a_database_that_takes_no_writes_is_away_for_writers_only, 0, n);
    tcase_add_loop_test(tcase, the_engine_is_told, 0, n);
    return tcase;
}

static TCase *of_one_engine(void)
{
    TCase *tcase = tcase_create("one engine");
    const int n = bench_engines() - 1;

    tcase_add_test(tcase, a_driver_that_is_not_there_is_named);
    tcase_add_test(tcase, a_sqlite_folder_that_is_not_there_is_named);
    tcase_add_test(tcase, a_writer_of_a_busy_sqlite_file_is_patient);
    tcase_add_test(tcase, a_locked_sqlite_file_is_busy_not_away);
    tcase_add_loop_test(tcase, a_cut_connection_costs_no_read, 0, n);
    tcase_add_loop_test(tcase, a_cut_connection_fails_one_write_and_says_so, 0, n);
    tcase_add_loop_test(tcase, an_idle_connection_is_asked_before_it_writes, 0, n);
    tcase_add_loop_test(tcase, a_server_that_comes_back_is_found, 0, n);
    tcase_add_loop_test(tcase, a_time_limit_is_busy_not_away, 0, n);
    tcase_add_loop_test(tcase, a_value_of_the_wrong_type_is_the_requests_fault, 0, n);
    tcase_add_loop_test(tcase, a_role_without_rights_is_told, 0, n);
    tcase_add_loop_test(tcase, others_on_the_connection_keep_their_messages, 0, n);
    tcase_add_loop_test(tcase, an_index_holds_up_no_writer, 0, n);
    return tcase;
}

Suite *suite_db(void)
{
    Suite *suite = suite_create("db");

    suite_add_tcase(suite, of_both_engines());
    suite_add_tcase(suite, of_one_engine());
    return suite;
}
