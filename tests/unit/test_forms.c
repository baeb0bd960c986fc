/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Rows in the forms of before and after step 6, and nodes of both times beside each other. What the
 * version before wrote stands in a file that it wrote (tests/vectors/forms_before_ids).
 */

#include "gt_test.h"

#include "store/store_ladder.h"
#include "desk.h"
#include "store/ids.h"
#include "store/rekey.h"

Suite *suite_forms(void);

#define BEFORE_IDS 5
#define STORE_ID "SELECT id FROM graphtok_ids WHERE what = 'store user_tokens'"

static const gt_owner_t eve = {"eve", "microsoft"};

static const char *member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    ck_assert_ptr_nonnull(text);
    return text;
}

/* A store of the version before with its rows: tom and eve (Fernet); ann's was sealed while the
 * table was called app.user_tokens. */
static desk_t old_desk(int loop)
{
    json_t *forms = load_vectors("forms_before_ids/forms.json");
    const json_t *row;
    desk_t desk;
    size_t i;

    desk.bench = bench_open(loop);
    desk.pool = desk.bench->pool;
    desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
    bench_migrate(desk.bench, BEFORE_IDS);
    json_array_foreach (json_object_get(forms, "rows"), i, row)
        bench_run(desk.bench,
                  apr_psprintf(desk.pool,
                               "INSERT INTO user_tokens (id, user_id, encrypted_access_token, "
                               "encrypted_refresh_token, encrypted_id_token, "
                               "previous_refresh_token, expires_at) VALUES "
                               "('0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a0%d', '%s', '%s', '%s', '%s', "
                               "'%s', '2026-11-21 08:30:15')",
                               (int)i, member(row, "user"), member(row, "encrypted_access_token"),
                               member(row, "encrypted_refresh_token"),
                               member(row, "encrypted_id_token"),
                               member(row, "previous_refresh_token")));
    json_decref(forms);
    return desk;
}

/* Another process's view of the same store. */
static desk_t other_node(const desk_t *desk)
{
    desk_t other = *desk;

    other.store = gt_store_make(desk->bench->conf, desk->bench->db, desk->bench->ring, desk->pool);
    return other;
}

static void is_as_written(desk_t *desk, const gt_owner_t *owner)
{
    const gt_grant_t *grant = desk_found(desk, owner);

    ck_assert_ptr_nonnull(grant);
    ck_assert(desk_holds(grant->access,
                         apr_pstrcat(desk->pool, owner->user, " encrypted_access_token", NULL),
                         desk->pool));
    ck_assert(desk_holds(grant->refresh,
                         apr_pstrcat(desk->pool, owner->user, " encrypted_refresh_token", NULL),
                         desk->pool));
}

static const char *form_of(desk_t *desk, const gt_owner_t *owner)
{
    return bench_ask(desk->bench,
                     apr_psprintf(desk->pool,
                                  "SELECT substr(encrypted_refresh_token, 1, 4) FROM user_tokens "
                                  "WHERE user_id = '%s'",
                                  owner->user));
}

START_TEST(test_T15_what_the_version_before_wrote_is_read)
{
    desk_t desk = old_desk(_i);

    is_as_written(&desk, &desk_tom);
    is_as_written(&desk, &eve);
    bench_migrate(desk.bench, gt_store_newest());
    is_as_written(&desk, &desk_tom);
    is_as_written(&desk, &eve);
    desk = other_node(&desk);
    is_as_written(&desk, &desk_tom);
    is_as_written(&desk, &eve);
    bench_migrate(desk.bench, 2); /* further down, only Fernet is let */
    bench_migrate(desk.bench, gt_store_newest());
    is_as_written(&desk, &desk_tom);
    is_as_written(&desk, &eve);
    bench_close(desk.bench);
}
END_TEST

/* Nodes of the version before read what a new one writes until the database is migrated. */
START_TEST(without_an_id_the_old_form_is_written)
{
    desk_t desk = old_desk(_i);

    desk_signed_in(&desk, &desk_tom, "a1");
    ck_assert_str_eq(form_of(&desk, &desk_tom), "gt1.");
    bench_close(desk.bench);
}
END_TEST

static apr_time_t moved_ticks(void)
{
    return fake_time;
}

