/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Rows of sessions. A row with the id "*" ends all sessions of its owner that began before it,
 * those without rows too: cookies of an older version, and sessions whose row could not be written.
 */

#include "store/session_rows.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/row.h"
#include "store/statements.h"

#define ALL "*"
#define LONGEST_SESSION apr_time_from_sec(30 * 86400) /* GraphTokSessionTime is 30 days at most */

/* id, when it began twice, seconds left, sid, address, agent, owner → when it began; no row: it
 * has ended, or its grant is gone */
static const gt_sql_t note_session = {
    "note session",
    "INSERT INTO {sessions} AS kept ({user}, provider, id, began_at, used_at, ends_at, sid, "
    "address, agent) SELECT {user}, provider, %s, CASE WHEN CAST(%lld AS BIGINT) > 0 THEN "
    "CAST(%lld AS BIGINT) ELSE {now_ms} END, {now}, {now} + %lld, %s, %s, %s FROM {table} "
    "WHERE {owner} ON CONFLICT ({user}, provider, id) DO UPDATE SET used_at = {now} "
    "WHERE kept.ended_at = 0 RETURNING began_at",
    NULL};

/* id, when it began, seconds left, owner */
static const gt_sql_t end_session = {
    "end session",
    "INSERT INTO {sessions} AS kept ({user}, provider, id, began_at, used_at, ends_at, ended_at, "
    "revision) SELECT {user}, provider, %s, CAST(%lld AS BIGINT), {now}, {now} + %lld, {now}, "
    "{clock_ms} "
    "FROM {table} WHERE {owner} ON CONFLICT ({user}, provider, id) DO UPDATE SET "
    "ended_at = {now}, revision = {clock_ms} WHERE kept.ended_at = 0",
    NULL};

/* id, ms ago, seconds, owner */
static const gt_sql_t end_sessions_before = {
    "end sessions before",
    "INSERT INTO {sessions} AS kept ({user}, provider, id, began_at, used_at, ends_at, ended_at, "
    "revision) SELECT {user}, provider, %s, {clock_ms} - %lld, {now}, {now} + %lld, {now}, "
    "{clock_ms} FROM {table} WHERE {owner} ON CONFLICT ({user}, provider, id) DO UPDATE SET "
    "began_at = {greater}(kept.began_at, excluded.began_at), ends_at = excluded.ends_at, "
    "ended_at = {now}, revision = {clock_ms}",
    NULL};

/* owner, ms ago */
static const gt_sql_t drop_sessions = {
    "drop sessions",
    "DELETE FROM {sessions} WHERE {owner} AND ended_at = 0 AND began_at <= {clock_ms} - %lld",
    NULL};

/* provider, subject → owner */
static const gt_sql_t owners_of_subject = {
    "owners of subject",
    "SELECT {user}, provider FROM {table} WHERE provider = %s AND account_subject = %s LIMIT 100",
    NULL};

/* id → owner, id */
static const gt_sql_t end_by_id = {
    "end session by id",
    "UPDATE {sessions} SET ended_at = {now}, revision = {clock_ms} WHERE id = %s AND ended_at = 0 "
    "RETURNING {user}, provider, id",
    NULL};

/* sid, provider → owner, id */
static const gt_sql_t end_by_sid = {
    "end session by sid",
    "UPDATE {sessions} SET ended_at = {now}, revision = {clock_ms} WHERE sid = %s "
    "AND provider = %s AND ended_at = 0 RETURNING {user}, provider, id",
    NULL};

/* owner, how many → id, when it began; "*" first */
static const gt_sql_t list_ended = {
    "list ended sessions",
    "SELECT id, began_at FROM {sessions} WHERE {owner} AND ended_at > 0 "
    "ORDER BY CASE WHEN id = '*' THEN 0 ELSE 1 END LIMIT %lld",
    NULL};

/* owner, id → 1 */
static const gt_sql_t look_for_ended = {
    "look for ended session", "SELECT 1 FROM {sessions} WHERE {owner} AND id = %s AND ended_at > 0",
    NULL};

/* Rows of a piece of the table, those that have ended too, so that a page costs no more where most
 * have: the last column says which are shown. */
#define PAGE_OF(piece, order)                                                                      \
    "SELECT {user}, provider, id, began_at, used_at, ends_at, sid, address, agent, {now}, "        \
    "CASE WHEN ended_at = 0 AND ends_at > {now} AND NOT EXISTS (SELECT 1 FROM {sessions} AS cut "  \
    "WHERE cut.{user} = held.{user} AND cut.provider = held.provider AND cut.id = '*' "            \
    "AND cut.began_at >= held.began_at) THEN 1 ELSE 0 END FROM (SELECT * FROM {sessions} " piece   \
    " ORDER BY " order " LIMIT %lld) AS held ORDER BY " order

/* owner, id, how many → rows */
static const gt_sql_t list_of_owner = {"list sessions of owner",
                                       PAGE_OF("WHERE {owner} AND id > %s", "id"), NULL};

