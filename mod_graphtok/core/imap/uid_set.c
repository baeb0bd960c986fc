/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file uid_set.c Ranges in an array, sorted and joined, so that equal sets are equal texts. */

#include "imap/uid_set.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* @return behind the number, or NULL when there is none from 1 to 2^32 - 1 */
static const char *take_number(apr_uint32_t *number, const char *at)
{
    apr_uint64_t wide = 0;
    const char *from = at;

    for (; apr_isdigit(*at) && wide <= APR_UINT32_MAX; at++)
        wide = wide * 10 + (apr_uint64_t)(*at - '0');
    *number = (apr_uint32_t)wide;
    return at > from && wide >= 1 && wide <= APR_UINT32_MAX ? at : NULL;
}

/* A range may be written from its end to its begin. */
static const char *take_range(gt_imap_range_t *range, const char *at)
{
    apr_uint32_t other;

    at = take_number(&range->from, at);
    range->to = range->from;
    if (at == NULL || *at != ':')
        return at;
    at = take_number(&other, at + 1);
    if (other < range->from)
        range->from = other;
    else
        range->to = other;
    return at;
}

static int compare(const void *a, const void *b)
{
    const gt_imap_range_t *one = a, *other = b;

    return (one->from > other->from) - (one->from < other->from);
}

void gt_imap_uid_sort(apr_array_header_t *set)
{
    gt_imap_range_t *ranges = (gt_imap_range_t *)set->elts;
    int last = 0;

    qsort(set->elts, (size_t)set->nelts, sizeof(gt_imap_range_t), compare);
    for (int i = 1; i < set->nelts; i++) {
        if (ranges[i].from > ranges[last].to && ranges[i].from - ranges[last].to > 1)
            ranges[++last] = ranges[i];
        else if (ranges[i].to > ranges[last].to)
            ranges[last].to = ranges[i].to;
    }
    if (set->nelts > 0)
        set->nelts = last + 1;
}

gt_err_t *gt_imap_uid_set(apr_array_header_t **set, const char *text, apr_pool_t *p)
{
    const char *at = text;

    *set = apr_array_make(p, 4, sizeof(gt_imap_range_t));
    do {
        if ((*set)->nelts == GT_IMAP_RANGES_MAX)
            return gt_imap_broken("a set of UIDs has too many ranges", p);
        at = take_range(apr_array_push(*set), at);
        if (at == NULL || (*at != ',' && *at != '\0'))
            return gt_imap_broken("a set of UIDs is expected", p);
    } while (*at++ == ',');
    gt_imap_uid_sort(*set);
    return GT_OK;
}

void gt_imap_uid_add(apr_array_header_t *set, apr_uint32_t uid)
{
    gt_imap_range_t *last = set->nelts > 0 ? &((gt_imap_range_t *)set->elts)[set->nelts - 1] : NULL;

    if (last != NULL && uid <= last->to)
        return;
    if (last != NULL && uid - last->to == 1)
        last->to = uid;
    else
        *(gt_imap_range_t *)apr_array_push(set) = (gt_imap_range_t){uid, uid};
}

static int place(const void *uid, const void *range)
{
    const apr_uint32_t *key = uid;
    const gt_imap_range_t *at = range;

    return (*key > at->to) - (*key < at->from);
}

int gt_imap_uid_in(const apr_array_header_t *set, apr_uint32_t uid)
{
    return bsearch(&uid, set->elts, (size_t)set->nelts, sizeof(gt_imap_range_t), place) != NULL;
}

apr_int64_t gt_imap_uid_count(const apr_array_header_t *set)
{
    apr_int64_t count = 0;

    for (int i = 0; i < set->nelts; i++) {
        const gt_imap_range_t *range = &((const gt_imap_range_t *)set->elts)[i];

        count += (apr_int64_t)range->to - range->from + 1;
    }
    return count;
}

const char *gt_imap_uid_text(const apr_array_header_t *set, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, set->nelts, sizeof(const char *));

    for (int i = 0; i < set->nelts; i++) {
        const gt_imap_range_t *range = &((const gt_imap_range_t *)set->elts)[i];

        *(const char **)apr_array_push(texts) =
            range->from == range->to ? apr_psprintf(p, "%u", range->from)
                                     : apr_psprintf(p, "%u:%u", range->from, range->to);
    }
    return apr_array_pstrcat(p, texts, ',');
}