START_TEST(a_running_node_follows_a_migration)
{
    desk_t desk = old_desk(_i);
    desk_t fresh = other_node(&desk);
    gt_ids_t ids;

    fake_time = apr_time_from_sec(1000);
    gt_clock_set(NULL, moved_ticks);
    is_as_written(&desk, &desk_tom);
    gt_store_ids(&ids, desk.store, desk.pool);
    ck_assert_int_eq(ids.is_read, 1);
    ck_assert_str_eq(ids.store, "");
    bench_migrate(desk.bench, gt_store_newest());
    /* A node that knows the id writes; one that does not looks it up at once. */
    desk_signed_in(&fresh, &eve, "a1");
    ck_assert_str_eq(form_of(&desk, &eve), "gt2.");
    ck_assert(desk_holds(desk_found(&desk, &eve)->access, "a1", desk.pool));
    gt_store_ids(&ids, desk.store, desk.pool);
    ck_assert_str_eq(ids.store, bench_ask(desk.bench, STORE_ID));
    ck_assert_str_eq(ids.database,
                     bench_ask(desk.bench, "SELECT id FROM graphtok_ids WHERE what = 'database'"));
    gt_clock_set(NULL, NULL);
    bench_close(desk.bench);
}
END_TEST

/* The same without a value that needs it: time alone. */
START_TEST(an_id_is_looked_for_now_and_then)
{
    desk_t desk = old_desk(_i);

    fake_time = apr_time_from_sec(1000);
    gt_clock_set(NULL, moved_ticks);
    is_as_written(&desk, &desk_tom);
    bench_migrate(desk.bench, gt_store_newest());
    desk_signed_in(&desk, &desk_tom, "a1");
    ck_assert_str_eq(form_of(&desk, &desk_tom), "gt1.");
    fake_time += apr_time_from_sec(6);
    desk_signed_in(&desk, &desk_tom, "a2");
    ck_assert_str_eq(form_of(&desk, &desk_tom), "gt2.");
    gt_clock_set(NULL, NULL);
    bench_close(desk.bench);
}
END_TEST

/* The id is another one: migrated down and up again by another server, or a restored copy. */
START_TEST(an_id_that_changed_is_noticed_by_what_it_opens)
{
    desk_t desk = desk_open(_i);
    desk_t other = other_node(&desk);

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_run(desk.bench, "DELETE FROM user_tokens");
    bench_migrate(desk.bench, BEFORE_IDS);
    bench_migrate(desk.bench, gt_store_newest());
    desk_signed_in(&other, &desk_tom, "a2");
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a2", desk.pool));
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_table_by_another_spelling_keeps_its_rows)
{
    desk_t desk = old_desk(_i);
    const char *spellings[2] = {_i == 0 ? "main.user_tokens" : "bench.user_tokens", "user_tokens"};

    for (int step = BEFORE_IDS; step <= gt_store_newest(); step++) {
        for (int s = 0; s < 2; s++) {
            desk.bench->conf->table = spellings[s];
            desk = other_node(&desk);
            is_as_written(&desk, &desk_tom);
            desk_signed_in(&desk, &eve, "a1");
            desk.bench->conf->table = spellings[1 - s];
            desk = other_node(&desk);
            ck_assert(desk_holds(desk_found(&desk, &eve)->access, "a1", desk.pool));
        }
        desk.bench->conf->table = "user_tokens";
        if (step < gt_store_newest())
            bench_migrate(desk.bench, step + 1);
    }
    bench_close(desk.bench);
}
END_TEST

/* As docs/operating.md says it. */
START_TEST(a_table_may_be_renamed)
{
    desk_t desk = desk_open(_i);

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_run(desk.bench, "ALTER TABLE user_tokens RENAME TO grants");
    bench_run(desk.bench, "UPDATE graphtok_schema SET table_name = 'grants'");
    bench_run(desk.bench, "UPDATE graphtok_ids SET what = 'store grants' "
                          "WHERE what = 'store user_tokens'");
    desk.bench->conf->table = "grants";
    desk = other_node(&desk);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a1", desk.pool));
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T2_a_row_of_another_store_does_not_open)
{
    desk_t desk = desk_open(_i);
    gt_store_conf_t *beta = gt_store_conf_default("beta", desk.pool);
    gt_grant_t *grant;
    gt_store_t *other;

    desk_signed_in(&desk, &desk_tom, "a1");
    beta->table = "beta_tokens";
    desk.bench->conf = beta;
    bench_migrate(desk.bench, gt_store_newest());
    bench_run(desk.bench, "INSERT INTO beta_tokens SELECT * FROM user_tokens");
    other = gt_store_make(beta, desk.bench->db, desk.bench->ring, desk.pool);
    bench_tag(gt_grant_find(&grant, other, &desk_tom, desk.pool), "GT0209");
    bench_close(desk.bench);
}
END_TEST

