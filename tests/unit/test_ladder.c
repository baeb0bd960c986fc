/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A ladder that is none of the store's: it stands in this file alone, and db/ladder runs it. */

#include <apr_strings.h>

#include "bench.h"

Suite *suite_ladder(void);

static const gt_ladder_step_t steps[] = {
    {"the notes {table}",
     NULL,
     {{{"DROP TABLE {table}"}, {"DROP TABLE {table}"}},
      {{"CREATE TABLE {table} ({what} VARCHAR PRIMARY KEY)"},
       {"CREATE TABLE {table} ({what} VARCHAR PRIMARY KEY)"}}}},
    {"a size for {table}",
     "sizes are lost",
     {{{GT_LADDER_GUARD "FROM {table} WHERE size > 0 LIMIT 1",
        "ALTER TABLE {table} DROP COLUMN size"},
       {GT_LADDER_GUARD "FROM {table} WHERE size > 0 LIMIT 1", "DROP INDEX {schema}{bare}_size",
        "ALTER TABLE {table} DROP COLUMN size"}},
      {{"ALTER TABLE {table} ADD COLUMN size BIGINT NOT NULL DEFAULT 0",
        "CREATE INDEX {index}_size ON {on} (size)"},
       {"ALTER TABLE {table} ADD COLUMN size BIGINT NOT NULL DEFAULT 0",
        "CREATE INDEX {index}_size ON {on} (size)"}}}},
};

static const gt_word_t words[] = {{"what", {"about", NULL}}, {NULL, {NULL, NULL}}};

static const gt_ladder_t notes = {
    .name = "the notes", .steps = steps, .newest = 2, .names = {"notes", words, NULL, ""}};

static int version_of(bench_t *bench)
{
    int version = -1;

    bench_ok(gt_ladder_version(&version, &notes, bench->db, bench->pool));
    return version;
}

static gt_err_t *go_to(bench_t *bench, int target)
{
    int version = version_of(bench);
    apr_array_header_t *plan;

    GT_TRY(gt_ladder_plan(&plan, &notes, bench->db, target, bench->pool));
    for (int i = 0; i < plan->nelts; i++)
        GT_TRY(gt_ladder_apply(&APR_ARRAY_IDX(plan, i, gt_migration_t), &notes, target > version,
                               bench->db, bench->pool));
    return GT_OK;
}

START_TEST(each_ladder_has_a_version_of_its_own)
{
    bench_t *bench = bench_open(_i);
    int store;

    bench_migrate(bench, 3);
    ck_assert_int_eq(version_of(bench), 0);
    bench_ok(go_to(bench, 2));
    ck_assert_int_eq(version_of(bench), 2);
    bench_ok(gt_ladder_version(&store, bench_ladder(bench), bench->db, bench->pool));
    ck_assert_int_eq(store, 3);
    bench_ok(go_to(bench, 1));
    bench_ok(gt_ladder_version(&store, bench_ladder(bench), bench->db, bench->pool));
    ck_assert_int_eq(store, 3);
    bench_migrate(bench, gt_store_newest());
    ck_assert_int_eq(version_of(bench), 1);
    bench_run(bench, "INSERT INTO notes (about) VALUES ('a')");
    bench_close(bench);
}
END_TEST

START_TEST(the_last_ladder_takes_what_all_share)
{
    static const char *const look[GT_ENGINES] = {
        "SELECT count(*) FROM pg_class WHERE relname = 'graphtok_schema' AND relnamespace = "
        "'bench'::regnamespace",
        "SELECT count(*) FROM sqlite_master WHERE name = 'graphtok_schema'"};
    bench_t *bench = bench_open(_i);

    bench_migrate(bench, 1);
    bench_ok(go_to(bench, 2));
    bench_migrate(bench, 0);
    ck_assert_str_eq(bench_ask(bench, look[bench->engine]), "1");
    ck_assert_int_eq(version_of(bench), 2);
    bench_ok(go_to(bench, 0));
    ck_assert_str_eq(bench_ask(bench, look[bench->engine]), "0");
    bench_close(bench);
}
END_TEST

START_TEST(a_guard_stops_a_step_unless_the_table_goes)
{
    bench_t *bench = bench_open(_i);

    bench_ok(go_to(bench, 2));
    bench_run(bench, "INSERT INTO notes (about, size) VALUES ('a', 1)");
    ck_assert_ptr_nonnull(go_to(bench, 1));
    ck_assert_int_eq(version_of(bench), 2);
    ck_assert_str_eq(bench_ask(bench, "SELECT size FROM notes"), "1");
    bench_ok(go_to(bench, 0));
    ck_assert_int_eq(version_of(bench), 0);
    bench_close(bench);
}
END_TEST

START_TEST(a_table_that_is_there_is_not_taken_over)
{
    bench_t *bench = bench_open(_i);

    bench_run(bench, "CREATE TABLE notes (mine VARCHAR)");
    bench_tag(go_to(bench, 2), "GT0428");
    bench_run(bench, "INSERT INTO notes (mine) VALUES ('kept')");
    bench_close(bench);
}
END_TEST

