/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Time: two clocks that tests can replace, and the spellings of time that strangers and
 * administrators use. Parsers look at each character and accept nothing else around it.
 * Sources: RFC 3339 (ISO 8601's extended form), RFC 9110 sections 5.6.7 and 10.2.3.
 */

#include "base/clock.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <apr_date.h>
#include <apr_strings.h>

#include "base/text.h"

#define SPAN_MAX (apr_time_from_sec(10LL * 365 * 24 * 3600))
#define RETRY_AFTER_MAX (apr_time_from_sec(3600))

static apr_time_t (*wall_clock)(void) = apr_time_now;

static apr_time_t read_monotonic(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

static apr_time_t (*tick_clock)(void) = read_monotonic;

apr_time_t gt_now(void)
{
    return wall_clock();
}

apr_time_t gt_ticks(void)
{
    return tick_clock();
}

void gt_clock_set(apr_time_t (*now)(void), apr_time_t (*ticks)(void))
{
    wall_clock = now != NULL ? now : apr_time_now;
    tick_clock = ticks != NULL ? ticks : read_monotonic;
}

static int is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static apr_int64_t days_since_epoch(int year, int month, int day)
{
    apr_int64_t before = year - 1;
    apr_int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    int m;

    for (m = 1; m < month; m++)
        days += days_in(year, m);
    return days + day - 1;
}

char *gt_rfc3339(apr_time_t t, apr_pool_t *p)
{
    char text[24];
    struct tm parts;
    time_t seconds = (time_t)(t / APR_USEC_PER_SEC - (t % APR_USEC_PER_SEC < 0));

    /* The form has four digits for the year: 0000-01-01 to 9999-12-31. */
    if (seconds < -62167219200 || seconds > 253402300799)
        seconds = seconds < 0 ? -62167219200 : 253402300799;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%FT%TZ", &parts);
    return parts.tm_year >= -900
               ? apr_pstrdup(p, text)
               : apr_psprintf(p, "%04d%s", parts.tm_year + 1900, strchr(text, '-'));
}

/* Exactly `n` digits within [min, max] at *text, which moves on. */
static int take_digits(int *number, const char **text, int n, int min, int max)
{
    int i;

    *number = 0;
    for (i = 0; i < n; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return 0;
        *number = *number * 10 + (**text - '0');
    }
    return *number >= min && *number <= max;
}

static int take_char(const char **text, char expected)
{
    if (**text != expected)
        return 0;
    (*text)++;
    return 1;
}

static int take_date(apr_int64_t *days, const char **text)
{
    int year, month, day;

    if (!take_digits(&year, text, 4, 1, 9999) || !take_char(text, '-') ||
        !take_digits(&month, text, 2, 1, 12) || !take_char(text, '-') ||
        !take_digits(&day, text, 2, 1, days_in(year, month)))
        return 0;
    *days = days_since_epoch(year, month, day);
    return 1;
}

/* A fraction of a second, 1 to 9 digits after a point; absent is zero. */
static int take_fraction(apr_time_t *usec, const char **text)
{
    int digits = 0;
    apr_time_t value = 0;

    *usec = 0;
    if (!take_char(text, '.'))
        return 1;
    for (; **text >= '0' && **text <= '9'; (*text)++, digits++)
        if (digits < 6)
            value = value * 10 + (**text - '0');
    if (digits < 1 || digits > 9)
        return 0;
    for (; digits < 6; digits++)
        value *= 10;
    *usec = value;
    return 1;
}

/* Time of day. 23:59:60, a leap second, reads as the second after it. */
static int take_time(apr_time_t *t, const char **text, int seconds_needed)
{
    int hour, minute;
    int second = 0;
    apr_time_t fraction = 0;

    if (!take_digits(&hour, text, 2, 0, 23) || !take_char(text, ':') ||
        !take_digits(&minute, text, 2, 0, 59))
        return 0;
    if (seconds_needed || **text == ':')
        if (!take_char(text, ':') || !take_digits(&second, text, 2, 0, minute == 59 ? 60 : 59) ||
            !take_fraction(&fraction, text))
            return 0;
    *t = apr_time_from_sec(((apr_int64_t)hour * 60 + minute) * 60 + second) + fraction;
    return 1;
}

static int take_offset(apr_time_t *offset, const char **text)
{
    int sign, hour, minute;

    *offset = 0;
    if (take_char(text, 'Z') || take_char(text, 'z'))
        return 1;
    sign = **text == '-' ? -1 : 1;
    if (!take_char(text, '+') && !take_char(text, '-'))
        return 0;
    if (!take_digits(&hour, text, 2, 0, 23) || !take_char(text, ':') ||
        !take_digits(&minute, text, 2, 0, 59))
        return 0;
    *offset = apr_time_from_sec(((apr_int64_t)hour * 60 + minute) * 60 * sign);
    return 1;
}

static int take_date_time(apr_time_t *t, const char **text, int seconds_needed)
{
    apr_int64_t days;
    apr_time_t of_day;

    if (!take_date(&days, text) || (!take_char(text, 'T') && !take_char(text, 't')) ||
        !take_time(&of_day, text, seconds_needed))
        return 0;
    *t = apr_time_from_sec(days * 24 * 3600) + of_day;
    return 1;
}

int gt_rfc3339_parse(apr_time_t *t, const char *text)
{
    apr_time_t local, offset;

    *t = 0;
    if (text == NULL || !take_date_time(&local, &text, 1) || !take_offset(&offset, &text) ||
        *text != '\0')
        return 0;
    *t = local - offset;
    return 1;
}

int gt_local_time_parse(apr_time_t *t, const char *text)
{
    apr_time_t local;

    *t = 0;
    if (text == NULL || !take_date_time(&local, &text, 0) || *text != '\0')
        return 0;
    *t = local;
    return 1;
}

/* Names of units; the first of a length is the one that is written. Largest first. */
static const struct {
    apr_interval_time_t length;
    const char *name;
} units[] = {
    {APR_USEC_PER_SEC * 86400, "d"},
    {APR_USEC_PER_SEC * 86400, "day"},
    {APR_USEC_PER_SEC * 86400, "days"},
    {APR_USEC_PER_SEC * 3600, "h"},
    {APR_USEC_PER_SEC * 3600, "hour"},
    {APR_USEC_PER_SEC * 3600, "hours"},
    {APR_USEC_PER_SEC * 60, "min"},
    {APR_USEC_PER_SEC * 60, "m"},
    {APR_USEC_PER_SEC, "s"},
    {APR_USEC_PER_SEC, "sec"},
    {1000, "ms"},
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static apr_interval_time_t unit_length(const char *name)
{
    size_t i;

    if (*name == '\0')
        return APR_USEC_PER_SEC;
    for (i = 0; i < UNITS; i++)
        if (strcasecmp(units[i].name, name) == 0)
            return units[i].length;
    return 0;
}

int gt_span_parse(apr_interval_time_t *span, const char *text)
{
    char digits[16];
    apr_size_t n;
    apr_int64_t count;
    apr_interval_time_t length;

    *span = 0;
    n = text == NULL ? 0 : strspn(text, "0123456789");
    if (n == 0 || n >= sizeof(digits))
        return 0;
    memcpy(digits, text, n);
    digits[n] = '\0';
    length = unit_length(text + n);
    if (length == 0 || !gt_number(&count, digits, 0, SPAN_MAX / length))
        return 0;
    *span = count * length;
    return 1;
}

char *gt_span_text(apr_interval_time_t span, apr_pool_t *p)
{
    size_t i;

    if (span == 0)
        return apr_pstrdup(p, "0s");
    for (i = 0; i < UNITS; i++)
        if (span % units[i].length == 0)
            return apr_psprintf(p, "%" APR_INT64_T_FMT "%s", span / units[i].length, units[i].name);
    return apr_psprintf(p, "%" APR_INT64_T_FMT "us", span);
}

/* Too many digits for the number is a long wait, not a broken field. */
static apr_interval_time_t wait_of(const char *digits, apr_size_t len)
{
    apr_int64_t seconds = 0;

    for (apr_size_t i = 0; i < len && seconds < 3600; i++)
        seconds = seconds * 10 + (digits[i] - '0');
    return seconds < 3600 ? apr_time_from_sec(seconds) : RETRY_AFTER_MAX;
}

/* The longest wait of a list of seconds; -1: the text is none. */
static apr_interval_time_t longest_wait(const char *text)
{
    apr_interval_time_t longest = -1;

    for (;;) {
        apr_size_t len;

        text += strspn(text, " \t");
        len = strspn(text, "0123456789");
        if (len == 0)
            return -1;
        longest = wait_of(text, len) > longest ? wait_of(text, len) : longest;
        text += len + strspn(text + len, " \t");
        if (*text == '\0')
            return longest;
        if (*text++ != ',')
            return -1;
    }
}

apr_interval_time_t gt_retry_after(const char *text)
{
    apr_time_t wait;

    if (text == NULL)
        return 0;
    wait = longest_wait(text);
    if (wait >= 0)
        return wait;
    text += strspn(text, " \t");
    wait = apr_date_parse_http(text);
    wait = wait == APR_DATE_BAD ? 0 : wait - gt_now();
    return wait < 0 ? 0 : wait > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : wait;
}

apr_interval_time_t gt_backoff(int n, apr_interval_time_t base, apr_interval_time_t max)
{
    apr_interval_time_t wait = base;
    apr_uint32_t dice;

    assert(n >= 0 && base > 0 && max >= base && max < APR_INT64_MAX / 4);
    for (; n > 0 && wait < max; n--)
        wait *= 2;
    if (wait > max)
        wait = max;
    gt_random(&dice, sizeof(dice));
    return wait - wait / 5 + (apr_interval_time_t)(0.4 * (double)wait * dice / 4294967295.0);
}

int gt_backoff_lasts(const gt_backoff_t *backoff)
{
    return gt_ticks() < backoff->until;
}

apr_interval_time_t gt_backoff_after(gt_backoff_t *backoff, int failed, apr_interval_time_t base,
                                     apr_interval_time_t max)
{
    apr_interval_time_t span = 0;

    if (failed)
        span = gt_backoff(backoff->failures < INT_MAX ? backoff->failures++ : INT_MAX, base, max);
    else
        backoff->failures = 0;
    backoff->until = failed ? gt_ticks() + span : 0;
    return span;
}
