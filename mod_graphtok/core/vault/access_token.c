/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file access_token.c
 * A token is refreshed some time before its end, its margin: as long as the configuration says
 * (GraphTokRefreshMargin), but not in the first half of its life, since where tokens are short that
 * would be at every use.
 */

#include "vault/access_token.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "vault/vault_struct.h"

/** @param since  when the provider gave the token; 0: that is not known */
static apr_interval_time_t margin_of(const gt_vault_t *vault, apr_time_t expires_at,
                                     apr_time_t since)
{
    apr_interval_time_t margin = vault->parts.config->refresh_margin;
    apr_interval_time_t life = since > 0 ? expires_at - since : 0;

    if (life > 0 && life / 2 < margin)
        margin = life / 2;
    return margin > GT_TOKEN_LEAST ? margin : GT_TOKEN_LEAST;
}

static const char *or_empty(const char *scope)
{
    return scope != NULL ? scope : "";
}

gt_token_t gt_token_of_grant(const gt_vault_t *vault, const gt_grant_t *grant)
{
    return (gt_token_t){.access = grant->access,
                        .expires_at = grant->expires_at,
                        .generation = grant->access_generation,
                        .scope = or_empty(grant->scope),
                        .margin = margin_of(vault, grant->expires_at, grant->access_since)};
}

gt_token_t gt_token_of_answer(const gt_vault_t *vault, const gt_tokens_t *tokens,
                              apr_int64_t generation, const char *scope)
{
    return (gt_token_t){.access = tokens->access,
                        .expires_at = tokens->expires_at,
                        .generation = generation,
                        .scope = or_empty(tokens->scope != NULL ? tokens->scope : scope),
                        .margin = margin_of(vault, tokens->expires_at, tokens->received)};
}

gt_token_t gt_token_dup(const gt_token_t *token, apr_pool_t *p)
{
    gt_token_t copy = *token;

    copy.access = gt_secret_dup(token->access, p);
    copy.scope = apr_pstrdup(p, or_empty(token->scope));
    return copy;
}

int gt_token_lasts(const gt_token_t *token, apr_interval_time_t span)
{
    return token->access != NULL && token->expires_at > gt_now() + span;
}
