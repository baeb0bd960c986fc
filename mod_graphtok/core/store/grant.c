/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * One row of a store: found, signed in, refreshed, judged, counted, deleted. Each is one
 * statement; where what is written depends on what is there (a sign-in), the row is read, judged,
 * and written on the condition that its generation is still the one that was judged. Source:
 * missions T6 to T8, T13, T16; the design's "One refresh, everywhere".
 */

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/row.h"

#define ERRORS_DEACTIVATE 3
#define SIGN_IN_TRIES 50 /* each lost one is won by somebody else */
#define LONGEST_CODE 64
#define NIL_ID "00000000-0000-0000-0000-000000000000"
#define ID_BYTES 16
#define GONE_STAYS apr_time_from_sec(2 * 3600) /* GraphTokCacheTime is an hour at most */

static gt_err_t *find_raw(gt_raw_t **raw, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};
    apr_array_header_t *rows;

    *raw = NULL;
    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_GRANT_FIND, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    return gt_row_read(raw, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), owner, p);
}

gt_err_t *gt_grant_find(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                        apr_pool_t *p)
{
    gt_owner_t exact;
    gt_raw_t *raw;

    *grant = NULL;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    GT_TRY(find_raw(&raw, store, &exact, p));
    return raw == NULL ? GT_OK : gt_row_open(grant, raw, store, p);
}

gt_err_t *gt_grant_id(const char **id, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    gt_owner_t exact;
    gt_raw_t *raw;

    *id = NULL;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    GT_TRY(find_raw(&raw, store, &exact, p));
    if (raw != NULL)
        *id = raw->grant.id;
    return GT_OK;
}

/* A random UUID (RFC 9562 version 4) in SQLAlchemy's form for SQLite, which PostgreSQL takes
 * too. */
static const char *new_id(apr_pool_t *p)
{
    unsigned char bytes[ID_BYTES];

    gt_random(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    return gt_hex(bytes, sizeof bytes, p);
}

/* One sign-in as its statements need it. */
typedef struct entry_t {
    gt_store_t *store;
    gt_owner_t owner;
    const gt_identity_t *identity;
    const gt_tokens_t *tokens;
    gt_sealed_t sealed;
} entry_t;

static const char *known(const char *text)
{
    return text != NULL ? text : "";
}

static gt_err_t *insert(apr_array_header_t **rows, const entry_t *entry, apr_pool_t *p)
{
    const gt_db_value_t args[] = {
        GT_TEXT(new_id(p)),
        GT_TEXT(entry->owner.user),
        GT_TEXT(entry->owner.provider),
        GT_TEXT(known(entry->identity->issuer)),
        GT_TEXT(known(entry->identity->tenant)),
        GT_TEXT(known(entry->identity->subject)),
        GT_TEXT(entry->identity->email),
        GT_TEXT(entry->tokens->scope),
        GT_TEXT(known(entry->sealed.access)),
        GT_TEXT(known(entry->sealed.refresh)),
        GT_TEXT(entry->sealed.id_token),
        GT_TEXT(entry->sealed.key_id),
        GT_NUM(gt_tokens_left(entry->tokens)),
    };

    return gt_db_rows(rows, entry->store->db, GT_SQL_GRANT_INSERT, &entry->store->names, args, p);
}

/* A refresh token that no key opens is dropped: keeping it would make every later look fail. */
static gt_err_t *sign_in_again(apr_array_header_t **rows, const entry_t *entry, const gt_raw_t *raw,
                               apr_pool_t *p)
{
    const char *refresh = entry->sealed.refresh;
    int can_refresh = 1;

    if (!gt_identity_same(&raw->grant.account, entry->identity))
        return gt_err(p, GT_CONFLICT, "GT0423",
                      "another person signed in for this user before; an administrator can clear "
                      "the grant");
    if (refresh == NULL)
        GT_TRY(gt_row_can_refresh(&can_refresh, raw, entry->store, p));
    if (!can_refresh)
        refresh = "";
    const gt_db_value_t args[] = {
        GT_TEXT(known(entry->identity->issuer)),
        GT_TEXT(known(entry->identity->tenant)),
        GT_TEXT(known(entry->identity->subject)),
        GT_TEXT(entry->identity->email),
        GT_TEXT(entry->tokens->scope),
        GT_TEXT(known(entry->sealed.access)),
        GT_TEXT(refresh),
        GT_TEXT(entry->sealed.id_token),
        GT_TEXT(entry->sealed.key_id),
        GT_NUM(gt_tokens_left(entry->tokens)),
        GT_TEXT(entry->owner.user),
        GT_TEXT(entry->owner.provider),
        GT_NUM(raw->grant.generation),
    };

    return gt_db_rows(rows, entry->store->db, GT_SQL_GRANT_SIGN_IN, &entry->store->names, args, p);
}

/* Where there is no row, it may have been revoked while the provider was asked for these tokens:
 * they are part of what the user did not want any more. The note of it was written before the row
 * went. */
static gt_err_t *check_revoked(const entry_t *entry, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(entry->owner.user), GT_TEXT(entry->owner.provider)};
    apr_interval_time_t since;
    apr_array_header_t *rows;
    apr_int64_t ago;

    if (entry->tokens->asked == 0)
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, entry->store->db, GT_SQL_GRANT_GONE, &entry->store->names, args, p));
    /* Counted after the look, which may take its time: what happened since is never missed. */
    since = gt_ticks() - entry->tokens->asked;
    /* Whole milliseconds; in doubt the revocation came later than the question. */
    if (rows->nelts == 0 ||
        !gt_number(&ago, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, INT32_MAX) ||
        apr_time_from_msec(ago - 1) > since)
        return GT_OK;
    return gt_err(p, GT_CONFLICT, "GT0475",
                  "the grant was revoked while this sign-in was under way: sign in again");
}

