/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Google Calendar's answers, refusals and rules: a byte says what the rest is. Of any input comes
 * JSON of Graph's, or an error with one bounded line; a rule of Google's that Graph has comes back
 * as a rule.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "translate/google_calendar.h"
#include "translate/google_write.h"
#include "translate/person.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_error(const gt_err_t *err)
{
    if (!err || !err->tag || gt_err_status(err) < 400 || gt_err_status(err) > 599 ||
        strlen(err->detail) > 600 || !gt_is_utf8(err->detail, strlen(err->detail)))
        abort();
    for (const char *c = err->detail; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            abort();
}

static void expect_answer(const char *text, size_t len, unsigned kind, apr_pool_t *p)
{
    const gt_provider_conf_t conf = {.calendar_url = "https://calendar.example/v3"};
    const gt_google_ask_t ask = {.holds = (gt_google_holds_t)(kind % 5),
                                 .calendar = "primary",
                                 .own_path = "/me/events?$top=5",
                                 .zone = "Europe/Berlin",
                                 .is_in_zone = kind & 8,
                                 .wants_text = kind & 16,
                                 .select = kind & 32 ? "subject,start" : NULL};
    json_t *value;
    gt_err_t *err = gt_google_answer(&value, &ask, text, len, &conf, p);

    if (err != GT_OK)
        expect_error(err);
    else if (value != NULL && !json_is_object(value))
        abort();
}

/* The pattern of a series; when its weeks begin matters to weekly ones alone. */
static json_t *pattern_of(json_t *recurrence)
{
    json_t *pattern = json_object_get(recurrence, "pattern");

    if (strcmp(gt_json_text(pattern, "type"), "weekly") != 0)
        json_object_del(pattern, "firstDayOfWeek");
    return pattern;
}

/* A rule that was read is written as one with the same reading. */
static void expect_rule(const char *text, apr_pool_t *p)
{
    json_t *start = gt_json_object(p), *first, *second;
    gt_google_fault_t fault;
    const char *rule;

    gt_json_set(start, "dateTime", "2030-03-04T09:00:00+01:00");
    gt_json_set(start, "timeZone", "Europe/Berlin");
    first = gt_google_recurrence(text, start, p);
    if (first == NULL || !gt_google_rule(&rule, &fault, first, p))
        return;
    second = gt_google_recurrence(rule, start, p);
    if (second == NULL || !json_equal(pattern_of(first), pattern_of(second)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text;
    json_t *person;
    apr_pool_t *p;

    if (size < 2)
        return 0;
    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data + 2, size - 2);
    if (data[0] % 4 == 0)
        expect_error(gt_google_error(300 + data[1], text, size - 2, apr_table_make(p, 1), p));
    else if (data[0] % 4 == 1)
        expect_rule(text, p);
    else if (data[0] % 4 == 2 && gt_person_read(&person, text, size - 2, p) == GT_OK &&
             !json_is_object(person))
        abort();
    else
        expect_answer(text, size - 2, data[1], p);
    apr_pool_destroy(p);
    return 0;
}