/* owner, id, how many → rows */
static const gt_sql_t list_all = {
    "list sessions",
    PAGE_OF("WHERE ({user}, provider, id) > ({user_arg}, %s, %s)", "{user}, provider, id"), NULL};

/* how many → rows */
static const gt_sql_t list_first = {"list first sessions", PAGE_OF("", "{user}, provider, id"),
                                    NULL};

/* how many */
static const gt_sql_t purge_sessions = {
    "purge sessions",
    "DELETE FROM {sessions} WHERE ({user}, provider, id) IN (SELECT {user}, provider, id "
    "FROM {sessions} WHERE ends_at < {now} - 86400 ORDER BY ends_at LIMIT %lld {skip})",
    NULL};

/* A table that seems to be missing may have been made a moment ago. */
static gt_err_t *demand_table(gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;

    GT_TRY(gt_store_ids_with(&ids, GT_ADDS_SESSIONS, store, p));
    if (ids.has[GT_ADDS_SESSIONS])
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0443",
                  "store %s has no table of sessions, so that none can be listed or "
                  "ended: " GT_ADDITION_ADVICE,
                  gt_store_name(store));
}

gt_err_t *gt_session_note(gt_session_t *session, gt_store_t *store, apr_interval_time_t left,
                          apr_pool_t *p)
{
    apr_array_header_t *rows;
    gt_owner_t owner;

    if (!gt_store_has(store, GT_ADDS_SESSIONS, p))
        return GT_OK;
    GT_TRY(gt_store_owner(&owner, store, &session->owner, p));
    const gt_db_value_t args[] = {
        GT_TEXT(session->id),       GT_NUM(session->began_ms), GT_NUM(session->began_ms),
        GT_NUM(apr_time_sec(left)), GT_TEXT(session->sid),     GT_TEXT(session->address),
        GT_TEXT(session->agent),    GT_TEXT(owner.user),       GT_TEXT(owner.provider)};

    GT_TRY(gt_db_rows(&rows, store->db, &note_session, &store->names, args, p));
    if (rows->nelts > 0 &&
        !gt_number(&session->began_ms, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, INT64_MAX))
        return gt_err(p, GT_DAMAGED, "GT0444", "a row of a session cannot be read");
    return GT_OK;
}

gt_err_t *gt_session_end(int *ended, gt_store_t *store, const gt_session_t *session,
                         apr_interval_time_t left, apr_pool_t *p)
{
    gt_owner_t owner;

    GT_TRY(demand_table(store, p));
    GT_TRY(gt_store_owner(&owner, store, &session->owner, p));
    const gt_db_value_t args[] = {GT_TEXT(session->id), GT_NUM(session->began_ms),
                                  GT_NUM(apr_time_sec(left)), GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider)};

    return gt_db_change(ended, store->db, &end_session, &store->names, args, p);
}

gt_err_t *gt_sessions_end(int *ended, gt_store_t *store, const gt_owner_t *owner,
                          apr_interval_time_t ago, apr_pool_t *p)
{
    gt_owner_t exact;

    GT_TRY(demand_table(store, p));
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t before[] = {GT_TEXT(ALL), GT_NUM(apr_time_as_msec(ago)),
                                    GT_NUM(apr_time_sec(LONGEST_SESSION)), GT_TEXT(exact.user),
                                    GT_TEXT(exact.provider)};
    const gt_db_value_t rows[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider),
                                  GT_NUM(apr_time_as_msec(ago))};

    GT_TRY(gt_db_change(NULL, store->db, &end_sessions_before, &store->names, before, p));
    return gt_db_change(ended, store->db, &drop_sessions, &store->names, rows, p);
}

static gt_session_t session_of(const gt_db_row_t *row)
{
    return (gt_session_t){.owner = {row->column[0], row->column[1]}, .id = row->column[2]};
}

gt_err_t *gt_sessions_end_marked(apr_array_header_t **ended, gt_store_t *store,
                                 const gt_session_mark_t *mark, apr_pool_t *p)
{
    const gt_db_value_t id[] = {GT_TEXT(mark->id)};
    const gt_db_value_t sid[] = {GT_TEXT(mark->sid), GT_TEXT(mark->provider)};
    apr_array_header_t *rows;

    GT_TRY(demand_table(store, p));
    GT_TRY(gt_db_rows(&rows, store->db, mark->id != NULL ? &end_by_id : &end_by_sid, &store->names,
                      mark->id != NULL ? id : sid, p));
    *ended = apr_array_make(p, rows->nelts, sizeof(gt_session_t));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_session_t one = session_of(&APR_ARRAY_IDX(rows, i, gt_db_row_t));

        if (one.owner.user != NULL && one.owner.provider != NULL && one.id != NULL)
            APR_ARRAY_PUSH(*ended, gt_session_t) = one;
    }
    return GT_OK;
}

