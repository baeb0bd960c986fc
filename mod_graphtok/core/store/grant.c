/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * One row of a store: found, refreshed, judged, deleted. Each is one statement, on the condition
 * that the generation is still the one that was judged.
 */

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "store/grant_access.h"
#include "store/grant_account.h"
#include "store/statements.h"

#define ERRORS_DEACTIVATE 3
#define LONGEST_CODE 64

/* Parameters are listed in their order; "owner" is user, provider. */

/* owner → {row} */
static const gt_sql_t find_grant = {"find grant", "SELECT {row} FROM {table} WHERE {owner}", NULL};

gt_err_t *gt_row_find(gt_raw_t **raw, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};
    apr_array_header_t *rows;

    *raw = NULL;
    GT_TRY(gt_db_rows(&rows, store->db, &find_grant, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    return gt_row_read(raw, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), owner, p);
}

static int is_default(const char *resource)
{
    return strcmp(resource, GT_RESOURCE_GRAPH) == 0;
}

gt_err_t *gt_grant_find_for(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                            const char *resource, apr_pool_t *p)
{
    gt_owner_t exact;
    gt_raw_t *raw;

    *grant = NULL;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    GT_TRY(gt_row_find(&raw, store, &exact, p));
    if (raw == NULL)
        return GT_OK;
    /* The default resource's token is not opened for another one: damage in it then does no
     * harm. */
    if (!is_default(resource))
        raw->access = "";
    GT_TRY(gt_row_open(grant, raw, store, p));
    if (is_default(resource))
        return GT_OK;
    (*grant)->resource = apr_pstrdup(p, resource);
    return gt_access_load(*grant, store, p);
}

gt_err_t *gt_grant_find(gt_grant_t **grant, gt_store_t *store, const gt_owner_t *owner,
                        apr_pool_t *p)
{
    return gt_grant_find_for(grant, store, owner, GT_RESOURCE_GRAPH, p);
}

gt_err_t *gt_grant_id(const char **id, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    gt_owner_t exact;
    gt_raw_t *raw;

    *id = NULL;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    GT_TRY(gt_row_find(&raw, store, &exact, p));
    if (raw != NULL)
        *id = raw->grant.id;
    return GT_OK;
}

/* scopes, access, refresh, id token, key id (NULL: keep), expires, claims, owner, generation */
static const gt_sql_t commit_refresh = {
    "commit refresh",
    "UPDATE {table} SET scopes = coalesce(%s, scopes), "
    "encrypted_access_token = coalesce(%s, encrypted_access_token), "
    "encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
    "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
    "expires_at = {in}, {claims_met}, {refreshed}, {changed} "
    "WHERE {owner} AND generation = %lld",
    NULL};

/* Whether the row holds a token that was written; one that was not written proves nothing. */
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
    GT_TRY(gt_grant_find_for(&now, store, &grant->owner, grant->resource, p));
    if (now == NULL || now->generation != grant->generation + 1)
        return GT_OK;
    *ours = holds(now->access, tokens->access) && holds(now->refresh, tokens->refresh);
    return GT_OK;
}

/* refresh, id token, key id (NULL: keep), claims, owner, generation. The access token of another
 * resource stands elsewhere, and the row's columns for the default one's stay. */
static const gt_sql_t commit_other = {
    "commit other",
    "UPDATE {table} SET encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
    "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
    "{claims_met}, {refreshed} WHERE {owner} AND generation = %lld",
    NULL};

/* A commit as its statements need it. */
typedef struct commit_t {
    gt_store_t *store;
    const gt_grant_t *grant;
    const gt_tokens_t *tokens;
    gt_owner_t owner;
    gt_sealed_t sealed;
} commit_t;

static gt_err_t *write_default(int *changed, const commit_t *c, apr_pool_t *p)
{
    const apr_int64_t left = c->tokens->access != NULL
                                 ? gt_tokens_left(c->tokens)
                                 : apr_time_sec(c->grant->expires_at) - apr_time_sec(gt_now());
    const gt_db_value_t args[] = {
        GT_TEXT(c->tokens->scope),    GT_TEXT(c->sealed.access), GT_TEXT(c->sealed.refresh),
        GT_TEXT(c->sealed.id_token),  GT_TEXT(c->sealed.key_id), GT_NUM(left),
        GT_TEXT(c->grant->claims),    GT_TEXT(c->owner.user),    GT_TEXT(c->owner.provider),
        GT_NUM(c->grant->generation),
    };

    return gt_db_change(changed, c->store->db, &commit_refresh, &c->store->names, args, p);
}

