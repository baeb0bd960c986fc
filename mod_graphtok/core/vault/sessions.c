/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Ending sessions. The caller logs a failure, as that of any work; the audit hears of it here. */

#include "vault/sessions.h"

#include <apr_strings.h>

#include "base/text.h"
#include "vault/current_grant.h"
#include "vault/vault_struct.h"

static void announce(const gt_sign_out_t *out, const char *store, const gt_owner_t *owner,
                     const gt_err_t *err)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_SIGN_OUT,
                             .store = store,
                             .provider = owner->provider,
                             .user = owner->user,
                             .asker = out->asker,
                             .err = err,
                             .detail = out->by});
}

static gt_err_t *tell(gt_err_t *err, const gt_sign_out_t *out, const gt_grant_key_t *key,
                      apr_pool_t *p)
{
    if (err == GT_OK)
        gt_current_grant_forget(out->vault, key, p);
    announce(out, key->store, &key->owner, err);
    return err;
}

gt_err_t *gt_sign_out_one(int *ended, const gt_sign_out_t *out, const gt_grant_key_t *key,
                          const gt_session_t *session, apr_interval_time_t left, apr_pool_t *p)
{
    gt_grant_key_t exact = *key;

    GT_TRY(gt_vault_exact(&exact, out->vault, p));
    return tell(gt_session_end(ended, gt_vault_store(out->vault, exact.store), session, left, p),
                out, &exact, p);
}

gt_err_t *gt_sign_out_owner(int *ended, const gt_sign_out_t *out, const gt_grant_key_t *key,
                            apr_interval_time_t ago, apr_pool_t *p)
{
    gt_grant_key_t exact = *key;

    GT_TRY(gt_vault_exact(&exact, out->vault, p));
    return tell(
        gt_sessions_end(ended, gt_vault_store(out->vault, exact.store), &exact.owner, ago, p), out,
        &exact, p);
}

gt_err_t *gt_sign_out_marked(int *ended, const gt_sign_out_t *out, gt_store_t *store,
                             const gt_session_mark_t *mark, apr_pool_t *p)
{
    apr_array_header_t *sessions;

    GT_TRY(gt_sessions_end_marked(&sessions, store, mark, p));
    for (int i = 0; i < sessions->nelts; i++) {
        const gt_session_t *session = &APR_ARRAY_IDX(sessions, i, gt_session_t);
        const gt_grant_key_t key = gt_grant_key(store, &session->owner);

        (void)!tell(GT_OK, out, &key, p);
    }
    *ended = sessions->nelts;
    return GT_OK;
}

const char *gt_sid_hash(const char *provider, const char *sid, apr_pool_t *p)
{
    const char *bound = apr_pstrcat(p, "sid\n", provider, "\n", sid, NULL);
    unsigned char digest[32];

    gt_sha256(digest, bound, strlen(bound));
    return gt_hex(digest, GT_SESSION_ID_DIGITS / 2, p);
}
