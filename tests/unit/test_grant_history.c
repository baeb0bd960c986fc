/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Histories of grants (store/grant_history), on both engines. */

#include <string.h>

#include <apr_strings.h>
#include <check.h>

#include "desk.h"
#include "store/grant_history.h"

Suite *suite_grant_history(void);

static void add(desk_t *desk, const gt_owner_t *owner, const char *detail)
{
    const gt_history_t entry = {
        .owner = *owner, .event = "refresh", .outcome = "succeeded", .detail = detail};

    bench_ok(gt_history_add(&entry, 1, desk->store, desk->pool));
}

static apr_array_header_t *listed(desk_t *desk, const gt_owner_t *owner)
{
    apr_array_header_t *entries;

    bench_ok(gt_history_list(&entries, desk->store, owner, desk->pool));
    return entries;
}

static const gt_history_t *entry(const apr_array_header_t *entries, int i)
{
    ck_assert_int_lt(i, entries->nelts);
    return &APR_ARRAY_IDX(entries, i, gt_history_t);
}

START_TEST(the_last_fifty_are_kept)
{
    desk_t desk = desk_open(_i);
    apr_array_header_t *entries;

    desk_signed_in(&desk, &desk_tom, "a");
    desk_signed_in(&desk, &desk_ann, "a");
    add(&desk, &desk_ann, "ann's");
    for (int i = 0; i < 2 * GT_HISTORY_MAX + 7; i++)
        add(&desk, &desk_tom, apr_itoa(desk.pool, i));
    entries = listed(&desk, &desk_tom);
    ck_assert_int_eq(entries->nelts, GT_HISTORY_MAX);
    for (int i = 0; i < entries->nelts; i++)
        ck_assert_str_eq(entry(entries, i)->detail,
                         apr_itoa(desk.pool, 2 * GT_HISTORY_MAX + 6 - i));
    ck_assert_int_eq(listed(&desk, &desk_ann)->nelts, 1);
    bench_close(desk.bench);
}
END_TEST

/* All that is written is read; long texts are cut between characters. */
START_TEST(an_entry_comes_back)
{
    desk_t desk = desk_open(_i);
    const char *snowmen = "";
    const gt_history_t *found;

    for (int i = 0; i < 100; i++)
        snowmen = apr_pstrcat(desk.pool, snowmen, "\xe2\x98\x83", NULL);
    desk_signed_in(&desk, &desk_tom, "a");
    const gt_history_t one = {.owner = desk_tom,
                              .event = "deactivate",
                              .outcome = "failed",
                              .detail = snowmen,
                              .tag = "GT0501",
                              .administrator = "o'hara \"x\" {user}",
                              .address = "2001:db8::1"};
    bench_ok(gt_history_add(&one, 1, desk.store, desk.pool));
    found = entry(listed(&desk, &desk_tom), 0);
    ck_assert_str_eq(found->event, "deactivate");
    ck_assert_str_eq(found->outcome, "failed");
    ck_assert_int_eq((int)strlen(found->detail), 198);
    ck_assert_str_eq(found->tag, "GT0501");
    ck_assert_str_eq(found->administrator, "o'hara \"x\" {user}");
    ck_assert_str_eq(found->address, "2001:db8::1");
    ck_assert_int_le(llabs(found->at - apr_time_now()), apr_time_from_sec(60));
    bench_close(desk.bench);
}
END_TEST

/* Many at once, those without a grant left out; a history goes with its grant, also by a plain
 * DELETE. */