static gt_err_t *write_other(int *changed, const commit_t *c, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(c->sealed.refresh),  GT_TEXT(c->sealed.id_token),
                                  GT_TEXT(c->sealed.key_id),   GT_TEXT(c->grant->claims),
                                  GT_TEXT(c->owner.user),      GT_TEXT(c->owner.provider),
                                  GT_NUM(c->grant->generation)};

    GT_TRY(gt_access_keep(c->store, c->grant, &c->sealed, c->tokens, p));
    return gt_db_change(changed, c->store->db, &commit_other, &c->store->names, args, p);
}

gt_err_t *gt_grant_commit(int *stored, gt_store_t *store, const gt_grant_t *grant,
                          const gt_tokens_t *tokens, apr_pool_t *p)
{
    commit_t commit = {.store = store, .grant = grant, .tokens = tokens};
    gt_err_t *(*write)(int *, const commit_t *, apr_pool_t *) =
        is_default(grant->resource) ? write_default : write_other;
    gt_err_t *err;
    int changed = 0;

    *stored = 0;
    GT_TRY(gt_store_owner(&commit.owner, store, &grant->owner, p));
    GT_TRY(gt_row_seal(&commit.sealed, store, &commit.owner, grant->resource, tokens, p));
    err = write(&changed, &commit, p);
    if (err != GT_OK && err->cls == GT_STORE_AWAY)
        err = write(&changed, &commit, p);
    if (err != GT_OK)
        return err;
    if (changed == 0)
        return was_ours(stored, store, grant, tokens, p);
    *stored = 1;
    return GT_OK;
}

/* message, errors before twice, number of errors that deactivates, owner, generation */
static const gt_sql_t count_error = {
    "count error",
    "UPDATE {table} SET error_message = %s, error_count = {greater}(error_count, %lld) + 1, status "
    "= CASE WHEN {greater}(error_count, %lld) + 1 >= %lld THEN 0 ELSE status END, {changed} "
    "WHERE {owner} AND generation = %lld",
    NULL};

/* message, status, claims (NULL: none), owner, generation */
static const gt_sql_t set_status = {
    "set status",
    "UPDATE {table} SET error_message = %s, error_count = error_count + 1, status = %lld, "
    "claims = %s, {changed} WHERE {owner} AND generation = %lld",
    NULL};

/* The change of each effect to the row; its word begins the row's message. */
static const struct {
    const gt_sql_t *sql;
    apr_int64_t number; /* errors that deactivate, or the status */
    const char *word;
} verdicts[] = {
    [GT_EFFECT_COUNT] = {&count_error, ERRORS_DEACTIVATE, "refused"},
    [GT_EFFECT_DEACTIVATE] = {&set_status, GT_INACTIVE, "sign-in-required"},
    [GT_EFFECT_INTERACT] = {&set_status, GT_NEEDS_USER, "interaction-required"},
};

