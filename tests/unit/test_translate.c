/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Series between Graph and Google: days that are counted, rules that come back as they were. */

#include "gt_test.h"

#include "base/json.h"
#include "translate/google_calendar.h"
#include "translate/google_write.h"
#include "translate/zones.h"

Suite *suite_translate(void);

static json_t *parse(const char *text)
{
    json_t *value = NULL;

    ck_ok(gt_json_parse(&value, text, strlen(text), pool));
    return value;
}

typedef struct series_case_t {
    const char *pattern, *range; /* Graph's */
    const char *rule;            /* Google's, or the field that is refused */
} series_case_t;

#define UNTIL(first, last)                                                                         \
    "\"type\":\"endDate\",\"startDate\":\"" first "\",\"endDate\":\"" last "\""
#define REFUSED "recurrence.range."
#define OPEN(first) "\"type\":\"noEnd\",\"startDate\":\"" first "\""

static const series_case_t series[] = {
    {"\"type\":\"daily\",\"interval\":1", UNTIL("2028-02-28", "2028-03-01"),
     "FREQ=DAILY;INTERVAL=1;COUNT=3"},
    {"\"type\":\"daily\",\"interval\":1", UNTIL("2027-12-31", "2028-12-31"),
     "FREQ=DAILY;INTERVAL=1;COUNT=367"},
    {"\"type\":\"weekly\",\"interval\":2,\"daysOfWeek\":[\"sunday\",\"monday\"],"
     "\"firstDayOfWeek\":\"monday\"",
     UNTIL("2030-03-04", "2030-03-31"), "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO;COUNT=4"},
    {"\"type\":\"weekly\",\"interval\":2,\"daysOfWeek\":[\"sunday\",\"monday\"],"
     "\"firstDayOfWeek\":\"sunday\"",
     UNTIL("2030-03-04", "2030-03-31"), "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU;COUNT=4"},
    {"\"type\":\"absoluteMonthly\",\"interval\":1,\"dayOfMonth\":31",
     UNTIL("2030-01-31", "2030-04-30"),
     "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=28,29,30,31;BYSETPOS=-1;COUNT=4"},
    {"\"type\":\"absoluteMonthly\",\"interval\":1,\"dayOfMonth\":29", OPEN("2030-01-29"),
     "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=28,29;BYSETPOS=-1"},
    {"\"type\":\"relativeMonthly\",\"interval\":3,\"daysOfWeek\":[\"friday\"],"
     "\"index\":\"last\"",
     UNTIL("2030-05-31", "2031-05-31"), "FREQ=MONTHLY;INTERVAL=3;BYDAY=FR;BYSETPOS=-1;COUNT=5"},
    {"\"type\":\"relativeMonthly\",\"interval\":1,\"daysOfWeek\":[\"monday\",\"tuesday\"],"
     "\"index\":\"second\"",
     UNTIL("2030-05-07", "2030-06-30"), "FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,TU;BYSETPOS=2;COUNT=2"},
    {"\"type\":\"absoluteYearly\",\"interval\":1,\"dayOfMonth\":29,\"month\":2",
     UNTIL("2028-02-29", "2032-03-01"),
     "FREQ=YEARLY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1;COUNT=5"},
    {"\"type\":\"weekly\",\"interval\":1,\"daysOfWeek\":[\"monday\"]", OPEN("2030-03-05"),
     REFUSED "startDate"},
    {"\"type\":\"daily\",\"interval\":1", OPEN("2030-02-30"), REFUSED "startDate"},
    {"\"type\":\"daily\",\"interval\":1", UNTIL("2030-02-02", "2030-02-01"), REFUSED "endDate"},
};

static int day_of(const json_t *recurrence)
{
    const json_t *pattern = json_object_get(recurrence, "pattern");

    return (int)json_integer_value(json_object_get(pattern, "dayOfMonth"));
}

