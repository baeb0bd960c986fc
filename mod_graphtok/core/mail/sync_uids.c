/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_uids.c
 * Sets of UIDs, and the question which of them a server has. ESEARCH (RFC 4731) answers in ranges,
 * in one line; a folder with very many messages, or a server without it, is asked by FETCH, which
 * answers in a line for each, so that no line is long.
 */

#include "mail/sync_run.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "imap/imap_fetched.h"

#define SEARCH_MOST 50000 /* messages whose ranges fit into a line in any case */

/* ---- sets ---- */

static void push(apr_array_header_t *set, apr_int64_t from, apr_int64_t to)
{
    if (from <= to)
        APR_ARRAY_PUSH(set, gt_imap_range_t) =
            (gt_imap_range_t){(apr_uint32_t)from, (apr_uint32_t)to};
}

apr_array_header_t *gt_uids_without(const apr_array_header_t *a, const apr_array_header_t *b,
                                    apr_pool_t *p)
{
    apr_array_header_t *rest = apr_array_make(p, 4, sizeof(gt_imap_range_t));
    int at = 0;

    for (int i = 0; i < a->nelts; i++) {
        const gt_imap_range_t *range = &APR_ARRAY_IDX(a, i, gt_imap_range_t);
        apr_int64_t from = range->from;

        while (at < b->nelts && APR_ARRAY_IDX(b, at, gt_imap_range_t).to < range->from)
            at++;
        for (int j = at; j < b->nelts && from <= range->to; j++) {
            const gt_imap_range_t *cut = &APR_ARRAY_IDX(b, j, gt_imap_range_t);

            if (cut->from > range->to)
                break;
            push(rest, from, (apr_int64_t)cut->from - 1);
            from = (apr_int64_t)cut->to + 1;
        }
        push(rest, from, range->to);
    }
    return rest;
}

apr_array_header_t *gt_uids_cut(apr_array_header_t *set, int most, apr_pool_t *p)
{
    apr_array_header_t *cut = apr_array_make(p, 4, sizeof(gt_imap_range_t));
    gt_imap_range_t *ranges = (gt_imap_range_t *)set->elts;
    apr_int64_t left = most;
    int i = 0;

    while (i < set->nelts && left > 0) {
        apr_int64_t size = (apr_int64_t)ranges[i].to - ranges[i].from + 1;
        apr_int64_t take = size < left ? size : left;

        push(cut, ranges[i].from, ranges[i].from + take - 1);
        left -= take;
        if (take < size)
            ranges[i].from += (apr_uint32_t)take;
        else
            i++;
    }
    set->nelts -= i;
    memmove(ranges, ranges + i, (size_t)set->nelts * sizeof(*ranges));
    return cut;
}

/* Room for one range more. */
static gt_err_t *make_room(apr_array_header_t *set, apr_pool_t *p)
{
    if (set->nelts < GT_IMAP_RANGES_MAX)
        return GT_OK;
    gt_imap_uid_sort(set);
    return set->nelts < GT_IMAP_RANGES_MAX ? GT_OK
                                           : gt_imap_broken("a folder with too many holes", p);
}

/* A server may answer in any order, and one message as often as it likes. */
gt_err_t *gt_uids_add(apr_array_header_t *set, apr_uint32_t uid, apr_pool_t *p)
{
    gt_imap_range_t *last =
        set->nelts > 0 ? &APR_ARRAY_IDX(set, set->nelts - 1, gt_imap_range_t) : NULL;

    if (last != NULL && uid >= last->from && uid <= last->to)
        return GT_OK;
    if (last != NULL && uid - 1 == last->to) {
        last->to = uid;
        return GT_OK;
    }
    GT_TRY(make_room(set, p));
    push(set, uid, uid);
    return GT_OK;
}

/* ---- asking ---- */

static gt_err_t *note(gt_folder_find_t *find, apr_uint32_t uid)
{
    if (uid < find->from || (find->to > 0 && uid > find->to))
        return GT_OK;
    return gt_uids_add(find->found, uid, find->folder->pool);
}

/* Ranges of which only those that were asked for count; a server may answer more. */
static gt_err_t *note_set(gt_folder_find_t *find, const gt_imap_value_t *values, apr_pool_t *p)
{
    const gt_imap_value_t *all = values;
    apr_array_header_t *set;

    find->has_answer = 1;
    while (all != NULL && !gt_imap_is(all, "ALL"))
        all = all->next;
    if (all == NULL)
        return GT_OK;
    if (all->next == NULL || all->next->kind != GT_IMAP_ATOM)
        return gt_imap_broken("ESEARCH without its set", find->folder->pool);
    GT_TRY(gt_imap_uid_set(&set, all->next->bytes, p));
    for (int i = 0; i < set->nelts; i++) {
        const gt_imap_range_t *range = &APR_ARRAY_IDX(set, i, gt_imap_range_t);
        apr_int64_t from = range->from > find->from ? range->from : find->from;
        apr_int64_t to = find->to > 0 && find->to < range->to ? find->to : range->to;

        GT_TRY(make_room(find->found, find->folder->pool));
        push(find->found, from, to);
    }
    return GT_OK;
}