/** The provider's code with a blank before it, or "". */
static const char *code_of(const gt_err_t *failure, apr_pool_t *p)
{
    char *code = apr_pstrndup(p, failure->code != NULL ? failure->code : "", LONGEST_CODE);
    char *c;

    for (c = code; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_-.", *c) == NULL)
            *c = '_';
    return code[0] != '\0' ? apr_pstrcat(p, " ", code, NULL) : code;
}

const char *gt_grant_failure(const gt_err_t *failure, const char *word, apr_pool_t *p)
{
    return apr_pstrcat(p, word, " ", failure->tag, code_of(failure, p), NULL);
}

const char *gt_grant_failed_by(const gt_err_t *failure, apr_pool_t *p)
{
    return apr_pstrcat(p, gt_class_row(failure->cls)->name, code_of(failure, p), NULL);
}

gt_err_t *gt_grant_failed(int *noted, gt_store_t *store, const gt_grant_t *grant,
                          const gt_err_t *failure, gt_effect_t effect, apr_pool_t *p)
{
    gt_owner_t owner;

    *noted = 0;
    if (effect == GT_EFFECT_NONE)
        return GT_OK;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const char *message = gt_grant_failure(failure, verdicts[effect].word, p);
    const gt_db_value_t number = GT_NUM(verdicts[effect].number);
    const gt_db_value_t before = GT_NUM(grant->error_count);
    const gt_db_value_t counted[] = {GT_TEXT(message),
                                     before,
                                     before,
                                     number,
                                     GT_TEXT(owner.user),
                                     GT_TEXT(owner.provider),
                                     GT_NUM(grant->generation)};
    const gt_db_value_t judged[] = {GT_TEXT(message),         number,
                                    GT_TEXT(failure->claims), GT_TEXT(owner.user),
                                    GT_TEXT(owner.provider),  GT_NUM(grant->generation)};

    GT_TRY(gt_db_change(noted, store->db, verdicts[effect].sql, &store->names,
                        effect == GT_EFFECT_COUNT ? counted : judged, p));
    return *noted ? gt_access_drop_inactive(store, &owner, p) : GT_OK;
}

/* seconds, claims, owner, generation */
static const gt_sql_t challenge_grant = {
    "challenge grant",
    "UPDATE {table} SET expires_at = {in}, claims = %s, {changed} "
    "WHERE {owner} AND generation = %lld AND status <> 0",
    NULL};

gt_err_t *gt_grant_challenged(gt_store_t *store, const gt_grant_t *grant, const char *claims,
                              apr_pool_t *p)
{
    gt_owner_t owner;
    int noted = 0;

    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const gt_db_value_t args[] = {GT_NUM(0), GT_TEXT(claims), GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider), GT_NUM(grant->generation)};

    GT_TRY(gt_db_change(&noted, store->db, &challenge_grant, &store->names, args, p));
    return noted ? gt_access_drop(store, &owner, p) : GT_OK;
}

/* message, owner */
static const gt_sql_t deactivate_grant = {
    "deactivate grant",
    "UPDATE {table} SET status = 0, error_message = %s, claims = NULL, "
    "generation = generation + 1, {no_lease}, {changed} WHERE {owner}",
    NULL};

gt_err_t *gt_grant_deactivate(int *deactivated, gt_store_t *store, const gt_owner_t *owner,
                              apr_pool_t *p)
{
    gt_owner_t exact;

    *deactivated = 0;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(GT_GRANT_HALTED), GT_TEXT(exact.user),
                                  GT_TEXT(exact.provider)};

    GT_TRY(gt_db_change(deactivated, store->db, &deactivate_grant, &store->names, args, p));
    return gt_access_drop_inactive(store, &exact, p);
}

/* owner */
static const gt_sql_t activate_grant = {
    "activate grant",
    "UPDATE {table} SET status = 1, error_count = 0, error_message = NULL, claims = NULL, "
    "generation = generation + 1, {changed} WHERE {owner} AND status <> 1",
    NULL};

gt_err_t *gt_grant_activate(int *activated, gt_store_t *store, const gt_owner_t *owner,
                            apr_pool_t *p)
{
    gt_owner_t exact;

    *activated = 0;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider)};

    return gt_db_change(activated, store->db, &activate_grant, &store->names, args, p);
}

/* owner */
static const gt_sql_t note_deletion = {
    "note deletion",
    "INSERT INTO {gone} ({user}, provider, revision) SELECT {user}, provider, {clock_ms} "
    "FROM {table} WHERE {owner} "
    "ON CONFLICT ({user}, provider) DO UPDATE SET revision = {clock_ms}",
    NULL};

/* owner */
static const gt_sql_t delete_grant = {"delete grant", "DELETE FROM {table} WHERE {owner}", NULL};

gt_err_t *gt_grant_delete(int *deleted, gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    gt_owner_t exact;

    *deleted = 0;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider)};

    /* The note first: a crash in between costs others a look, the other order would leave tokens
     * of a deleted grant in their caches. */
    GT_TRY(gt_db_change(NULL, store->db, &note_deletion, &store->names, args, p));
    return gt_db_change(deleted, store->db, &delete_grant, &store->names, args, p);
}

const gt_sql_t *const gt_grant_sql[] = {&find_grant,
                                        &commit_refresh,
                                        &commit_other,
                                        &count_error,
                                        &set_status,
                                        &challenge_grant,
                                        &deactivate_grant,
                                        &note_deletion,
                                        &delete_grant,
                                        &activate_grant,
                                        NULL};