static gt_err_t *look_and_write(apr_array_header_t **rows, const entry_t *entry, apr_pool_t *p)
{
    gt_raw_t *raw;

    GT_TRY(find_raw(&raw, entry->store, &entry->owner, p));
    if (raw != NULL)
        return sign_in_again(rows, entry, raw, p);
    GT_TRY(check_revoked(entry, p));
    return insert(rows, entry, p);
}

/* Another sign-in, refresh or revocation may come between our look and our write, or the connection
 * may break. Then we look again: the code that gave these tokens cannot be used a second time. */
static gt_err_t *enter_row(gt_raw_t **raw, const entry_t *entry, apr_pool_t *p)
{
    int may_break = 1;
    int i;

    for (i = 0; i < SIGN_IN_TRIES; i++) {
        apr_array_header_t *rows = NULL;
        gt_err_t *err = look_and_write(&rows, entry, p);

        if (err != GT_OK && (err->cls != GT_STORE_AWAY || !may_break--))
            return err;
        if (err == GT_OK && rows->nelts > 0)
            return gt_row_read(raw, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), &entry->owner, p);
    }
    return gt_err(p, GT_BUSY, "GT0425", "the grant changes faster than it can be written");
}

gt_err_t *gt_grant_sign_in(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                           const gt_identity_t *identity, const gt_tokens_t *tokens, apr_pool_t *p)
{
    entry_t entry = {.store = store, .identity = identity, .tokens = tokens};
    gt_raw_t *raw;

    *grant = NULL;
    GT_TRY(gt_store_owner(&entry.owner, store, owner, p));
    GT_TRY(gt_row_seal(&entry.sealed, store, &entry.owner, tokens, p));
    GT_TRY(enter_row(&raw, &entry, p));
    return gt_row_open(grant, raw, store, p);
}

/* What was not written says nothing. */
static int holds(const gt_secret_t *stored, const gt_secret_t *written)
{
    return written == NULL || (stored != NULL && gt_secret_equal(stored, written));
}

/* Whether the row holds these very tokens one generation on: our own write, whose answer was lost
 * when the connection broke. */
static gt_err_t *was_ours(int *ours, gt_store_t *store, const gt_grant_t *grant,
                          const gt_tokens_t *tokens, apr_pool_t *p)
{
    gt_grant_t *now;

    *ours = 0;
    GT_TRY(gt_grant_find(&now, store, &grant->owner, p));
    if (now == NULL || now->generation != grant->generation + 1)
        return GT_OK;
    *ours = holds(now->access, tokens->access) && holds(now->refresh, tokens->refresh);
    return GT_OK;
}