/* The moment before which messages are not kept; 0: all are. */
static apr_time_t oldest(const gt_folder_run_t *folder)
{
    apr_interval_time_t keep = gt_store_conf(folder->run->sync->store)->mail_keep;

    return keep > 0 ? apr_time_now() - keep : 0;
}

apr_int64_t gt_uids_rest(const gt_imap_answer_t *answer, apr_int64_t from, apr_int64_t to)
{
    apr_uint32_t uid;

    if (answer->code == NULL || strcasecmp(answer->code, "MESSAGELIMIT") != 0 ||
        answer->values == NULL || !gt_imap_nz_number(&uid, answer->values->next) || uid <= from ||
        (to > 0 && uid > to))
        return 0;
    return (apr_int64_t)uid - 1;
}

static gt_err_t *take(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_folder_find_t *find = baton;
    gt_imap_fetched_t fetched;

    if (answer->form != GT_IMAP_DATA) {
        if (find->rest_to == 0)
            find->rest_to = gt_uids_rest(answer, find->from, find->to);
        return GT_OK;
    }
    if (!find->by_fetch && gt_imap_is_named(answer, "ESEARCH"))
        return note_set(find, answer->values, p);
    if (find->by_fetch && gt_imap_is_named(answer, "FETCH")) {
        GT_TRY(gt_imap_fetched(&fetched, answer, p));
        if (fetched.internal_date == GT_IMAP_NO_DATE ||
            fetched.internal_date >= oldest(find->folder))
            return note(find, fetched.uid);
    }
    return GT_OK;
}

static const char *search_text(const gt_folder_find_t *find, const char *range, apr_pool_t *p)
{
    apr_time_t since = oldest(find->folder);
    apr_time_exp_t parts;

    if (since == 0)
        return apr_pstrcat(p, "UID SEARCH RETURN (ALL) UID ", range, NULL);
    /* Its day is the server's, which may be another one than here. */
    apr_time_exp_gmt(&parts, since - apr_time_from_sec(86400));
    return apr_psprintf(p, "UID SEARCH RETURN (ALL) UID %s SINCE %d-%s-%04d", range, parts.tm_mday,
                        apr_month_snames[parts.tm_mon], parts.tm_year + 1900);
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gt_folder_find_t *find = state;
    gt_folder_run_t *folder = find->folder;
    const char *to = find->to > 0 ? apr_psprintf(folder->pool, "%" APR_INT64_T_FMT, find->to) : "*";
    const char *range = apr_psprintf(folder->pool, "%" APR_INT64_T_FMT ":%s", find->from, to);
    const char *fetch = apr_pstrcat(folder->pool, "UID FETCH ", range,
                                    oldest(folder) > 0 ? " (UID INTERNALDATE)" : " (UID)", NULL);

    if (find->found == NULL)
        find->found = apr_array_make(folder->pool, 16, sizeof(gt_imap_range_t));
    find->rest_to = 0;
    find->by_fetch |= !gt_imap_can(folder->run->session, "ESEARCH") || folder->exists > SEARCH_MOST;
    gt_run_command(task, folder->run,
                   find->by_fetch ? fetch : search_text(find, range, folder->pool), take, find);
    return GT_OK;
}

/* A server that owes its answer to a search is asked by FETCH; one that looks at so many messages
 * at a time is asked for the rest. */
static gt_err_t *ask_once_more(gt_task_t *task, void *state)
{
    gt_folder_find_t *find = state;
    int is_owed = !find->by_fetch && !find->has_answer;

    if (!is_owed && find->rest_to == 0)
        return GT_OK;
    find->by_fetch |= is_owed;
    if (find->rest_to > 0)
        find->to = find->rest_to;
    gt_repeat(task);
    return GT_OK;
}

static gt_err_t *sort(gt_task_t *task, void *state)
{
    gt_folder_find_t *find = state;

    (void)task;
    gt_imap_uid_sort(find->found);
    return GT_OK;
}

static gt_step_fn *const find_steps[] = {ask, ask_once_more, sort, NULL};
const gt_work_t gt_folder_find = {"UIDs of a folder", find_steps, NULL};
