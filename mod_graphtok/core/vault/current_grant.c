/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file current_grant.c
 * The id of a grant's row is another one after each revoke. It is kept in shared memory, with the
 * ids of those of its sessions that were ended before their time, so that a request costs no
 * statement. Code that learns of a change forgets it again and again for some seconds, since a
 * reader may keep what it read just before. The absence of a grant is never kept: the user may be
 * signing in on another node. Of an owner who ended more sessions than MOST_ENDED that alone is
 * kept, and each request asks for its own.
 *
 * The text is "<grant> <ms up to which all have ended> <id> <id> ...", with MANY for the ids.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "vault/grant_key.h"
#include "vault/current_grant.h"
#include "vault/vault_struct.h"

#define MOST_ENDED 50
#define MANY "many"

static const char *name_of(const gt_grant_key_t *key, apr_pool_t *p)
{
    return apr_pstrcat(p, "grant of ", gt_grant_key_text(key, p), NULL);
}

void gt_current_grant_forget(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p)
{
    gt_cache_forget_text(vault->parts.cache, name_of(key, p));
}

/* NULL: there is no grant. */
static gt_err_t *read_rows(const char **text, const gt_vault_t *vault, const gt_grant_key_t *key,
                           apr_pool_t *p)
{
    gt_store_t *store = gt_vault_store(vault, key->store);
    const char *grant;
    gt_ended_t ended;

    *text = NULL;
    GT_TRY(gt_grant_id(&grant, store, &key->owner, p));
    if (grant == NULL)
        return GT_OK;
    GT_TRY(gt_sessions_ended(&ended, store, &key->owner, MOST_ENDED, p));
    *text = apr_psprintf(p, "%s %" APR_INT64_T_FMT, grant, ended.until_ms);
    if (ended.has_more)
        *text = apr_pstrcat(p, *text, " " MANY, NULL);
    for (int i = 0; i < ended.ids->nelts && !ended.has_more; i++)
        *text = apr_pstrcat(p, *text, " ", APR_ARRAY_IDX(ended.ids, i, const char *), NULL);
    /* Not kept means only that the rows are read again. */
    (void)gt_cache_keep_text(vault->parts.cache, name_of(key, p), *text,
                             vault->parts.config->cache_time);
    return GT_OK;
}

gt_err_t *gt_vault_grant_id(const char **id, const gt_vault_t *vault, const gt_grant_key_t *key,
                            apr_pool_t *p)
{
    gt_grant_key_t exact = *key;
    const char *text;

    *id = NULL;
    GT_TRY(gt_vault_exact(&exact, vault, p));
    text = gt_cache_text(vault->parts.cache, name_of(&exact, p), p);
    if (text == NULL)
        GT_TRY(read_rows(&text, vault, &exact, p));
    *id = text != NULL ? apr_pstrmemdup(p, text, strcspn(text, " ")) : NULL;
    return GT_OK;
}

static int is_of_grant(const char *text, const char *grant)
{
    apr_size_t len = strlen(grant);

    return text != NULL && strncmp(text, grant, len) == 0 && text[len] == ' ';
}

/* @param text  of this session's grant */
static gt_err_t *judge(int *has, const char *text, const gt_vault_t *vault,
                       const gt_grant_key_t *key, const gt_session_name_t *session, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(text, " ", p);
    apr_int64_t until;
    int is_over = 0;

    if (words->nelts < 2 || !gt_number(&until, APR_ARRAY_IDX(words, 1, const char *), 0, INT64_MAX))
        return GT_OK;
    for (int i = 2; i < words->nelts && !is_over; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);

        if (strcmp(word, MANY) == 0)
            GT_TRY(gt_session_has_ended(&is_over, gt_vault_store(vault, key->store), &key->owner,
                                        session->id, p));
        else
            is_over = strcmp(word, session->id) == 0;
    }
    *has = !is_over && (until == 0 || session->began_ms > until);
    return GT_OK;
}

gt_err_t *gt_vault_has_session(int *has, const gt_vault_t *vault, const gt_grant_key_t *key,
                               const gt_session_name_t *session, apr_pool_t *p)
{
    gt_grant_key_t exact = *key;
    const char *text;

    *has = 0;
    GT_TRY(gt_vault_exact(&exact, vault, p));
    text = gt_cache_text(vault->parts.cache, name_of(&exact, p), p);
    if (!is_of_grant(text, session->grant))
        GT_TRY(read_rows(&text, vault, &exact, p));
    return is_of_grant(text, session->grant) ? judge(has, text, vault, &exact, session, p) : GT_OK;
}
