/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file event.c
 * An event's body, member by member against a table (event_rules.h), then by the rules that a table
 * cannot state: members that must fit together. Read-only members (id, organizer, webLink …) are
 * dropped, since a client that reads an event, changes one thing and writes it all back sends them;
 * a body of nothing else is refused. A limit of ours alone, the subject's, holds only for events
 * that a client makes.
 */

#include "graph/event.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "graph/event_rules.h"
#include "graph/extended.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SUBJECT_MAX 255
#define DAY apr_time_from_sec(24 * 3600)

/** Wrong fields so far. */
typedef struct verdict_t {
    gt_err_t *wrong;
    apr_pool_t *pool;
} verdict_t;

static void complain(verdict_t *verdict, const char *field, const char *message)
{
    if (verdict->wrong == NULL)
        verdict->wrong =
            gt_err(verdict->pool, GT_INVALID, "GT0711", "some fields do not fit together");
    gt_err_field(verdict->wrong, field, message);
}

/* ---- small judgements ---- */

int gt_is_word_of(const char *word, apr_size_t len, const char *words)
{
    for (const char *at = words; *at; at += strspn(at, " ")) {
        apr_size_t n = strcspn(at, " ");

        if (n == len && memcmp(at, word, n) == 0)
            return 1;
        at += n;
    }
    return 0;
}

int gt_is_time_zone(const char *name)
{
    apr_size_t len = name != NULL ? strlen(name) : 0;

    return len > 0 && len <= GT_ZONE_MAX && strspn(name, LETTERS) > 0 &&
           strspn(name, LETTERS "0123456789 ._+-/():") == len;
}

/* A date is a local midnight without its time. */
static int is_date(const char *text, apr_pool_t *p)
{
    apr_time_t ignored;

    return strlen(text) == 10 &&
           gt_local_time_parse(&ignored, apr_pstrcat(p, text, "T00:00", NULL));
}

/* Graph counts an absent number and 0 alike. */
static int has_number(const json_t *object, const char *name)
{
    apr_int64_t number;

    return gt_json_number(&number, object, name) && number > 0;
}

/* ---- members that must fit together ---- */

static void check_zone(verdict_t *verdict, const json_t *object, const char *name,
                       const char *field)
{
    const char *zone = gt_json_text(object, name);

    if (zone != NULL && zone[0] && !gt_is_time_zone(zone))
        complain(verdict, field, "must be the name of a time zone, like Europe/Berlin or UTC");
}

static void check_all_day(verdict_t *verdict, apr_time_t start, apr_time_t end)
{
    if (start % DAY != 0)
        complain(verdict, "start.dateTime", "must be midnight for an all-day event");
    if (end % DAY != 0)
        complain(verdict, "end.dateTime", "must be midnight for an all-day event");
    else if (end - start < DAY)
        complain(verdict, "end.dateTime", "must be a day after the start at least");
}

/* Times of two zones cannot be compared without the zones' rules; Graph does that. */
static void check_times(verdict_t *verdict, const json_t *body)
{
    const json_t *start = json_object_get(body, "start");
    const json_t *end = json_object_get(body, "end");
    const char *start_zone = gt_json_text(start, "timeZone");
    const char *end_zone = gt_json_text(end, "timeZone");
    apr_time_t from, to;

    check_zone(verdict, start, "timeZone", "start.timeZone");
    check_zone(verdict, end, "timeZone", "end.timeZone");
    if (start_zone == NULL || end_zone == NULL ||
        !gt_local_time_parse(&from, gt_json_text(start, "dateTime")) ||
        !gt_local_time_parse(&to, gt_json_text(end, "dateTime")))
        return;
    if (json_is_true(json_object_get(body, "isAllDay"))) {
        check_all_day(verdict, from, to);
        if (strcasecmp(start_zone, end_zone) != 0)
            complain(verdict, "end.timeZone", "must be the start's for an all-day event");
    }
    else if (strcasecmp(start_zone, end_zone) == 0 && to < from)
        complain(verdict, "end.dateTime", "must not be before the start");
}

static void check_pattern(verdict_t *verdict, const json_t *pattern)
{
    const char *type = gt_json_text(pattern, "type");

    if (type == NULL)
        return;
    if ((strcmp(type, "weekly") == 0 || strncmp(type, "relative", 8) == 0) &&
        json_array_size(json_object_get(pattern, "daysOfWeek")) == 0)
        complain(verdict, "recurrence.pattern.daysOfWeek", "is missing for this type");
    if (strncmp(type, "absolute", 8) == 0 && !has_number(pattern, "dayOfMonth"))
        complain(verdict, "recurrence.pattern.dayOfMonth", "is missing for this type");
    if (strstr(type, "Yearly") && !has_number(pattern, "month"))
        complain(verdict, "recurrence.pattern.month", "is missing for this type");
}

