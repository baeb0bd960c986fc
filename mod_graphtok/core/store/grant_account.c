/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file grant_account.c
 * Of a refused password one thing must be known: whether it is the one at hand. The row keeps the
 * SHA-256 of it with the owner's names, sealed like a token, so that a copy of the table is of no
 * use for guessing it.
 */

#include "store/grant_account.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/grant_access.h"
#include "store/row.h"
#include "store/statements.h"
#include "store/store.h"

#define MARKS_COLUMN "refused_passwords"
#define TOKEN_TYPE "'ropc'" /* as S1's program calls it */
#define LONGEST                                                                                    \
    (30 * 86400) /* s, of GraphTokAccountRetry: more was written before the clock was
                                set back */

/* id, user, provider, email */
static const gt_sql_t begin_account = {
    "begin account",
    "INSERT INTO {table} (id, {user}, provider, email, encrypted_access_token, "
    "encrypted_refresh_token, expires_at, created_at, updated_at, last_used_at, generation, "
    "revision, token_type) VALUES (%s, {user_arg}, %s, %s, '', '', {stamp}, {stamp}, {stamp}, "
    "{clock}, {clock_ms}, {clock_ms}, " TOKEN_TYPE ") ON CONFLICT ({user}, provider) DO NOTHING",
    NULL};

/* Columns that seem to be missing may have been made a moment ago: they are looked for again. */
static gt_err_t *demand_columns(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    GT_TRY(gt_store_ids_with(ids, GT_ADDS_ACCOUNTS, store, p));
    if (ids->has[GT_ADDS_ACCOUNTS])
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0430",
                  "store %s has no columns for accounts with a password: run graphtokctl migrate",
                  gt_store_name(store));
}

gt_err_t *gt_grant_accounts_check(gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;

    return demand_columns(&ids, store, p);
}

gt_err_t *gt_grant_begin(gt_store_t *store, const gt_owner_t *owner, const char *email,
                         apr_pool_t *p)
{
    gt_owner_t exact;
    gt_ids_t ids;

    GT_TRY(demand_columns(&ids, store, p));
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(gt_grant_new_id(p)), GT_TEXT(exact.user),
                                  GT_TEXT(exact.provider), GT_TEXT(email)};

    return gt_db_change(NULL, store->db, &begin_account, &store->names, args, p);
}

/* ---- marks ---- */

/* owner → seconds that are left, the generation that was refused, marks, message */
static const gt_sql_t find_mark = {
    "find mark",
    "SELECT refused_until - {now}, refused_generation, refused_passwords, error_message "
    "FROM {table} WHERE {owner}",
    NULL};

/* The row's mark as it stands there. */
typedef struct found_t {
    apr_int64_t left, generation; /* 0: there is none */
    const char *sealed, *message;
} found_t;