gt_err_t *gt_grant_commit(int *stored, gt_store_t *store, const gt_grant_t *grant,
                          const gt_tokens_t *tokens, apr_pool_t *p)
{
    const char *previous = NULL;
    gt_sealed_t sealed;
    gt_owner_t owner;
    gt_err_t *err;
    int changed = 0;

    *stored = 0;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    GT_TRY(gt_row_seal(&sealed, store, &owner, tokens, p));
    if (tokens->refresh != NULL)
        GT_TRY(gt_row_seal_previous(&previous, store, &owner, grant->refresh, p));
    const apr_int64_t left = tokens->access != NULL
                                 ? gt_tokens_left(tokens)
                                 : apr_time_sec(grant->expires_at) - apr_time_sec(gt_now());
    const apr_int64_t stays = previous != NULL ? apr_time_sec(GT_PREVIOUS_STAYS) : 0;
    const gt_db_value_t args[] = {
        GT_TEXT(tokens->scope),   GT_TEXT(sealed.access),  GT_TEXT(sealed.refresh),
        GT_TEXT(sealed.id_token), GT_TEXT(sealed.key_id),  GT_NUM(left),
        GT_TEXT(previous),        GT_NUM(stays),           GT_NUM(stays),
        GT_TEXT(owner.user),      GT_TEXT(owner.provider), GT_NUM(grant->generation),
    };

    err = gt_db_change(&changed, store->db, GT_SQL_GRANT_COMMIT, &store->names, args, p);
    if (err != GT_OK && err->cls == GT_STORE_AWAY)
        err = gt_db_change(&changed, store->db, GT_SQL_GRANT_COMMIT, &store->names, args, p);
    if (err != GT_OK)
        return err;
    if (changed == 0)
        return was_ours(stored, store, grant, tokens, p);
    *stored = 1;
    return GT_OK;
}

/* "sign-in-required GT0501 AADSTS70008": what kind and where, no text that a provider wrote but
 * its code, and of that only what codes are made of. */
static const char *failure_message(const gt_err_t *failure, apr_pool_t *p)
{
    const char *name = gt_class_row(failure->cls)->name;
    char *code = apr_pstrndup(p, known(failure->code), LONGEST_CODE);
    char *c;

    for (c = code; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_-.", *c) == NULL)
            *c = '_';
    return apr_pstrcat(p, name, " ", failure->tag, code[0] != '\0' ? " " : "", code, NULL);
}

gt_err_t *gt_grant_failed(int *noted, gt_store_t *store, const gt_grant_t *grant,
                          const gt_err_t *failure, apr_pool_t *p)
{
    const gt_effect_t effect = gt_class_row(failure->cls)->effect;
    gt_sql_t sql = effect == GT_EFFECT_COUNT ? GT_SQL_GRANT_ERROR : GT_SQL_GRANT_STATUS;
    apr_int64_t number = ERRORS_DEACTIVATE;
    gt_owner_t owner;

    *noted = 0;
    if (effect == GT_EFFECT_NONE)
        return GT_OK;
    if (effect != GT_EFFECT_COUNT)
        number = effect == GT_EFFECT_INTERACT ? GT_NEEDS_USER : GT_INACTIVE;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const char *message = failure_message(failure, p);
    const gt_db_value_t counted[] = {GT_TEXT(message), GT_NUM(number), GT_TEXT(owner.user),
                                     GT_TEXT(owner.provider), GT_NUM(grant->generation)};
    const gt_db_value_t judged[] = {GT_TEXT(message),         GT_NUM(number),
                                    GT_TEXT(failure->claims), GT_TEXT(owner.user),
                                    GT_TEXT(owner.provider),  GT_NUM(grant->generation)};

    return gt_db_change(noted, store->db, sql, &store->names,
                        effect == GT_EFFECT_COUNT ? counted : judged, p);
}

gt_err_t *gt_grant_delete(int *deleted, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    gt_owner_t exact;

    *deleted = 0;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider)};

    /* The note first: a crash in between costs others a look, the other order would leave tokens
     * of a deleted grant in their caches. */
    GT_TRY(gt_db_change(NULL, store->db, GT_SQL_GRANT_BURY, &store->names, args, p));
    return gt_db_change(deleted, store->db, GT_SQL_GRANT_DELETE, &store->names, args, p);
}

gt_err_t *gt_grant_changes(apr_array_header_t **changes, gt_store_t *store,
                           apr_interval_time_t span, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_as_msec(span)), GT_NUM(apr_time_as_msec(span))};
    apr_array_header_t *rows;
    int i;

    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_GRANT_CHANGES, &store->names, args, p));
    *changes = apr_array_make(p, rows->nelts, sizeof(gt_change_t));
    for (i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        gt_change_t *change = apr_array_push(*changes);

        change->owner.user = row->column[0];
        change->owner.provider = row->column[1];
        if (change->owner.user == NULL || change->owner.provider == NULL ||
            !gt_number(&change->stale, row->column[2], 0, INT64_MAX))
            apr_array_pop(*changes);
    }
    return GT_OK;
}

gt_err_t *gt_grant_purge(int *more, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t notes[] = {GT_NUM(apr_time_as_msec(GONE_STAYS)), GT_NUM(GT_PURGE_MAX)};
    const gt_db_value_t tokens[] = {GT_NUM(GT_PURGE_MAX)};
    int gone = 0, dropped = 0;

    *more = 0;
    GT_TRY(gt_db_change(&gone, store->db, GT_SQL_GONE_PURGE, &store->names, notes, p));
    GT_TRY(gt_db_change(&dropped, store->db, GT_SQL_GRANT_PURGE, &store->names, tokens, p));
    *more = gone >= GT_PURGE_MAX || dropped >= GT_PURGE_MAX;
    return GT_OK;
}

