/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Lists of grants, page by page, on both engines. */

#include <string.h>

#include <apr_strings.h>
#include <check.h>

#include "desk.h"
#include "store/grant.h"

Suite *suite_grant_list(void);

START_TEST(pages_of_a_list_hold_each_row_once)
{
    desk_t desk = desk_open(_i);
    apr_array_header_t *page;
    const gt_grant_filter_t any = {.status = -1, .within = -1};
    gt_grant_place_t after = {0};
    int seen = 0, i;

    for (i = 0; i < 5; i++) {
        const gt_owner_t owner = {apr_psprintf(desk.pool, "u%d", i), "microsoft"};

        desk_signed_in(&desk, &owner, "a");
    }
    do {
        bench_ok(gt_grant_list(&page, desk.store, &any, seen ? &after : NULL, 2, desk.pool));
        for (i = 0; i < page->nelts; i++) {
            const gt_grant_t *grant = APR_ARRAY_IDX(page, i, gt_grant_t *);

            ck_assert_ptr_null(grant->access);
            ck_assert_int_eq(grant->owner.user[0], 'u');
            seen |= 1 << (grant->owner.user[1] - '0');
            after = (gt_grant_place_t){.owner = grant->owner};
        }
    } while (page->nelts == 2);
    ck_assert_int_eq(page->nelts, 1);
    ck_assert_int_eq(seen, 31);
    bench_close(desk.bench);
}
END_TEST

/* Users "ann" to "dan": at two providers, one of each status, one whose token has ended. */
START_TEST(a_list_has_what_its_filter_asks_for)
{
    static const struct {
        gt_grant_filter_t filter;
        const char *users;
    } rows[] = {
        {{NULL, -1, -1, 0, GT_BY_USER}, "ann ann ben cat dan"},
        {{"google", -1, -1, 0, GT_BY_USER}, "ann"},
        {{"none", -1, -1, 0, GT_BY_USER}, ""},
        {{NULL, GT_ACTIVE, -1, 0, GT_BY_USER}, "ann ann dan"},
        {{NULL, GT_INACTIVE, -1, 0, GT_BY_USER}, "ben"},
        {{NULL, GT_NEEDS_USER, -1, 0, GT_BY_USER}, "cat"},
        {{"microsoft", GT_NEEDS_USER, -1, 0, GT_BY_USER}, "cat"},
        {{"google", GT_NEEDS_USER, -1, 0, GT_BY_USER}, ""},
        {{NULL, -1, 0, 0, GT_BY_USER}, "dan"},
        {{NULL, GT_ACTIVE, 0, 0, GT_BY_USER}, "dan"},
        {{NULL, -1, 86400, 0, GT_BY_USER}, "dan"},
        {{NULL, -1, INT64_C(86400) * 36500, 0, GT_BY_USER}, "ann ann ben cat dan"},
    };
    desk_t desk = desk_open(_i);
    const gt_owner_t owners[] = {{"ann", "google"},
                                 {"ann", "microsoft"},
                                 {"ben", "microsoft"},
                                 {"cat", "microsoft"},
                                 {"dan", "microsoft"}};

    for (apr_size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        desk_signed_in(&desk, &owners[i], "a");
    bench_run(desk.bench, "UPDATE user_tokens SET status = 0 WHERE user_id = 'ben'");
    bench_run(desk.bench, "UPDATE user_tokens SET status = 2 WHERE user_id = 'cat'");
    bench_run(desk.bench, "UPDATE user_tokens SET expires_at = '2099-01-01 00:00:00'");
    bench_run(desk.bench, "UPDATE user_tokens SET expires_at = '2020-01-01 00:00:00' "
                          "WHERE user_id = 'dan'");
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_grant_place_t after = {0};
        apr_array_header_t *page;
        const char *users = "";
        apr_int64_t count, n = 0;

        do {
            bench_ok(gt_grant_list(&page, desk.store, &rows[i].filter, n > 0 ? &after : NULL, 2,
                                   desk.pool));
            for (int g = 0; g < page->nelts; g++) {
                after.owner = APR_ARRAY_IDX(page, g, gt_grant_t *)->owner;
                users = apr_pstrcat(desk.pool, users, n++ > 0 ? " " : "", after.owner.user, NULL);
            }
        } while (page->nelts == 2);
        ck_assert_str_eq(users, rows[i].users);
        bench_ok(gt_grant_list_count(&count, desk.store, &rows[i].filter, desk.pool));
        ck_assert_int_eq(count, n);
    }
    bench_close(desk.bench);
}
END_TEST

