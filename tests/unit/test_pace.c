/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* How background refreshes are spread: shares of a rate, leads, pauses, delays. */

#include <check.h>
#include <stdlib.h>

#include "jobs/pace.h"
#include "store/due.h"

Suite *suite_pace(void);

#define SECONDS(n) apr_time_from_sec(n)
#define MINUTES(n) apr_time_from_sec(60 * (n))

START_TEST(all_parts_together_keep_to_the_rate)
{
    static const apr_int64_t rates[] = {1, 2, 7, 8, 9, 15, 16, 50, 200, 999, 10000};

    for (apr_size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        gt_pace_t pace = gt_pace_of(rates[i]);
        double most = (double)pace.batch * GT_PARTS / (double)apr_time_sec(pace.period);

        ck_assert_int_ge(pace.batch, 1);
        ck_assert_int_eq(pace.period % SECONDS(1), 0);
        ck_assert(most <= (double)rates[i]);
        /* And do not waste it: more than half of what is allowed is used. */
        ck_assert(most > (double)rates[i] / 2);
    }
}
END_TEST

START_TEST(parts_begin_one_after_the_other_and_all_before_the_margin)
{
    apr_interval_time_t before = 0;

    for (int part = 0; part < GT_PARTS; part++) {
        apr_interval_time_t lead = gt_pace_lead(MINUTES(5), MINUTES(10), part);

        ck_assert_int_gt(lead, before);
        ck_assert_int_ge(lead, MINUTES(10));
        ck_assert_int_le(lead, MINUTES(15));
        before = lead;
    }
    ck_assert_int_eq(before, MINUTES(15));
}
END_TEST

START_TEST(a_pause_is_short_beside_what_there_is_to_spare)
{
    static const apr_interval_time_t aheads[] = {SECONDS(1), SECONDS(40), MINUTES(10),
                                                 MINUTES(720)};
    int differ = 0;

    for (apr_size_t i = 0; i < sizeof(aheads) / sizeof(aheads[0]); i++) {
        apr_interval_time_t first = gt_pace_pause(aheads[i]);

        for (int n = 0; n < 200; n++) {
            apr_interval_time_t pause = gt_pace_pause(aheads[i]);

            ck_assert_int_ge(pause, SECONDS(1));
            ck_assert_int_le(pause, SECONDS(36));
            ck_assert(pause == SECONDS(1) || pause * 10 <= aheads[i]);
            differ += pause != first;
        }
    }
    ck_assert_int_gt(differ, 100);
}
END_TEST

START_TEST(a_batch_starts_over_the_whole_period)
{
    apr_interval_time_t before = -1;

    for (int i = 0; i < 25; i++) {
        apr_interval_time_t delay = gt_pace_delay(i, 25, SECONDS(2));

        ck_assert_int_ge(delay, SECONDS(2) / 25 * i);
        ck_assert_int_lt(delay, SECONDS(2) / 25 * (i + 1));
        ck_assert_int_gt(delay, before);
        before = delay;
    }
    ck_assert_int_lt(gt_pace_delay(0, 1, SECONDS(2)), SECONDS(2));
}
END_TEST

Suite *suite_pace(void)
{
    Suite *suite = suite_create("pace");
    TCase *tcase = tcase_create("pace");

    tcase_add_test(tcase, all_parts_together_keep_to_the_rate);
    tcase_add_test(tcase, parts_begin_one_after_the_other_and_all_before_the_margin);
    tcase_add_test(tcase, a_pause_is_short_beside_what_there_is_to_spare);
    tcase_add_test(tcase, a_batch_starts_over_the_whole_period);
    suite_add_tcase(suite, tcase);
    return suite;
}
