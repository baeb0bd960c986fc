/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file google_recurrence.c
 * An RRULE (RFC 5545 section 3.3.10) as one of Graph's six patterns and three ranges.
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "translate/google_calendar.h"

#define DAY apr_time_from_sec(24 * 3600)

/* Sunday first, as in Graph's documentation. */
static const char *const short_days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
static const char *const long_days[] = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};
static const char *const indexes[] = {"first", "second", "third", "fourth"};
static const char known_parts[] =
    "FREQ INTERVAL COUNT UNTIL BYDAY BYMONTHDAY BYMONTH BYSETPOS WKST";

/** A rule taken apart. */
typedef struct rule_t {
    apr_table_t *parts;
    apr_int64_t position; /* BYSETPOS, or the number before a single day; 0: none */
    json_t *days;         /* of BYDAY, in Graph's words; empty: none */
    apr_pool_t *pool;
} rule_t;

static const char *part(const rule_t *rule, const char *name)
{
    return apr_table_get(rule->parts, name);
}

static int is(const rule_t *rule, const char *name, const char *value)
{
    const char *text = part(rule, name);

    return text != NULL && strcasecmp(text, value) == 0;
}

/* "RRULE:FREQ=…;…"; 0 when a part is not known, or comes twice. */
static int take_parts(rule_t *rule, const char *text)
{
    const apr_array_header_t *words;

    rule->parts = apr_table_make(rule->pool, 8);
    if (text == NULL || strncasecmp(text, "RRULE:", 6) != 0)
        return 0;
    words = gt_split(text + 6, ";", rule->pool);
    for (int i = 0; i < words->nelts; i++) {
        char *name = apr_pstrdup(rule->pool, APR_ARRAY_IDX(words, i, const char *));
        char *value = strchr(name, '=');

        if (value == NULL)
            return 0;
        *value++ = '\0';
        if (!gt_has_word(known_parts, name) || part(rule, name) != NULL)
            return 0;
        apr_table_setn(rule->parts, name, value);
    }
    return part(rule, "FREQ") != NULL;
}

/* -1: no day. */
static int day_number(const char *word)
{
    int day = 6;

    while (day >= 0 && strcasecmp(word, short_days[day]) != 0)
        day--;
    return day;
}

/* "2TU" */
static int take_position(rule_t *rule, const char *word, apr_size_t len)
{
    apr_size_t sign = *word == '+';

    return gt_number(&rule->position, apr_pstrmemdup(rule->pool, word + sign, len - sign), -1, 4);
}

/* "MO,WE" or "2TU": a number stands before one day alone. The days are those of a set, so each is
 * given once, in the order of a week. */
static int take_days(rule_t *rule)
{
    const char *text = part(rule, "BYDAY"), *set = part(rule, "BYSETPOS");
    const apr_array_header_t *words = gt_split(text != NULL ? text : "", ",", rule->pool);
    int has[7] = {0};

    rule->days = gt_json_own(json_array(), rule->pool);
    rule->position = 0;
    if (set != NULL && !gt_number(&rule->position, set, -1, 4))
        return 0;
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        apr_size_t len = strlen(word);
        int day = len >= 2 ? day_number(word + len - 2) : -1;

        if (day < 0)
            return 0;
        if (len > 2 && (words->nelts > 1 || set != NULL || !take_position(rule, word, len - 2)))
            return 0;
        has[day] = 1;
    }
    for (int day = 0; day < 7; day++)
        if (has[day])
            json_array_append_new(rule->days, json_string(long_days[day]));
    return 1;
}

static int put_number(json_t *pattern, const char *name, const rule_t *rule, const char *from,
                      apr_int64_t most)
{
    apr_int64_t number;

    if (part(rule, from) == NULL || !gt_number(&number, part(rule, from), 1, most))
        return 0;
    gt_json_set_number(pattern, name, number);
    return 1;
}

/* 31 in short months is their last day to Graph: the last of 28, 29, 30 and 31. */
static int put_month_day(json_t *pattern, const rule_t *rule)
{
    const char *text = part(rule, "BYMONTHDAY");
    const char *last = text != NULL ? strrchr(text, ',') : NULL;
    apr_int64_t day;

    if (last == NULL)
        return rule->position == 0 && put_number(pattern, "dayOfMonth", rule, "BYMONTHDAY", 31);
    if (rule->position != -1 || !gt_number(&day, last + 1, 29, 31) ||
        strncmp("28,29,30,31", text, strlen(text)) != 0)
        return 0;
    gt_json_set_number(pattern, "dayOfMonth", day);
    return 1;
}

/* The day of a rule that names none is that of its start. */
static int put_day_of(json_t *pattern, const char *name, const char *date, int from)
{
    apr_int64_t number;

    if (date == NULL || !gt_number(&number, date + from, 0, 31))
        return 0;
    gt_json_set_number(pattern, name, number);
    return 1;
}

static int put_index(json_t *pattern, const rule_t *rule)
{
    if (rule->position == 0 || json_array_size(rule->days) == 0)
        return 0;
    gt_json_set(pattern, "index", rule->position < 0 ? "last" : indexes[rule->position - 1]);
    json_object_set(pattern, "daysOfWeek", rule->days);
    return 1;
}

/* A month's day by its number, or by its place among the days of the week. */
static int put_month_pattern(json_t *pattern, const rule_t *rule, const char *date,
                             const char *absolute, const char *relative)
{
    if (json_array_size(rule->days) > 0) {
        gt_json_set(pattern, "type", relative);
        return part(rule, "BYMONTHDAY") == NULL && put_index(pattern, rule);
    }
    gt_json_set(pattern, "type", absolute);
    if (part(rule, "BYMONTHDAY") != NULL)
        return put_month_day(pattern, rule);
    return rule->position == 0 &&
           put_day_of(pattern, "dayOfMonth", apr_pstrmemdup(rule->pool, date + 8, 2), 0);
}

