/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file imap_fetched.c The items that a sync reads; all others are passed over. */

#include "imap/imap_fetched.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"

#define FLAGS_MAX 256 /* of one message */
#define DATE_SIZE 26  /* "dd-Mon-yyyy hh:mm:ss +zzzz" */

/* ---- dates ---- */

/* Two digits, the first of which may be a space. @return -1 when these are none */
static int two_digits(const char *text)
{
    const int tens = *text == ' ' ? 0 : *text - '0';

    return tens < 0 || tens > 9 || !apr_isdigit(text[1]) ? -1 : tens * 10 + text[1] - '0';
}

static int month_of(const char *text)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    for (int i = 0; i < 12; i++)
        if (strncasecmp(text, names + i * 3, 3) == 0)
            return i;
    return -1;
}

static int is_in(int value, int most)
{
    return value >= 0 && value <= most;
}

apr_time_t gt_imap_date(const char *text)
{
    apr_time_exp_t parts = {0};
    apr_time_t made;
    int century, zone_hours, zone_minutes;

    if (strlen(text) != DATE_SIZE || text[2] != '-' || text[6] != '-' || text[11] != ' ' ||
        text[14] != ':' || text[17] != ':' || text[20] != ' ' || strchr("+-", text[21]) == NULL)
        return GT_IMAP_NO_DATE;
    parts.tm_mday = two_digits(text);
    parts.tm_mon = month_of(text + 3);
    century = two_digits(text + 7);
    parts.tm_year = two_digits(text + 9);
    parts.tm_hour = two_digits(text + 12);
    parts.tm_min = two_digits(text + 15);
    parts.tm_sec = two_digits(text + 18);
    zone_hours = two_digits(text + 22);
    zone_minutes = two_digits(text + 24);
    if (parts.tm_mday < 1 || parts.tm_mday > 31 || parts.tm_mon < 0 || century < 19 ||
        parts.tm_year < 0 || !is_in(parts.tm_hour, 23) || !is_in(parts.tm_min, 59) ||
        !is_in(parts.tm_sec, 60) || !is_in(zone_hours, 14) || !is_in(zone_minutes, 59))
        return GT_IMAP_NO_DATE;
    parts.tm_year += (century - 19) * 100;
    parts.tm_gmtoff = (zone_hours * 60 + zone_minutes) * (text[21] == '-' ? -60 : 60);
    return apr_time_exp_gmt_get(&made, &parts) == APR_SUCCESS ? made : GT_IMAP_NO_DATE;
}

/* ---- items ---- */

/* MODSEQ is the one number in parentheses. */
static int take_modseq(gt_imap_fetched_t *fetched, const gt_imap_value_t *value)
{
    return value->kind == GT_IMAP_LIST && gt_imap_number(&fetched->modseq, value->first);
}

static int take_flags(gt_imap_fetched_t *fetched, const gt_imap_value_t *value)
{
    int count = 0;

    if (value->kind != GT_IMAP_LIST)
        return 0;
    for (const gt_imap_value_t *flag = value->first; flag != NULL; flag = flag->next)
        if (flag->kind != GT_IMAP_ATOM || ++count > FLAGS_MAX)
            return 0;
    fetched->flags = value;
    return 1;
}

static int take_date(gt_imap_fetched_t *fetched, const gt_imap_value_t *value)
{
    const char *text = gt_imap_astring(value);

    fetched->internal_date = text != NULL ? gt_imap_date(text) : GT_IMAP_NO_DATE;
    return text != NULL;
}

/* Exchange says NIL where it does not know a value, a date for example: the item is not told then.
 * @return 0 when the item's value is none of its kind */
static int take_item(gt_imap_fetched_t *fetched, const gt_imap_value_t *word)
{
    const gt_imap_value_t *value = word->next;

    if (gt_imap_is(word, "UID"))
        return gt_imap_nz_number(&fetched->uid, value);
    if (value->kind == GT_IMAP_NIL)
        return 1;
    if (gt_imap_is(word, "FLAGS"))
        return take_flags(fetched, value);
    if (gt_imap_is(word, "MODSEQ"))
        return take_modseq(fetched, value);
    if (gt_imap_is(word, "INTERNALDATE"))
        return take_date(fetched, value);
    if (gt_imap_is(word, "RFC822.SIZE"))
        return gt_imap_number(&fetched->size, value);
    return 1;
}

gt_err_t *gt_imap_fetched(gt_imap_fetched_t *fetched, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    const gt_imap_value_t *word;

    *fetched =
        (gt_imap_fetched_t){.number = answer->number, .size = -1, .internal_date = GT_IMAP_NO_DATE};
    if (!gt_imap_is_named(answer, "FETCH") || answer->number == 0 || answer->values == NULL ||
        answer->values->kind != GT_IMAP_LIST)
        return gt_imap_broken("a FETCH of no message", p);
    fetched->items = answer->values->first;
    for (word = fetched->items; word != NULL; word = word->next->next) {
        if (word->kind != GT_IMAP_ATOM || word->next == NULL)
            return gt_imap_broken("an item of FETCH has no value", p);
        if (!take_item(fetched, word))
            return gt_imap_broken(apr_psprintf(p, "FETCH has a wrong %.32s", word->bytes), p);
    }
    return GT_OK;
}

/* ---- flags ---- */

static int compare(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

const char *gt_imap_flags_text(const gt_imap_value_t *flags, apr_pool_t *p)
{
    apr_array_header_t *words = apr_array_make(p, 8, sizeof(const char *));

    for (const gt_imap_value_t *flag = flags != NULL ? flags->first : NULL; flag != NULL;
         flag = flag->next)
        if (!gt_imap_is(flag, "\\Recent"))
            *(const char **)apr_array_push(words) = flag->bytes;
    qsort(words->elts, (size_t)words->nelts, sizeof(const char *), compare);
    return apr_array_pstrcat(p, words, ' ');
}