gt_err_t *gt_sessions_owners(apr_array_header_t **owners, gt_store_t *store, const char *provider,
                             const char *subject, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(provider), GT_TEXT(subject)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &owners_of_subject, &store->names, args, p));
    *owners = apr_array_make(p, rows->nelts, sizeof(gt_owner_t));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);

        if (row->column[0] != NULL && row->column[1] != NULL)
            APR_ARRAY_PUSH(*owners, gt_owner_t) = (gt_owner_t){row->column[0], row->column[1]};
    }
    return GT_OK;
}

gt_err_t *gt_sessions_ended(gt_ended_t *ended, gt_store_t *store, const gt_owner_t *owner, int most,
                            apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider), GT_NUM(most + 2)};
    apr_array_header_t *rows;

    *ended = (gt_ended_t){.ids = apr_array_make(p, 4, sizeof(const char *))};
    if (!gt_store_has(store, GT_ADDS_SESSIONS, p))
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, store->db, &list_ended, &store->names, args, p));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);

        if (row->column[0] == NULL)
            continue;
        if (strcmp(row->column[0], ALL) != 0)
            APR_ARRAY_PUSH(ended->ids, const char *) = row->column[0];
        else if (!gt_number(&ended->until_ms, row->column[1], 0, INT64_MAX))
            return gt_err(p, GT_DAMAGED, "GT0444", "a row of a session cannot be read");
    }
    ended->has_more = ended->ids->nelts > most;
    return GT_OK;
}

gt_err_t *gt_session_has_ended(int *has, gt_store_t *store, const gt_owner_t *owner, const char *id,
                               apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider), GT_TEXT(id)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &look_for_ended, &store->names, args, p));
    *has = rows->nelts > 0;
    return GT_OK;
}

/* The times are of the database's clock, and are moved to ours. */
static gt_err_t *read_session(gt_session_t *session, const gt_db_row_t *row, apr_pool_t *p)
{
    apr_int64_t used, ends, clock;
    apr_time_t offset;

    *session = session_of(row);
    if (session->owner.user == NULL || session->owner.provider == NULL || session->id == NULL ||
        !gt_number(&session->began_ms, row->column[3], 0, INT64_MAX) ||
        !gt_number(&used, row->column[4], 0, INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&ends, row->column[5], 0, INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&clock, row->column[9], 0, INT64_MAX / APR_USEC_PER_SEC))
        return gt_err(p, GT_DAMAGED, "GT0444", "a row of a session cannot be read");
    offset = gt_row_offset(apr_time_from_sec(clock));
    session->used_at = apr_time_from_sec(used) + offset;
    session->ends_at = apr_time_from_sec(ends) + offset;
    session->sid = row->column[6];
    session->address = row->column[7];
    session->agent = row->column[8];
    return GT_OK;
}

gt_err_t *gt_sessions_list(gt_sessions_page_t *page, gt_store_t *store, const gt_owner_t *owner,
                           const gt_session_t *after, int most, apr_pool_t *p)
{
    const gt_owner_t *from = owner != NULL ? owner : after != NULL ? &after->owner : NULL;
    const gt_sql_t *sql = owner != NULL ? &list_of_owner : after != NULL ? &list_all : &list_first;
    const gt_db_value_t first[] = {GT_NUM(most)};
    apr_array_header_t *rows;

    *page = (gt_sessions_page_t){.sessions = apr_array_make(p, 16, sizeof(gt_session_t))};
    GT_TRY(demand_table(store, p));
    const gt_db_value_t next[] = {GT_TEXT(from != NULL ? from->user : NULL),
                                  GT_TEXT(from != NULL ? from->provider : NULL),
                                  GT_TEXT(after != NULL ? after->id : ""), GT_NUM(most)};

    GT_TRY(gt_db_rows(&rows, store->db, sql, &store->names, from != NULL ? next : first, p));
    page->has_more = rows->nelts == most;
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);

        GT_TRY(read_session(&page->last, row, p));
        if (row->column[10] != NULL && strcmp(row->column[10], "1") == 0)
            APR_ARRAY_PUSH(page->sessions, gt_session_t) = page->last;
    }
    return GT_OK;
}

gt_err_t *gt_sessions_purge(int *dropped, gt_store_t *store, int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(most)};

    *dropped = 0;
    if (!gt_store_has(store, GT_ADDS_SESSIONS, p))
        return GT_OK;
    return gt_db_change(dropped, store->db, &purge_sessions, &store->names, args, p);
}

const gt_sql_t *const gt_session_sql[] = {&note_session,
                                          &end_session,
                                          &end_sessions_before,
                                          &drop_sessions,
                                          &owners_of_subject,
                                          &end_by_id,
                                          &end_by_sid,
                                          &list_ended,
                                          &look_for_ended,
                                          &list_of_owner,
                                          &list_all,
                                          &list_first,
                                          &purge_sessions,
                                          NULL};
