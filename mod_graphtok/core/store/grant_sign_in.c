/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * A sign-in becomes a row. An existing row decides what may be written: it is read, judged, and
 * written on the condition that its generation is still the one that was judged.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/grant_access.h"
#include "store/grant_account.h"
#include "store/statements.h"

#define SIGN_IN_TRIES 50 /* each lost one is won by another process */
#define ID_BYTES 16

/* id, user, provider, issuer, tenant, subject, email, scopes, access, refresh, id token,
 * key id, expires → {row}; no row: another sign-in was first */
static const gt_sql_t insert_grant = {
    "insert grant",
    "INSERT INTO {table} (id, {user}, provider, account_issuer, account_tenant, "
    "account_subject, email, scopes, encrypted_access_token, encrypted_refresh_token, "
    "encrypted_id_token, key_id, expires_at, created_at, updated_at, last_used_at, generation, "
    "revision) VALUES (%s, {user_arg}, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {in}, {stamp}, "
    "{stamp}, {clock}, {clock_ms}, {clock_ms}) "
    "ON CONFLICT ({user}, provider) DO NOTHING RETURNING {row}",
    NULL};

/* issuer, tenant, subject, email, scopes, access, refresh (NULL: keep), id token (NULL: keep),
 * key id (NULL: keep), expires, owner, generation → {row}; no row: it moved on */
static const gt_sql_t sign_in_again = {
    "sign in again",
    "UPDATE {table} SET account_issuer = %s, account_tenant = %s, account_subject = %s, "
    "email = coalesce(%s, email), scopes = coalesce(%s, scopes), encrypted_access_token = %s, "
    "encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
    "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
    "expires_at = {in}, last_used_at = {greater}(last_used_at, {clock}), {refreshed}, "
    "claims = NULL, {stamped} WHERE {owner} AND generation = %lld RETURNING {row}",
    NULL};

/* owner → milliseconds since it was revoked; no row: not lately */
static const gt_sql_t look_for_deletion = {
    "look for deletion", "SELECT {clock_ms} - revision FROM {gone} WHERE {owner}", NULL};

const char *gt_grant_new_id(apr_pool_t *p)
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
        GT_TEXT(gt_grant_new_id(p)),
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

    return gt_db_rows(rows, entry->store->db, &insert_grant, &entry->store->names, args, p);
}

/* A refresh token that no key opens is dropped: keeping it would make every later look fail. */
static gt_err_t *update(apr_array_header_t **rows, const entry_t *entry, const gt_raw_t *raw,
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

    /* Tokens of other resources were given for the consent of before. */
    GT_TRY(gt_access_drop(entry->store, &entry->owner, p));
    return gt_db_rows(rows, entry->store->db, &sign_in_again, &entry->store->names, args, p);
}

/* Where there is no row, the grant may have been revoked while the provider was asked for these
 * tokens: then the user does not want them any more. The note of it was written before the row
 * went. */
static gt_err_t *check_revoked(const entry_t *entry, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(entry->owner.user), GT_TEXT(entry->owner.provider)};
    apr_interval_time_t since;
    apr_array_header_t *rows;
    apr_int64_t ago;

    if (entry->tokens->asked == 0)
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, entry->store->db, &look_for_deletion, &entry->store->names, args, p));
    /* Counted after the look, which may take its time: so no revocation since is missed. */
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

    GT_TRY(gt_row_find(&raw, entry->store, &entry->owner, p));
    if (raw != NULL)
        return update(rows, entry, raw, p);
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
    GT_TRY(gt_row_seal(&entry.sealed, store, &entry.owner, GT_RESOURCE_GRAPH, tokens, p));
    GT_TRY(enter_row(&raw, &entry, p));
    return gt_row_open(grant, raw, store, p);
}

const gt_sql_t *const gt_grant_sign_in_sql[] = {&insert_grant, &sign_in_again, &look_for_deletion,
                                                NULL};