/* Users "u0" to "u6": ends and changes in another order than names, two of one time each. */
static void spread(desk_t *desk)
{
    static const char *const times[][2] = {
        {"'2030-01-05 00:00:00'", "'2020-01-01 00:00:00'"},
        {"'2030-01-01 00:00:00.250000'", "'2020-01-07 00:00:00'"},
        {"'2030-01-01 00:00:00.750000'", "'2020-01-03 00:00:00.5'"},
        {"'2030-01-07 00:00:00'", "'2020-01-03 00:00:00.5'"},
        {"'2030-01-03 00:00:00'", "'1999-12-31 00:00:00'"},
        {"'2030-01-03 00:00:00'", "'2020-01-02 00:00:00'"},
        {"'2030-01-02 00:00:00'", "'2020-01-05 00:00:00'"}};

    for (int i = 0; i < (int)(sizeof(times) / sizeof(times[0])); i++) {
        const gt_owner_t owner = {apr_psprintf(desk->pool, "u%d", i), "microsoft"};

        desk_signed_in(desk, &owner, "a");
        bench_run(desk->bench,
                  apr_psprintf(desk->pool,
                               "UPDATE user_tokens SET expires_at = %s, updated_at = %s, status = "
                               "%d, error_count = %d WHERE user_id = 'u%d'",
                               times[i][0], times[i][1], i % 2, i % 3 == 0, i));
    }
}

/* In each order and of each subset that has indexes, in pages of any size. */
START_TEST(a_list_stands_in_its_order)
{
    static const struct {
        gt_grant_filter_t filter;
        const char *digits;
    } rows[] = {
        {{NULL, -1, -1, 0, GT_BY_EXPIRY}, "1264503"},
        {{NULL, -1, -1, 0, GT_BY_EXPIRY_DOWN}, "3054621"},
        {{NULL, -1, -1, 0, GT_BY_CHANGE}, "4052361"},
        {{NULL, -1, -1, 0, GT_BY_CHANGE_DOWN}, "1632504"},
        {{NULL, 0, -1, 0, GT_BY_EXPIRY}, "2640"},
        {{NULL, 0, -1, 0, GT_BY_EXPIRY_DOWN}, "0462"},
        {{NULL, 0, -1, 0, GT_BY_CHANGE}, "4026"},
        {{NULL, 0, -1, 0, GT_BY_CHANGE_DOWN}, "6204"},
        {{NULL, -1, -1, 1, GT_BY_USER}, "036"},
        {{NULL, -1, -1, 1, GT_BY_EXPIRY}, "603"},
        {{NULL, -1, -1, 1, GT_BY_EXPIRY_DOWN}, "306"},
        {{NULL, -1, -1, 1, GT_BY_CHANGE}, "036"},
        {{NULL, -1, -1, 1, GT_BY_CHANGE_DOWN}, "630"},
        {{NULL, 1, -1, 1, GT_BY_EXPIRY}, "3"},
        {{NULL, 1, -1, 0, GT_BY_EXPIRY}, "153"},
    };
    desk_t desk = desk_open(_i);

    spread(&desk);
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int size = 1; size <= 8; size += 2) {
            gt_grant_place_t after = {0};
            apr_array_header_t *page;
            const char *digits = "";
            apr_int64_t count;

            do {
                bench_ok(gt_grant_list(&page, desk.store, &rows[i].filter,
                                       *digits != '\0' ? &after : NULL, size, desk.pool));
                for (int g = 0; g < page->nelts; g++) {
                    const gt_grant_t *grant = APR_ARRAY_IDX(page, g, gt_grant_t *);

                    after = (gt_grant_place_t){grant->owner, grant->time_key};
                    digits = apr_pstrcat(desk.pool, digits, &grant->owner.user[1], NULL);
                }
            } while (page->nelts == size);
            ck_assert_str_eq(digits, rows[i].digits);
            bench_ok(gt_grant_list_count(&count, desk.store, &rows[i].filter, desk.pool));
            ck_assert_int_eq(count, (apr_int64_t)strlen(digits));
        }
    bench_close(desk.bench);
}
END_TEST

/* What comes back from outside as a place. */
START_TEST(a_time_is_checked)
{
    ck_assert(gt_grant_is_time(NULL, GT_BY_USER, GT_PGSQL));
    ck_assert(!gt_grant_is_time("1", GT_BY_USER, GT_PGSQL));
    ck_assert(!gt_grant_is_time(NULL, GT_BY_EXPIRY, GT_PGSQL));
    ck_assert(gt_grant_is_time("1732992000123456", GT_BY_EXPIRY, GT_PGSQL));
    ck_assert(!gt_grant_is_time("999999999999999999", GT_BY_CHANGE, GT_PGSQL));
    ck_assert(!gt_grant_is_time("2030-01-01", GT_BY_CHANGE_DOWN, GT_PGSQL));
    ck_assert(gt_grant_is_time("2030-01-01 00:00:00", GT_BY_CHANGE_DOWN, GT_SQLITE));
    ck_assert(!gt_grant_is_time("2030-01-01 00:00:00 and a lot of other words", GT_BY_CHANGE_DOWN,
                                GT_SQLITE));
}
END_TEST

Suite *suite_grant_list(void)
{
    Suite *suite = suite_create("grant_list");
    TCase *tcase = tcase_create("both engines");

    tcase_add_loop_test(tcase, pages_of_a_list_hold_each_row_once, 0, bench_engines());
    tcase_add_loop_test(tcase, a_list_has_what_its_filter_asks_for, 0, bench_engines());
    tcase_add_loop_test(tcase, a_list_stands_in_its_order, 0, bench_engines());
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("pure");
    tcase_add_test(tcase, a_time_is_checked);
    suite_add_tcase(suite, tcase);
    return suite;
}