/* The database writes an owner as gt_store_owner does. */
static const char *use_key(const char *user, const char *provider, apr_pool_t *p)
{
    return apr_pstrcat(p, provider, " ", user, NULL);
}

static gt_err_t *use_json(json_t *list, apr_hash_t *by_owner, gt_uses_t *use,
                          const gt_store_t *store, apr_pool_t *p)
{
    json_t *json = json_object();
    gt_owner_t exact;

    json_array_append_new(list, json);
    GT_TRY(gt_store_owner(&exact, store, &use->owner, p));
    gt_json_set(json, "of_user", exact.user);
    gt_json_set(json, "of_provider", exact.provider);
    gt_json_set_number(json, "times", use->times);
    gt_json_set_number(json, "ago", apr_time_sec(use->ago));
    apr_hash_set(by_owner, use_key(exact.user, exact.provider, p), APR_HASH_KEY_STRING, use);
    return GT_OK;
}

gt_err_t *gt_grants_used(gt_uses_t *uses, int n, gt_store_t *store, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);
    apr_hash_t *by_owner = apr_hash_make(p);
    apr_array_header_t *rows;
    gt_db_value_t arg;

    assert(n <= GT_USES_MAX);
    for (int i = 0; i < n; i++) {
        uses[i].is_written = 0;
        GT_TRY(use_json(list, by_owner, &uses[i], store, p));
    }
    arg = GT_TEXT(gt_json_dump(list, p));
    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_GRANT_USED, &store->names, &arg, p));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        gt_uses_t *use = NULL;

        if (row->column[0] != NULL && row->column[1] != NULL)
            use = apr_hash_get(by_owner, use_key(row->column[0], row->column[1], p),
                               APR_HASH_KEY_STRING);
        if (use != NULL)
            use->is_written = 1;
    }
    return GT_OK;
}

gt_err_t *gt_grant_list(apr_array_header_t **grants, gt_store_t *store, const char *after, int most,
                        apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(after != NULL ? after : NIL_ID), GT_NUM(most)};
    apr_array_header_t *rows;
    int i;

    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_GRANT_LIST, &store->names, args, p));
    *grants = apr_array_make(p, rows->nelts, sizeof(gt_grant_t *));
    for (i = 0; i < rows->nelts; i++) {
        gt_raw_t *raw;

        GT_TRY(gt_row_read(&raw, &APR_ARRAY_IDX(rows, i, gt_db_row_t), NULL, p));
        APR_ARRAY_PUSH(*grants, gt_grant_t *) = &raw->grant;
    }
    return GT_OK;
}

gt_err_t *gt_grant_stats(gt_grant_stats_t *stats, gt_store_t *store, apr_pool_t *p)
{
    apr_int64_t parts = 0, seconds = 0;
    apr_int64_t *const counts[] = {&parts,
                                   &seconds,
                                   &stats->total,
                                   &stats->active,
                                   &stats->inactive,
                                   &stats->needs_user,
                                   &stats->expired,
                                   &stats->expiring_soon,
                                   &stats->refresh_failures};
    apr_array_header_t *rows;
    const gt_db_row_t *row;
    int i;

    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_COUNTS, &store->names, NULL, p));
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    for (i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++)
        if (!gt_number(counts[i], row->column[i], INT64_MIN, INT64_MAX))
            return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    /* Below 0 after the database's clock was set back. */
    stats->age = seconds > 0 ? apr_time_from_sec(seconds) : 0;
    stats->is_whole = parts >= GT_COUNT_PARTS;
    return GT_OK;
}

/* Ids are random, so their first digit cuts them into equal parts; others are counted as well. */
gt_err_t *gt_grant_count(gt_store_t *store, int part, apr_interval_time_t margin, apr_pool_t *p)
{
    static const char rest[] = "fffffffffffffffffffffffffffffff";
    const char *after = part > 0 ? apr_psprintf(p, "%x%s", part - 1, rest) : NIL_ID;
    const gt_db_value_t args[] = {GT_NUM(part), GT_NUM(apr_time_sec(margin)), GT_TEXT(after),
                                  GT_TEXT(apr_psprintf(p, "%x%s", part, rest))};

    assert(part >= 0 && part < GT_COUNT_PARTS);
    return gt_db_change(NULL, store->db, GT_SQL_COUNT_PART, &store->names, args, p);
}