static int put_week_pattern(json_t *pattern, const rule_t *rule, const char *date)
{
    json_t *days = rule->days;
    apr_time_t start;

    gt_json_set(pattern, "type", "weekly");
    if (rule->position != 0 || part(rule, "BYMONTHDAY") != NULL || part(rule, "BYMONTH") != NULL)
        return 0;
    if (json_array_size(days) == 0) {
        if (!gt_local_time_parse(&start, apr_pstrcat(rule->pool, date, "T00:00", NULL)))
            return 0;
        /* 1 January 1970 was a Thursday. */
        json_array_append_new(days, json_string(long_days[((start / DAY) % 7 + 7 + 4) % 7]));
    }
    json_object_set(pattern, "daysOfWeek", days);
    return 1;
}

static int put_year_pattern(json_t *pattern, const rule_t *rule, const char *date)
{
    int has_month = part(rule, "BYMONTH") != NULL
                        ? put_number(pattern, "month", rule, "BYMONTH", 12)
                        : put_day_of(pattern, "month", apr_pstrmemdup(rule->pool, date + 5, 2), 0);

    return has_month && put_month_pattern(pattern, rule, date, "absoluteYearly", "relativeYearly");
}

static int put_pattern(json_t *pattern, const rule_t *rule, const char *date)
{
    const char *week = part(rule, "WKST");

    if (part(rule, "INTERVAL") == NULL)
        gt_json_set_number(pattern, "interval", 1);
    else if (!put_number(pattern, "interval", rule, "INTERVAL", INT32_MAX))
        return 0;
    if (week != NULL && day_number(week) < 0)
        return 0;
    gt_json_set(pattern, "firstDayOfWeek", week != NULL ? long_days[day_number(week)] : "monday");
    if (is(rule, "FREQ", "DAILY")) {
        gt_json_set(pattern, "type", "daily");
        return apr_table_elts(rule->parts)->nelts ==
               1 + (part(rule, "INTERVAL") != NULL) + (week != NULL) +
                   (part(rule, "COUNT") != NULL) + (part(rule, "UNTIL") != NULL);
    }
    if (is(rule, "FREQ", "WEEKLY"))
        return put_week_pattern(pattern, rule, date);
    if (is(rule, "FREQ", "MONTHLY"))
        return part(rule, "BYMONTH") == NULL &&
               put_month_pattern(pattern, rule, date, "absoluteMonthly", "relativeMonthly");
    return is(rule, "FREQ", "YEARLY") && put_year_pattern(pattern, rule, date);
}

/* "20261130T225959Z" or "20261130", as a moment of UTC. */
static int read_until(apr_time_t *until, const char *text, apr_pool_t *p)
{
    if (strlen(text) == 8)
        text = apr_pstrcat(p, text, "T235959Z", NULL);
    if (strlen(text) != 16)
        return 0;
    return gt_rfc3339_parse(until, apr_psprintf(p, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4,
                                                text + 6, text + 9, text + 11, text + 13));
}

/* The last day on which an occurrence at the start's time of the day can begin. */
static const char *last_day(const char *until_text, const char *start, apr_pool_t *p)
{
    apr_time_t until, moment, local;

    if (!read_until(&until, until_text, p))
        return NULL;
    if (gt_rfc3339_parse(&moment, start) &&
        gt_local_time_parse(&local, apr_pstrmemdup(p, start, 19)))
        until += local - moment - local % DAY;
    return apr_pstrmemdup(p, gt_rfc3339(until, p), 10);
}

static int put_range(json_t *range, const rule_t *rule, const json_t *start, const char *date)
{
    const char *zone = gt_json_text(start, "timeZone");
    const char *until = part(rule, "UNTIL"), *day = NULL;

    gt_json_set(range, "startDate", date);
    gt_json_set(range, "endDate", "0001-01-01");
    gt_json_set_number(range, "numberOfOccurrences", 0);
    gt_json_set(range, "recurrenceTimeZone", zone != NULL ? zone : "UTC");
    if (until == NULL && part(rule, "COUNT") == NULL) {
        gt_json_set(range, "type", "noEnd");
        return 1;
    }
    if (until == NULL) {
        gt_json_set(range, "type", "numbered");
        return put_number(range, "numberOfOccurrences", rule, "COUNT", INT32_MAX);
    }
    day = last_day(until, gt_json_text(start, "dateTime"), rule->pool);
    gt_json_set(range, "type", "endDate");
    gt_json_set(range, "endDate", day);
    return day != NULL && part(rule, "COUNT") == NULL;
}

json_t *gt_google_recurrence(const char *text, const json_t *start, apr_pool_t *p)
{
    const char *date = gt_json_text(start, "date");
    json_t *recurrence = gt_json_object(p);
    json_t *pattern = json_object(), *range = json_object();
    rule_t rule = {.pool = p};

    gt_json_put(recurrence, "pattern", pattern);
    gt_json_put(recurrence, "range", range);
    if (date == NULL)
        date = gt_json_text(start, "dateTime");
    if (date == NULL || strlen(date) < 10)
        return NULL;
    date = apr_pstrmemdup(p, date, 10);
    if (!take_parts(&rule, text) || !take_days(&rule) || !put_pattern(pattern, &rule, date) ||
        !put_range(range, &rule, start, date))
        return NULL;
    return recurrence;
}