START_TEST(reencryption_brings_all_rows_to_the_present_form)
{
    static const char *const left =
        "SELECT count(*) FROM user_tokens WHERE substr(encrypted_access_token, 1, 8) <> 'gt2.new.' "
        "OR substr(encrypted_refresh_token, 1, 8) <> 'gt2.new.' OR "
        "substr(encrypted_id_token, 1, 8) <> 'gt2.new.'";
    desk_t desk = old_desk(_i);
    apr_array_header_t *rows = apr_array_make(desk.pool, 2, sizeof(gt_key_rows_t));
    apr_int64_t n = 0;
    gt_range_t range;
    gt_rekey_t pass;

    bench_run(desk.bench, "DELETE FROM user_tokens WHERE user_id = 'ann'");
    bench_migrate(desk.bench, gt_store_newest());
    range = bench_range(desk.store, desk.pool);
    bench_ok(gt_rekey_left(&n, &range, desk.pool));
    ck_assert_int_eq(n, 2);
    gt_rekey_begin(&pass, desk.store);
    bench_ok(gt_rekey_some(&pass, 10, desk.pool));
    ck_assert_int_eq(pass.moved, 2);
    ck_assert_int_eq(pass.stuck, 0);
    ck_assert_str_eq(bench_ask(desk.bench, left), "0");
    n = 0;
    bench_ok(gt_rekey_left(&n, &range, desk.pool));
    ck_assert_int_eq(n, 0);
    is_as_written(&desk, &desk_tom);
    is_as_written(&desk, &eve);
    bench_ok(gt_rekey_rows(rows, &range, desk.pool));
    ck_assert_int_eq(rows->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(rows, 0, gt_key_rows_t).id, "new");
    ck_assert_int_eq(APR_ARRAY_IDX(rows, 0, gt_key_rows_t).rows, 2);
    bench_close(desk.bench);
}
END_TEST

/* The way back that GT0441 names. */
START_TEST(by_fernet_rows_go_back_to_the_version_before)
{
    desk_t desk = desk_open(_i);
    apr_array_header_t *plan;
    gt_rekey_t pass;

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_tag(
        gt_ladder_plan(&plan, bench_ladder(desk.bench), desk.bench->db, BEFORE_IDS, desk.pool),
        "GT0441");
    desk.bench->conf->cipher = GT_FERNET;
    gt_rekey_begin(&pass, desk.store);
    bench_ok(gt_rekey_some(&pass, 10, desk.pool));
    ck_assert_int_eq(pass.moved, 1);
    bench_migrate(desk.bench, BEFORE_IDS);
    desk = other_node(&desk);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a1", desk.pool));
    desk_signed_in(&desk, &desk_tom, "a2");
    ck_assert_str_eq(form_of(&desk, &desk_tom), "gAAA");
    bench_close(desk.bench);
}
END_TEST

Suite *suite_forms(void)
{
    Suite *suite = suite_create("forms");
    TCase *tcase = tcase_create("rows");
    const int n = bench_engines();

    tcase_add_loop_test(tcase, test_T15_what_the_version_before_wrote_is_read, 0, n);
    tcase_add_loop_test(tcase, without_an_id_the_old_form_is_written, 0, n);
    tcase_add_loop_test(tcase, a_running_node_follows_a_migration, 0, n);
    tcase_add_loop_test(tcase, an_id_is_looked_for_now_and_then, 0, n);
    tcase_add_loop_test(tcase, an_id_that_changed_is_noticed_by_what_it_opens, 0, n);
    tcase_add_loop_test(tcase, a_table_by_another_spelling_keeps_its_rows, 0, n);
    tcase_add_loop_test(tcase, a_table_may_be_renamed, 0, n);
    tcase_add_loop_test(tcase, test_T2_a_row_of_another_store_does_not_open, 0, n);
    tcase_add_loop_test(tcase, reencryption_brings_all_rows_to_the_present_form, 0, n);
    tcase_add_loop_test(tcase, by_fernet_rows_go_back_to_the_version_before, 0, n);
    suite_add_tcase(suite, tcase);
    return suite;
}