static void check_date(verdict_t *verdict, const json_t *range, const char *name, const char *field)
{
    const char *date = gt_json_text(range, name);

    if (date != NULL && strlen(date) == 10 && !is_date(date, verdict->pool))
        complain(verdict, field, "must be a date like 2026-11-21");
}

static void check_range(verdict_t *verdict, const json_t *range)
{
    const char *type = gt_json_text(range, "type");
    const char *start = gt_json_text(range, "startDate");
    const char *end = gt_json_text(range, "endDate");
    const char *zone = gt_json_text(range, "recurrenceTimeZone");

    check_date(verdict, range, "startDate", "recurrence.range.startDate");
    check_date(verdict, range, "endDate", "recurrence.range.endDate");
    /* Graph also gives the name that people read: "(UTC+01:00) Amsterdam, Berlin, Bern". */
    if (zone != NULL && zone[0] && strpbrk(zone, LETTERS) == NULL)
        complain(verdict, "recurrence.range.recurrenceTimeZone",
                 "must be the name of a time zone, like Europe/Berlin or UTC");
    if (type == NULL)
        return;
    if (strcmp(type, "numbered") == 0 && !has_number(range, "numberOfOccurrences"))
        complain(verdict, "recurrence.range.numberOfOccurrences", "is missing for this type");
    if (strcmp(type, "endDate") != 0)
        return;
    if (end == NULL)
        complain(verdict, "recurrence.range.endDate", "is missing for this type");
    else if (start != NULL && strcmp(end, start) < 0)
        complain(verdict, "recurrence.range.endDate", "must not be before startDate");
}

/* Our own limit: 1 to 255 characters. */
static int is_subject(const char *text)
{
    apr_size_t characters = 0;

    for (const char *at = text; *at; at++)
        characters += ((unsigned char)*at & 0xC0) != 0x80;
    return characters >= 1 && characters <= SUBJECT_MAX;
}

static void check_together(verdict_t *verdict, const json_t *body, gt_event_use_t use)
{
    const json_t *recurrence = json_object_get(body, "recurrence");
    const char *subject = gt_json_text(body, "subject");

    if (subject != NULL && use == GT_EVENT_CREATE && !is_subject(subject))
        complain(verdict, "subject", "must be a text of 1 to 255 characters");
    check_times(verdict, body);
    check_pattern(verdict, json_object_get(recurrence, "pattern"));
    check_range(verdict, json_object_get(recurrence, "range"));
}

/* ---- extended properties and open extensions ---- */

static void check_properties(verdict_t *verdict, const json_t *event, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(event, name), i, item) {
        const char *id = gt_json_text(item, "id");

        if (id != NULL && *id && !gt_is_property_id(id))
            complain(verdict, apr_psprintf(verdict->pool, "%s[%lu].id", name, (unsigned long)i),
                     "must be the id of a property, like String {GUID} Name Colour");
    }
}

static void settle_extensions(verdict_t *verdict, json_t *event)
{
    json_t *list = json_object_get(event, "extensions"), *item;
    size_t i;

    json_array_foreach (list, i, item) {
        json_t *extension;

        if (gt_extension_read(&extension, item, 1, verdict->pool) != GT_OK)
            complain(verdict,
                     apr_psprintf(verdict->pool, "extensions[%lu].extensionName", (unsigned long)i),
                     "must be a name of letters, digits, '.', '_' and '-', like com.contoso.trip");
        else
            json_array_set(list, i, extension);
    }
}

/* ---- times with an offset, as toISOString() gives them ---- */

static int is_utc(const char *zone)
{
    static const char *const names[] = {"UTC", "Etc/UTC", "GMT", "Etc/GMT",
                                        "tzone://Microsoft/Utc"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(zone, names[i]) == 0)
            return 1;
    }
    return 0;
}

/* Local time of UTC, with the fraction if there is one. */
static const char *local_text(apr_time_t t, apr_pool_t *p)
{
    const char *whole = apr_pstrndup(p, gt_rfc3339(t, p), strlen("2026-11-21T07:00:00"));
    apr_time_t fraction = apr_time_usec(t);

    return fraction ? apr_psprintf(p, "%s.%06d", whole, (int)fraction) : whole;
}

