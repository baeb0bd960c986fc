/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Days as they are written, and what is said of an end that is near. */

#include <apr_strings.h>

#include "base/clock.h"
#include "conf/expiry.h"
#include "gt_test.h"

Suite *suite_expiry(void);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY apr_time_from_sec(86400)

static const char *const good_days[] = {"2027-03-01", "2028-02-29", "1999-12-31"};
static const char *const bad_days[] = {"",           "2027-3-1",    "2027-02-29", "2027-13-01",
                                       "01.03.2027", "2027-03-01Z", "tomorrow!!", "2027/03/01"};

START_TEST(test_days)
{
    for (size_t i = 0; i < COUNT(good_days); i++)
        ck_assert_int_eq(gt_is_day(good_days[i]), 1);
    for (size_t i = 0; i < COUNT(bad_days); i++)
        ck_assert_int_eq(gt_is_day(bad_days[i]), 0);
}
END_TEST

static const struct {
    apr_interval_time_t left, before;
    const char *says; /* NULL: nothing */
    int is_over;
} alarms[] = {
    {31 * DAY, 30 * DAY, NULL, 0},
    {30 * DAY, 30 * DAY, "ends on 2027-03-01, in 30 days: renew it before", 0},
    {DAY / 2, 30 * DAY, "ends on 2027-03-01, in 0 days: renew it before", 0},
    {DAY / 2, DAY / 3, NULL, 0},
    {1, DAY, "in 0 days", 0},
    {0, DAY, "ended on 2027-03-01: renew it", 1},
    {-400 * DAY, DAY, "ended on 2027-03-01: renew it", 1},
};

START_TEST(test_alarms)
{
    gt_provider_conf_t *provider = gt_provider_conf_default("microsoft", pool);
    gt_expiry_t expiry = {"secret", 0};
    const char *text;
    int is_over;

    provider->secret_expires = "2027-03-01";
    provider->alarm_before = alarms[_i].before;
    expiry.at = gt_secret_expires(provider);
    ck_assert_str_eq(gt_rfc3339(expiry.at, pool), "2027-03-01T00:00:00Z");
    text = gt_expiry_alarm(&is_over, &expiry, provider, expiry.at - alarms[_i].left, pool);
    ck_assert_int_eq(text != NULL, alarms[_i].says != NULL);
    if (text != NULL) {
        ck_assert_ptr_nonnull(strstr(text, alarms[_i].says));
        ck_assert_ptr_nonnull(strstr(text, "the client secret of provider microsoft"));
    }
    ck_assert_int_eq(is_over, alarms[_i].is_over);
}
END_TEST

START_TEST(test_no_end_is_known)
{
    ck_assert(gt_secret_expires(gt_provider_conf_default("microsoft", pool)) == 0);
}
END_TEST

Suite *suite_expiry(void)
{
    Suite *suite = suite_create("expiry");
    TCase *tcase = case_with_pool(suite, "expiry");

    tcase_add_test(tcase, test_days);
    tcase_add_loop_test(tcase, test_alarms, 0, COUNT(alarms));
    tcase_add_test(tcase, test_no_end_is_known);
    return suite;
}
