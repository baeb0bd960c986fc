/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ROW_H
#define GT_ROW_H

/**
 * @file row.h
 * Between a row as statements carry it and a grant: numbers are read, secrets sealed for their
 * place and opened. For store/ only.
 */

#include "store/store.h"

/**
 * The columns of {row}, which every statement that answers grants answers, in their order: name in
 * GT_ROW_…, and text; S for sealed tokens, X for all others. The last one is the clock that
 * judges the times of the row.
 */
#define GT_ROW_COLUMNS(X, S)                                                                       \
    X(ID, "id")                                                                                    \
    X(USER, "{user}")                                                                              \
    X(PROVIDER, "provider")                                                                        \
    X(ISSUER, "account_issuer")                                                                    \
    X(TENANT, "account_tenant")                                                                    \
    X(SUBJECT, "account_subject")                                                                  \
    X(EMAIL, "email")                                                                              \
    X(SCOPES, "scopes")                                                                            \
    S(ACCESS, "encrypted_access_token")                                                            \
    S(REFRESH, "encrypted_refresh_token")                                                          \
    X(EXPIRES, "{expires}")                                                                        \
    X(CREATED, "{created}")                                                                        \
    X(UPDATED, "{updated}")                                                                        \
    X(LAST_USED, "last_used_at")                                                                   \
    X(USE_COUNT, "use_count")                                                                      \
    X(STATUS, "status")                                                                            \
    X(ERROR_COUNT, "error_count")                                                                  \
    X(ERROR_MESSAGE, "error_message")                                                              \
    X(GENERATION, "generation")                                                                    \
    X(LEASE_OWNER, "lease_owner")                                                                  \
    X(LEASE_UNTIL, "lease_until")                                                                  \
    X(KEY_ID, "key_id")                                                                            \
    X(INTENT_OWNER, "intent_owner")                                                                \
    X(CLAIMS, "claims")                                                                            \
    X(CLOCK, "{now}")

/** {row} as a text: each column stands behind a comma, and the first comma is left out. */
#define GT_ROW_COMMA(name, text) ", " text
#define GT_ROW_TEXT (&(GT_ROW_COLUMNS(GT_ROW_COMMA, GT_ROW_COMMA))[2])

/** {shown}: the same without the tokens, for lists. */
#define GT_ROW_EMPTY(name, text) ", ''"
#define GT_ROW_SHOWN (&(GT_ROW_COLUMNS(GT_ROW_COMMA, GT_ROW_EMPTY))[2])

/** A row before its secrets are opened. */
typedef struct gt_raw_t {
    gt_grant_t grant;    /* access and refresh are NULL */
    const char *access;  /* sealed, or "" */
    const char *refresh; /* sealed, or "" */
} gt_raw_t;

/** The tokens that a statement writes. NULL: keep the stored one. */
typedef struct gt_sealed_t {
    const char *access;
    const char *refresh;
    const char *id_token;
    const char *key_id; /* of `refresh` */
} gt_sealed_t;

/** Find an owner's row. @param raw NULL when there is none */
GT_MUST gt_err_t *gt_row_find(gt_raw_t **raw, gt_store_t *store, const gt_owner_t *owner,
                              apr_pool_t *p);

/** A sealed value, and where it belongs. */
typedef struct gt_sealed_value_t {
    const char *sealed; /* "" : there is none */
    const char *column;
    const char *resource; /* of an access token; NULL for other columns */
    const gt_owner_t *owner;
} gt_sealed_value_t;

/** Read a {row}. The user id is the owner's, as it was asked for; NULL: the row's.
 * @return GT_DAMAGED when a number is none */
GT_MUST gt_err_t *gt_row_read(gt_raw_t **raw, const gt_db_row_t *row, const gt_owner_t *owner,
                              apr_pool_t *p);

/** Open a row's secrets. @return GT_DAMAGED naming the column */
GT_MUST gt_err_t *gt_row_open(gt_grant_t **grant, gt_raw_t *raw, gt_store_t *store, apr_pool_t *p);

/** Open the id_token that a sign-in left in a row. @param clear NULL when there is none */
GT_MUST gt_err_t *gt_row_open_id_token(gt_secret_t **clear, const char *sealed, gt_store_t *store,
                                       const gt_owner_t *owner, apr_pool_t *p);

/**
 * Whether the row has a refresh token that can be opened.
 * @return an error of the database when it cannot be known now
 */
GT_MUST gt_err_t *gt_row_can_refresh(int *can, const gt_raw_t *raw, gt_store_t *store,
                                     apr_pool_t *p);

/** Seal a token endpoint's answer for an owner's row. @param resource  of the access token */
GT_MUST gt_err_t *gt_row_seal(gt_sealed_t *sealed, gt_store_t *store, const gt_owner_t *owner,
                              const char *resource, const gt_tokens_t *tokens, apr_pool_t *p);

/**
 * Open one sealed value of an owner.
 * @param clear  NULL for an empty value
 * @param ids    those of the store; out: those of now, where the value did not fit them
 */
GT_MUST gt_err_t *gt_row_unseal(gt_secret_t **clear, const gt_sealed_value_t *value, gt_ids_t *ids,
                                gt_store_t *store, apr_pool_t *p);

/** Add this to a time of the database's clock to get one of ours: 0 where both say the same
 * second. */
apr_time_t gt_row_offset(apr_time_t clock);

/** How much younger than now a row may say that it is: more was written before that clock was set
 * back, and the age of its token is not known. */
#define GT_ROW_STEP apr_time_from_sec(10)

#endif