static void settle_moment(verdict_t *verdict, json_t *event, const char *name)
{
    json_t *moment = json_object_get(event, name);
    const char *text = gt_json_text(moment, "dateTime"), *zone = gt_json_text(moment, "timeZone");
    apr_time_t t;

    if (!json_is_object(moment) || (json_object_get(moment, "timeZone") && zone == NULL))
        return;
    if (!gt_rfc3339_parse(&t, text)) {
        if (zone == NULL)
            complain(verdict, apr_pstrcat(verdict->pool, name, ".timeZone", NULL), "is missing");
    }
    else if (zone != NULL && !is_utc(zone)) {
        complain(
            verdict, apr_pstrcat(verdict->pool, name, ".dateTime", NULL),
            "has an offset, and timeZone names another zone: leave out the offset, or the zone");
    }
    else {
        gt_json_set(moment, "dateTime", local_text(t, verdict->pool));
        gt_json_set(moment, "timeZone", "UTC");
    }
}

/* ---- events as Graph itself gives them ---- */

static int is_part_of_series(const json_t *body)
{
    const char *type = gt_json_text(body, "type");

    return type != NULL &&
           (strcasecmp(type, "occurrence") == 0 || strcasecmp(type, "exception") == 0);
}

/* "2026-11-21 07:00:00", as RFC 3339 allows it: Graph's own form is with a T. */
static void tidy_moment(json_t *event, const char *name, apr_pool_t *p)
{
    json_t *moment = json_object_get(event, name);
    const char *text = gt_json_text(moment, "dateTime");
    char *with_t;

    if (text == NULL || strlen(text) < sizeof("2026-11-21 ") ||
        text[sizeof("2026-11-21") - 1] != ' ')
        return;
    with_t = apr_pstrdup(p, text);
    with_t[sizeof("2026-11-21") - 1] = 'T';
    gt_json_set(moment, "dateTime", with_t);
}

/* An occurrence has no recurrence of its own to end. */
static void tidy(json_t *event, const json_t *body, const gt_rule_t *rules, gt_event_use_t use)
{
    json_t *range = json_object_get(json_object_get(event, "recurrence"), "range");
    const char *zone = gt_json_text(range, "recurrenceTimeZone");
    int ends_series = use == GT_EVENT_REPLACE && json_is_null(json_object_get(event, "recurrence"));

    if (zone != NULL && !*zone)
        json_object_del(range, "recurrenceTimeZone");
    if (use == GT_EVENT_REPLACE && json_is_null(json_object_get(event, "subject")))
        gt_json_set(event, "subject", "");
    gt_tidy(event, rules, use == GT_EVENT_CHANGE);
    if (use != GT_EVENT_CREATE) {
        json_object_del(event, "transactionId");
        json_object_del(event, "extensions"); /* each has a route of its own */
    }
    if (ends_series)
        json_object_set_new(event, "recurrence", json_null());
    if (json_is_null(json_object_get(event, "recurrence")) && is_part_of_series(body))
        json_object_del(event, "recurrence");
}

static gt_err_t *nothing_to_change(const json_t *body, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_INVALID, "GT0712", "the body names nothing to change");
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)body, name, value)
        gt_err_field(err, strlen(name) <= GT_ZONE_MAX ? name : "(a long name)",
                     "cannot be changed");
    return err;
}

/* null that ends a series is no object, which the rules of a whole event want. */
static gt_err_t *check_members(json_t *event, const gt_rule_t *rules, gt_event_use_t use,
                               apr_pool_t *p)
{
    int ends_series = use == GT_EVENT_REPLACE && json_is_null(json_object_get(event, "recurrence"));
    gt_err_t *wrong;

    if (ends_series)
        json_object_del(event, "recurrence");
    wrong = gt_check(event, rules, use == GT_EVENT_CHANGE, p);
    if (ends_series)
        json_object_set_new(event, "recurrence", json_null());
    return wrong;
}

gt_err_t *gt_event_read(json_t **event, const json_t *body, gt_event_use_t use, apr_pool_t *p)
{
    const gt_rule_t *rules = gt_event_rules(use, p);
    verdict_t verdict = {GT_OK, p};

    *event = gt_json_own(json_deep_copy(body), p);
    if (json_is_object(*event))
        tidy(*event, body, rules, use);
    tidy_moment(*event, "start", p);
    tidy_moment(*event, "end", p);
    if (use == GT_EVENT_CHANGE && json_is_object(*event) && json_object_size(*event) == 0)
        return nothing_to_change(body, p);
    verdict.wrong = check_members(*event, rules, use, p);
    settle_moment(&verdict, *event, "start");
    settle_moment(&verdict, *event, "end");
    check_properties(&verdict, *event, "singleValueExtendedProperties");
    check_properties(&verdict, *event, "multiValueExtendedProperties");
    settle_extensions(&verdict, *event);
    check_together(&verdict, *event, use);
    return verdict.wrong;
}