START_TEST(there_are_as_many_steps_as_it_says)
{
    bench_t *bench = bench_open(_i);

    bench_tag(go_to(bench, 3), "GT0418");
    bench_tag(go_to(bench, -1), "GT0418");
    bench_close(bench);
}
END_TEST

/* A table that is renamed keeps its indexes and constraints under their names. The administrator's
 * own ones stay, also those that end alike. */
START_TEST(nothing_of_ours_stays_on_a_table_that_was_renamed)
{
    static const char *const left[] = {
        [GT_PGSQL] =
            "SELECT string_agg(conname, ' ' ORDER BY conname) || ' ' || "
            "(SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_index JOIN pg_class "
            "ON oid = indexrelid WHERE indrelid = 'grants'::regclass) FROM pg_constraint "
            "WHERE conrelid = 'grants'::regclass AND contype <> 'n'",
        [GT_SQLITE] = "SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_index_list("
                      "'grants') WHERE name NOT LIKE 'sqlite_%' ORDER BY name)"};
    bench_t *bench = bench_open(_i);

    bench_run(bench, "CREATE TABLE people (name VARCHAR PRIMARY KEY)");
    bench->conf->references = "people(name)";
    bench_migrate(bench, gt_store_newest());
    bench_run(bench, "ALTER TABLE user_tokens RENAME TO grants");
    bench_run(bench, "ALTER TABLE user_tokens_gone RENAME TO grants_gone");
    bench_run(bench, "ALTER TABLE user_tokens_jobs RENAME TO grants_jobs");
    bench_run(bench, "ALTER TABLE user_tokens_counts RENAME TO grants_counts");
    bench_run(bench, "ALTER TABLE user_tokens_access RENAME TO grants_access");
    bench_run(bench, "ALTER TABLE user_tokens_sessions RENAME TO grants_sessions");
    bench_run(bench, "ALTER TABLE user_tokens_bulk RENAME TO grants_bulk");
    bench_run(bench, "ALTER TABLE user_tokens_bulk_items RENAME TO grants_bulk_items");
    bench_run(bench, "ALTER TABLE user_tokens_history RENAME TO grants_history");
    bench_run(bench, "ALTER TABLE user_tokens_hours RENAME TO grants_hours");
    bench_run(bench, "UPDATE graphtok_schema SET table_name = 'grants', was_taken_over = 1");
    bench_run(bench, "UPDATE graphtok_ids SET what = 'store grants' "
                     "WHERE what = 'store user_tokens'");
    if (bench->engine == GT_PGSQL)
        bench_run(bench, "CREATE INDEX my_expires ON grants (expires_at)");
    bench_run(bench, "INSERT INTO people (name) VALUES ('tom')");
    bench_run(bench, "INSERT INTO grants (user_id, encrypted_access_token, "
                     "encrypted_refresh_token, expires_at) VALUES ('tom', '', '', '2026-11-21')");
    bench_run(bench, "INSERT INTO grants_access (user_id, provider, resource, "
                     "encrypted_access_token, expires_at, generation, obtained_at) VALUES "
                     "('tom', 'microsoft', 'outlook', '', 1, 1, 1)");
    bench_run(bench, "DELETE FROM grants");
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM grants_access"), "0");
    bench->conf->table = "grants";
    bench_migrate(bench, 0);
    if (bench->engine == GT_SQLITE)
        ck_assert_ptr_null(
            bench_ask(bench, "SELECT name FROM sqlite_master WHERE type = 'trigger'"));
    if (bench->engine == GT_PGSQL)
        ck_assert_str_eq(bench_ask(bench, left[GT_PGSQL]),
                         "grants_user_id_key user_tokens_pkey "
                         "grants_user_id_key my_expires user_tokens_pkey");
    else
        ck_assert_ptr_null(bench_ask(bench, left[GT_SQLITE]));
    bench_close(bench);
}
END_TEST

Suite *suite_ladder(void)
{
    Suite *suite = suite_create("ladder");
    TCase *tcase = tcase_create("of another room");

    tcase_add_loop_test(tcase, each_ladder_has_a_version_of_its_own, 0, bench_engines());
    tcase_add_loop_test(tcase, the_last_ladder_takes_what_all_share, 0, bench_engines());
    tcase_add_loop_test(tcase, a_guard_stops_a_step_unless_the_table_goes, 0, bench_engines());
    tcase_add_loop_test(tcase, a_table_that_is_there_is_not_taken_over, 0, bench_engines());
    tcase_add_loop_test(tcase, there_are_as_many_steps_as_it_says, 0, bench_engines());
    tcase_add_loop_test(tcase, nothing_of_ours_stays_on_a_table_that_was_renamed, 0,
                        bench_engines());
    suite_add_tcase(suite, tcase);
    return suite;
}
