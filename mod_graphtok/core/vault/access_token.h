/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ACCESS_TOKEN_H
#define GT_ACCESS_TOKEN_H

/**
 * @file access_token.h
 * An access token as the vault holds it. It comes from a row, a provider's answer or the cache.
 * Thread-safe.
 */

#include "store/grant.h"

/** A token, and the times that say how long it may be used. */
typedef struct gt_token_t {
    gt_secret_t *access;        /* NULL: there is none */
    apr_time_t expires_at;      /* wall clock */
    apr_int64_t generation;     /* of its grant when it came; 0: an earlier one, not known which */
    const char *scope;          /* granted; "": not known */
    apr_interval_time_t margin; /* the token is refreshed so long before its end */
} gt_token_t;

/** A token that ends sooner than this is not handed out: a call takes time. */
#define GT_TOKEN_LEAST apr_time_from_sec(10)

/** The access token that was found with a grant. It shares the grant's memory. */
gt_token_t gt_token_of_grant(const gt_vault_t *vault, const gt_grant_t *grant);

/**
 * The token of a provider's answer. It shares the answer's memory.
 * @param generation  of the row that the answer is stored in
 * @param scope       granted before, where the answer names none; or NULL
 */
gt_token_t gt_token_of_answer(const gt_vault_t *vault, const gt_tokens_t *tokens,
                              apr_int64_t generation, const char *scope);

/** A copy in `p`. */
gt_token_t gt_token_dup(const gt_token_t *token, apr_pool_t *p);

/** 1 when there is a token and it serves for `span` µs from now at least. */
int gt_token_lasts(const gt_token_t *token, apr_interval_time_t span);

#endif