START_TEST(a_history_goes_with_its_grant)
{
    desk_t desk = desk_open(_i);
    const gt_owner_t nobody = {"nobody", "microsoft"};
    const gt_history_t three[] = {{.owner = desk_tom, .event = "cleanup", .outcome = "succeeded"},
                                  {.owner = nobody, .event = "cleanup", .outcome = "succeeded"},
                                  {.owner = desk_ann, .event = "cleanup", .outcome = "succeeded"}};

    desk_signed_in(&desk, &desk_tom, "a");
    desk_signed_in(&desk, &desk_ann, "a");
    bench_ok(gt_history_add(three, 3, desk.store, desk.pool));
    ck_assert_int_eq(listed(&desk, &desk_tom)->nelts, 1);
    ck_assert_int_eq(listed(&desk, &nobody)->nelts, 0);
    bench_run(desk.bench, apr_psprintf(desk.pool, "DELETE FROM user_tokens WHERE user_id = '%s'",
                                       desk_tom.user));
    ck_assert_int_eq(listed(&desk, &desk_tom)->nelts, 0);
    ck_assert_int_eq(listed(&desk, &desk_ann)->nelts, 1);
    desk_signed_in(&desk, &desk_tom, "a");
    ck_assert_int_eq(listed(&desk, &desk_tom)->nelts, 0);
    bench_close(desk.bench);
}
END_TEST

/* An application deletes users, one after the other: neither waits for the other. */
START_TEST(many_entries_wait_for_no_transaction)
{
    desk_t desk = desk_open(_i);
    gt_db_t *other = bench_db(desk.bench, "");
    const gt_history_t both[] = {{.owner = desk_tom, .event = "cleanup", .outcome = "succeeded"},
                                 {.owner = desk_ann, .event = "cleanup", .outcome = "succeeded"}};
    apr_array_header_t *none;

    desk_signed_in(&desk, &desk_tom, "a");
    desk_signed_in(&desk, &desk_ann, "a");
    bench_ok(gt_db_literal_rows(&none, other, "BEGIN", desk.pool));
    bench_ok(gt_db_literal_rows(
        &none, other, "DELETE FROM user_tokens WHERE user_id = 'tom' RETURNING 1", desk.pool));
    bench_ok(gt_history_add(both, 2, desk.store, desk.pool));
    ck_assert_int_eq(listed(&desk, &desk_ann)->nelts, 1);
    bench_ok(gt_db_literal_rows(&none, other, "ROLLBACK", desk.pool));
    ck_assert_int_eq(listed(&desk, &desk_tom)->nelts, 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(old_entries_are_dropped)
{
    desk_t desk = desk_open(_i);
    int more = 1;

    desk_signed_in(&desk, &desk_tom, "a");
    for (int i = 0; i < 4; i++)
        add(&desk, &desk_tom, apr_itoa(desk.pool, i));
    bench_run(desk.bench, "UPDATE user_tokens_history SET noted_at = noted_at - 2592060 "
                          "WHERE detail < '2'");
    bench_ok(gt_grant_purge(&more, desk.store, desk.pool));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(listed(&desk, &desk_tom)->nelts, 2);
    add(&desk, &desk_tom, "next");
    ck_assert_str_eq(entry(listed(&desk, &desk_tom), 0)->detail, "next");
    bench_close(desk.bench);
}
END_TEST

/* Before the step that makes the table nothing is noted, and nothing fails. */
START_TEST(a_store_without_the_table_keeps_none)
{
    desk_t desk = desk_open(_i);
    int more;

    bench_migrate(desk.bench, 16);
    desk.store =
        gt_store_make(desk.bench->conf, desk.bench->db, gt_store_ring(desk.store), desk.pool);
    desk_signed_in(&desk, &desk_tom, "a");
    add(&desk, &desk_tom, "x");
    ck_assert_int_eq(listed(&desk, &desk_tom)->nelts, 0);
    bench_ok(gt_grant_purge(&more, desk.store, desk.pool));
    bench_close(desk.bench);
}
END_TEST

Suite *suite_grant_history(void)
{
    Suite *suite = suite_create("grant_history");
    TCase *tcase = tcase_create("both engines");

    tcase_add_loop_test(tcase, the_last_fifty_are_kept, 0, bench_engines());
    tcase_add_loop_test(tcase, an_entry_comes_back, 0, bench_engines());
    tcase_add_loop_test(tcase, a_history_goes_with_its_grant, 0, bench_engines());
    tcase_add_loop_test(tcase, many_entries_wait_for_no_transaction, 1, bench_engines());
    tcase_add_loop_test(tcase, old_entries_are_dropped, 0, bench_engines());
    tcase_add_loop_test(tcase, a_store_without_the_table_keeps_none, 0, bench_engines());
    suite_add_tcase(suite, tcase);
    return suite;
}