START_TEST(series_are_written_and_read)
{
    const series_case_t *row = &series[_i];
    json_t *recurrence =
        parse(apr_psprintf(pool, "{\"pattern\":{%s},\"range\":{%s}}", row->pattern, row->range));
    json_t *start = gt_json_object(pool), *back;
    gt_google_fault_t fault = {NULL, NULL};
    const char *rule = NULL;
    int is_known = gt_google_rule(&rule, &fault, recurrence, pool);

    if (strncmp(row->rule, REFUSED, strlen(REFUSED)) == 0) {
        ck_assert_int_eq(is_known, 0);
        ck_assert_str_eq(fault.field, row->rule);
        return;
    }
    ck_assert_int_eq(is_known, 1);
    ck_assert_str_eq(rule, apr_pstrcat(pool, "RRULE:", row->rule, NULL));
    gt_json_set(start, "date", gt_json_text(json_object_get(recurrence, "range"), "startDate"));
    back = gt_google_recurrence(rule, start, pool);
    ck_assert_ptr_nonnull(back);
    ck_assert_str_eq(gt_json_text(json_object_get(back, "pattern"), "type"),
                     gt_json_text(json_object_get(recurrence, "pattern"), "type"));
    ck_assert_int_eq(day_of(back), day_of(recurrence));
}
END_TEST

static const char *const unknown_rules[] = {
    "FREQ=HOURLY",
    "FREQ=DAILY;BYDAY=MO",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYMONTHDAY=1,15",
    "FREQ=MONTHLY;BYDAY=MO",
    "FREQ=MONTHLY;BYDAY=5MO",
    "FREQ=MONTHLY;BYDAY=1MO,2TU",
    "FREQ=YEARLY;BYWEEKNO=20",
    "FREQ=YEARLY;BYMONTH=1,7",
    "FREQ=DAILY;COUNT=3;UNTIL=20300101T000000Z",
    "FREQ=DAILY;COUNT=0",
    "FREQ=DAILY;FREQ=DAILY",
    "INTERVAL=1",
    "",
};

START_TEST(days_are_a_set)
{
    json_t *start = parse("{\"dateTime\":\"2030-03-04T09:00:00+01:00\"}");
    json_t *back = gt_google_recurrence("RRULE:FREQ=WEEKLY;BYDAY=WE,MO,WE", start, pool);
    json_t *days = json_object_get(json_object_get(back, "pattern"), "daysOfWeek");

    ck_assert_int_eq((int)json_array_size(days), 2);
    ck_assert_str_eq(json_string_value(json_array_get(days, 0)), "monday");
}
END_TEST

START_TEST(rules_that_graph_does_not_have)
{
    json_t *start = parse("{\"dateTime\":\"2030-03-04T09:00:00+01:00\"}");

    ck_assert_ptr_null(
        gt_google_recurrence(apr_pstrcat(pool, "RRULE:", unknown_rules[_i], NULL), start, pool));
}
END_TEST

START_TEST(zones_have_their_names_of_the_world)
{
    ck_assert_str_eq(gt_zone_iana("W. Europe Standard Time"), "Europe/Berlin");
    ck_assert_str_eq(gt_zone_iana("tzone://Microsoft/Utc"), "UTC");
    ck_assert_str_eq(gt_zone_iana("America/Lima"), "America/Lima");
}
END_TEST

Suite *suite_translate(void)
{
    Suite *suite = suite_create("translate");
    TCase *tcase = tcase_create("translate");

    tcase_add_checked_fixture(tcase, make_pool, drop_pool);
    tcase_add_loop_test(tcase, series_are_written_and_read, 0, sizeof(series) / sizeof(series[0]));
    tcase_add_test(tcase, days_are_a_set);
    tcase_add_loop_test(tcase, rules_that_graph_does_not_have, 0,
                        sizeof(unknown_rules) / sizeof(unknown_rules[0]));
    tcase_add_test(tcase, zones_have_their_names_of_the_world);
    suite_add_tcase(suite, tcase);
    return suite;
}
