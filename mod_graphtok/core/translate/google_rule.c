/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file google_rule.c
 * Graph's recurrence as an RRULE. Both agree on the days; where Graph takes the last day of a short
 * month for the 29th to the 31st, the rule says so. A day is looked at by itself, so that each
 * pattern is one small predicate.
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"
#include "translate/google_write.h"

#define LONGEST (366 * 200) /* days that are counted */

static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                    "thursday", "friday", "saturday"};
static const char *const words[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
static const char *const indexes[] = {"first", "second", "third", "fourth", "last"};

/** A day of the calendar. */
typedef struct date_t {
    int year, month, day;
    int number;  /* days since 1970 */
    int weekday; /* 0: Sunday */
} date_t;

/** Graph's pattern. */
typedef struct pattern_t {
    const char *type;
    apr_int64_t interval, month_day, month;
    int days[7]; /* 1: of the pattern */
    int index;   /* 0 to 3, 4: last */
    int week;    /* the first day of a week */
} pattern_t;

/* ---- dates ---- */

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

/* Years begin in March, so that a leap day is the last one. */
static int number_of(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return 365 * y + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static int read_date(date_t *date, const char *text, apr_pool_t *p)
{
    apr_int64_t year, month, day;

    if (text == NULL || strlen(text) != 10 ||
        !gt_number(&year, apr_pstrmemdup(p, text, 4), 1601, 9999) ||
        !gt_number(&month, apr_pstrmemdup(p, text + 5, 2), 1, 12) ||
        !gt_number(&day, text + 8, 1, days_of_month((int)year, (int)month)))
        return 0;
    *date = (date_t){(int)year, (int)month, (int)day, 0, 0};
    date->number = number_of(date->year, date->month, date->day);
    date->weekday = ((date->number + 4) % 7 + 7) % 7;
    return 1;
}

static void next_day(date_t *date)
{
    date->number++;
    date->weekday = (date->weekday + 1) % 7;
    if (++date->day <= days_of_month(date->year, date->month))
        return;
    date->day = 1;
    if (++date->month <= 12)
        return;
    date->month = 1;
    date->year++;
}

/* ---- the pattern ---- */

static int is(const char *text, const char *word)
{
    return text != NULL && strcasecmp(text, word) == 0;
}

static int place_of(const char *text, const char *const *list, int count, int fallback)
{
    for (int i = 0; i < count; i++)
        if (is(text, list[i]))
            return i;
    return fallback;
}

static pattern_t read_pattern(const json_t *pattern)
{
    pattern_t read = {.type = gt_json_text(pattern, "type"), .interval = 1};
    const json_t *day;
    size_t i;

    if (!gt_json_number(&read.interval, pattern, "interval") || read.interval < 1)
        read.interval = 1;
    if (!gt_json_number(&read.month_day, pattern, "dayOfMonth"))
        read.month_day = 0;
    if (!gt_json_number(&read.month, pattern, "month"))
        read.month = 0;
    json_array_foreach (json_object_get(pattern, "daysOfWeek"), i, day) {
        int place = place_of(json_string_value(day), names, 7, -1);

        if (place >= 0)
            read.days[place] = 1;
    }
    read.index = place_of(gt_json_text(pattern, "index"), indexes, 5, 0);
    read.week = place_of(gt_json_text(pattern, "firstDayOfWeek"), names, 7, 0);
    return read;
}

static int is_relative(const pattern_t *pattern)
{
    return strncasecmp(pattern->type, "relative", 8) == 0;
}

static int is_yearly(const pattern_t *pattern)
{
    return strcasecmp(pattern->type, "absoluteYearly") == 0 ||
           strcasecmp(pattern->type, "relativeYearly") == 0;
}

/* The nth of the month's days that the pattern names; the last one has none behind it. */
static int is_nth(const pattern_t *pattern, date_t date)
{
    int before = 0, after = 0;
    int last = days_of_month(date.year, date.month);

    if (!pattern->days[date.weekday])
        return 0;
    for (int day = 1; day <= last; day++) {
        int weekday = ((date.weekday + day - date.day) % 7 + 7) % 7;

        before += pattern->days[weekday] && day < date.day;
        after += pattern->days[weekday] && day > date.day;
    }
    return pattern->index == 4 ? after == 0 : before == pattern->index;
}

static int is_month_day(const pattern_t *pattern, date_t date)
{
    int last = days_of_month(date.year, date.month);

    return date.day == (pattern->month_day < last ? (int)pattern->month_day : last);
}

static int falls_on(const pattern_t *pattern, date_t first, date_t date)
{
    int months = (date.year - first.year) * 12 + date.month - first.month;
    int week_begins = first.number - (first.weekday - pattern->week + 7) % 7;

    if (is(pattern->type, "daily"))
        return (date.number - first.number) % pattern->interval == 0;
    if (is(pattern->type, "weekly"))
        return pattern->days[date.weekday] &&
               (date.number - week_begins) / 7 % pattern->interval == 0;
    if (is_yearly(pattern)
            ? date.month != pattern->month || (date.year - first.year) % pattern->interval != 0
            : months % pattern->interval != 0)
        return 0;
    return is_relative(pattern) ? is_nth(pattern, date) : is_month_day(pattern, date);
}

/* ---- the rule ---- */

static const char *days_text(const pattern_t *pattern, apr_pool_t *p)
{
    const char *text = "";

    for (int i = 0; i < 7; i++)
        if (pattern->days[i])
            text = apr_pstrcat(p, text, *text != '\0' ? "," : "", words[i], NULL);
    return text;
}

static const char *pattern_text(const pattern_t *pattern, apr_pool_t *p)
{
    const char *days = days_text(pattern, p);
    const char *head = apr_psprintf(p, ";INTERVAL=%" APR_INT64_T_FMT, pattern->interval);
    const char *month =
        is_yearly(pattern) ? apr_psprintf(p, ";BYMONTH=%d", (int)pattern->month) : "";

    if (is(pattern->type, "daily"))
        return apr_pstrcat(p, "FREQ=DAILY", head, NULL);
    if (is(pattern->type, "weekly"))
        return apr_pstrcat(p, "FREQ=WEEKLY", head, ";BYDAY=", days, ";WKST=", words[pattern->week],
                           NULL);
    head = apr_pstrcat(p, is_yearly(pattern) ? "FREQ=YEARLY" : "FREQ=MONTHLY", head, month, NULL);
    if (is_relative(pattern))
        return apr_psprintf(p, "%s;BYDAY=%s;BYSETPOS=%d", head, days,
                            pattern->index == 4 ? -1 : pattern->index + 1);
    if (pattern->month_day <= 28)
        return apr_psprintf(p, "%s;BYMONTHDAY=%d", head, (int)pattern->month_day);
    return apr_psprintf(p, "%s;BYMONTHDAY=%.*s;BYSETPOS=-1", head,
                        (int)(pattern->month_day - 27) * 3 - 1, "28,29,30,31");
}

static int count_days(const pattern_t *pattern, date_t first, date_t last)
{
    int count = 0;

    for (date_t date = first; date.number <= last.number; next_day(&date))
        count += falls_on(pattern, first, date);
    return count;
}

static int refuse(gt_google_fault_t *fault, const char *field, const char *message)
{
    *fault = (gt_google_fault_t){field, message};
    return 0;
}

/* ";COUNT=…"; NULL: there is no such range. */
static int range_text(const char **text, gt_google_fault_t *fault, const pattern_t *pattern,
                      const json_t *range, apr_pool_t *p)
{
    const char *type = gt_json_text(range, "type");
    date_t first, last;
    apr_int64_t count;

    *text = "";
    if (!read_date(&first, gt_json_text(range, "startDate"), p) || !falls_on(pattern, first, first))
        return refuse(fault, "recurrence.range.startDate",
                      "must be a day of the pattern: a series begins on its first day at Google");
    if (is(type, "noEnd"))
        return 1;
    if (is(type, "numbered")) {
        if (!gt_json_number(&count, range, "numberOfOccurrences"))
            return refuse(fault, "recurrence.range.numberOfOccurrences", "is missing");
    }
    else {
        if (!read_date(&last, gt_json_text(range, "endDate"), p) || last.number < first.number ||
            last.number - first.number > LONGEST)
            return refuse(fault, "recurrence.range.endDate",
                          "must be startDate or later, within 200 years of it");
        count = count_days(pattern, first, last);
    }
    *text = apr_psprintf(p, ";COUNT=%" APR_INT64_T_FMT, count);
    return 1;
}

int gt_google_rule(const char **rule, gt_google_fault_t *fault, const json_t *recurrence,
                   apr_pool_t *p)
{
    const pattern_t pattern = read_pattern(json_object_get(recurrence, "pattern"));
    const char *range;

    if (pattern.type == NULL)
        return refuse(fault, "recurrence.pattern.type", "is missing");
    if (!range_text(&range, fault, &pattern, json_object_get(recurrence, "range"), p))
        return 0;
    *rule = apr_pstrcat(p, "RRULE:", pattern_text(&pattern, p), range, NULL);
    return 1;
}