static gt_err_t *find(found_t *found, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};
    apr_array_header_t *rows;
    const gt_db_row_t *row;

    memset(found, 0, sizeof(*found));
    found->sealed = "";
    GT_TRY(gt_db_rows(&rows, store->db, &find_mark, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (!gt_number(&found->left, row->column[0], INT64_MIN, INT64_MAX) ||
        !gt_number(&found->generation, row->column[1], 0, INT64_MAX))
        return gt_err(p, GT_DAMAGED, "GT0422", "a column of the grant's row cannot be read");
    if (row->column[2] != NULL)
        found->sealed = row->column[2];
    found->message = row->column[3];
    return GT_OK;
}

/** A refusal of an earlier time, or of another generation, is over. */
static int is_in_force(const found_t *found, const gt_grant_t *grant)
{
    return found->generation == grant->generation && found->left > 0 && found->left <= LONGEST + 1;
}

/** The digest of a password in hexadecimal digits, which is a secret itself. */
static const char *mark_of(const gt_secret_t *password, const gt_owner_t *owner, apr_pool_t *p)
{
    unsigned char digest[32];
    char *text =
        apr_pstrcat(p, owner->user, "\n", owner->provider, "\n", gt_secret_text(password), NULL);
    char *mark;

    gt_wipe_with_pool(text, strlen(text), p);
    gt_sha256(digest, text, strlen(text));
    mark = gt_hex(digest, sizeof(digest), p);
    gt_wipe_with_pool(mark, strlen(mark), p);
    return mark;
}

/** The marks, blank-separated; "" when there are none that this process can open: a key may have
 * been retired since. */
static gt_err_t *open_marks(const char **marks, const found_t *found, gt_store_t *store,
                            const gt_owner_t *owner, gt_ids_t *ids, apr_pool_t *p)
{
    const gt_sealed_value_t value = {found->sealed, MARKS_COLUMN, NULL, owner};
    gt_secret_t *clear = NULL;
    gt_err_t *err = gt_row_unseal(&clear, &value, ids, store, p);

    *marks = clear != NULL ? gt_secret_text(clear) : "";
    return err == GT_OK || err->cls == GT_DAMAGED ? GT_OK : err;
}

/** 1 when the marks forbid a password: its own is among them, there are too many, or they cannot be
 * read. */
static int forbid(const char *marks, const char *mark)
{
    return *marks == '\0' || gt_has_word(marks, mark) ||
           strlen(marks) + 1 >= GT_PASSWORDS_MAX * (strlen(mark) + 1);
}

gt_err_t *gt_grant_password_mark(gt_password_mark_t *mark, gt_store_t *store,
                                 const gt_grant_t *grant, const gt_secret_t *password,
                                 apr_pool_t *p)
{
    gt_owner_t owner;
    const char *marks;
    found_t found;
    gt_ids_t ids;

    memset(mark, 0, sizeof(*mark));
    GT_TRY(demand_columns(&ids, store, p));
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    GT_TRY(find(&found, store, &owner, p));
    mark->message = found.message;
    mark->is_halted = found.message != NULL && strcmp(found.message, GT_GRANT_HALTED) == 0;
    if (!is_in_force(&found, grant))
        return GT_OK;
    GT_TRY(open_marks(&marks, &found, store, &owner, &ids, p));
    if (forbid(marks, mark_of(password, &owner, p)))
        mark->left = apr_time_from_sec(found.left);
    return GT_OK;
}

/* message, seconds, marks, owner, generation */
static const gt_sql_t refuse_password = {
    "refuse password",
    "UPDATE {table} SET status = 0, error_message = %s, error_count = error_count + 1, "
    "claims = NULL, token_type = " TOKEN_TYPE ", refused_until = {clock} + %lld, "
    "refused_passwords = %s, refused_generation = generation + 1, generation = generation + 1, "
    "{no_lease}, {changed} WHERE {owner} AND generation = %lld",
    NULL};

static gt_err_t *add_mark(const char **sealed, gt_store_t *store, const gt_grant_t *grant,
                          const gt_owner_t *owner, const gt_secret_t *password, apr_pool_t *p)
{
    const char *mark = mark_of(password, owner, p), *marks = "";
    gt_place_t place;
    found_t found;
    gt_ids_t ids;

    GT_TRY(demand_columns(&ids, store, p));
    GT_TRY(find(&found, store, owner, p));
    if (is_in_force(&found, grant))
        GT_TRY(open_marks(&marks, &found, store, owner, &ids, p));
    if (*marks != '\0' && !gt_has_word(marks, mark)) {
        char *both = apr_pstrcat(p, marks, " ", mark, NULL);

        gt_wipe_with_pool(both, strlen(both), p);
        mark = both;
    }
    else if (*marks != '\0')
        mark = marks;
    place = gt_store_place(store, &ids, MARKS_COLUMN, owner);
    return gt_seal(sealed, store->ring, GT_KEY_REFRESH, store->conf->cipher, &place,
                   gt_secret_from(mark, p), p);
}

gt_err_t *gt_grant_password_refused(int *noted, gt_store_t *store, const gt_grant_t *grant,
                                    const gt_secret_t *password, const gt_err_t *failure,
                                    apr_pool_t *p)
{
    const char *sealed;
    gt_owner_t owner;

    *noted = 0;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    GT_TRY(add_mark(&sealed, store, grant, &owner, password, p));
    const gt_db_value_t args[] = {GT_TEXT(gt_grant_failure(failure, "refused", p)),
                                  GT_NUM(apr_time_sec(failure->retry_after)),
                                  GT_TEXT(sealed),
                                  GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider),
                                  GT_NUM(grant->generation)};

    GT_TRY(gt_db_change(noted, store->db, &refuse_password, &store->names, args, p));
    return *noted ? gt_access_drop_inactive(store, &owner, p) : GT_OK;
}

const gt_sql_t *const gt_grant_account_sql[] = {&begin_account, &find_mark, &refuse_password, NULL};
