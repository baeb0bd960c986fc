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
    const gt_owner_t *after = NULL;
    int seen = 0, i;

    for (i = 0; i < 5; i++) {
        const gt_owner_t owner = {apr_psprintf(desk.pool, "u%d", i), "microsoft"};

        desk_signed_in(&desk, &owner, "a");
    }
    do {
        bench_ok(gt_grant_list(&page, desk.store, &any, after, 2, desk.pool));
        for (i = 0; i < page->nelts; i++) {
            const gt_grant_t *grant = APR_ARRAY_IDX(page, i, gt_grant_t *);

            ck_assert_ptr_null(grant->access);
            ck_assert_int_eq(grant->owner.user[0], 'u');
            seen |= 1 << (grant->owner.user[1] - '0');
            after = &grant->owner;
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
        {{NULL, -1, -1}, "ann ann ben cat dan"},
        {{"google", -1, -1}, "ann"},
        {{"none", -1, -1}, ""},
        {{NULL, GT_ACTIVE, -1}, "ann ann dan"},
        {{NULL, GT_INACTIVE, -1}, "ben"},
        {{NULL, GT_NEEDS_USER, -1}, "cat"},
        {{"microsoft", GT_NEEDS_USER, -1}, "cat"},
        {{"google", GT_NEEDS_USER, -1}, ""},
        {{NULL, -1, 0}, "dan"},
        {{NULL, GT_ACTIVE, 0}, "dan"},
        {{NULL, -1, 86400}, "dan"},
        {{NULL, -1, INT64_C(86400) * 36500}, "ann ann ben cat dan"},
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
        const gt_owner_t *after = NULL;
        apr_array_header_t *page;
        const char *users = "";
        apr_int64_t count, n = 0;

        do {
            bench_ok(gt_grant_list(&page, desk.store, &rows[i].filter, after, 2, desk.pool));
            for (int g = 0; g < page->nelts; g++) {
                after = &APR_ARRAY_IDX(page, g, gt_grant_t *)->owner;
                users = apr_pstrcat(desk.pool, users, n++ > 0 ? " " : "", after->user, NULL);
            }
        } while (page->nelts == 2);
        ck_assert_str_eq(users, rows[i].users);
        bench_ok(gt_grant_list_count(&count, desk.store, &rows[i].filter, desk.pool));
        ck_assert_int_eq(count, n);
    }
    bench_close(desk.bench);
}
END_TEST

Suite *suite_grant_list(void)
{
    Suite *suite = suite_create("grant_list");
    TCase *tcase = tcase_create("both engines");

    tcase_add_loop_test(tcase, pages_of_a_list_hold_each_row_once, 0, bench_engines());
    tcase_add_loop_test(tcase, a_list_has_what_its_filter_asks_for, 0, bench_engines());
    suite_add_tcase(suite, tcase);
    return suite;
}
