/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file history.c
 * Of a failure the history has the word for its effect, the tag and the provider's code, as the row
 * has them: no other text of a provider. The address is an administrator's alone; users have their
 * sessions listed elsewhere, with the network only.
 */

#include "vault/history.h"

#include <apr_strings.h>

#include "base/log.h"
#include "store/grant_account.h"

gt_history_t gt_history_of(const gt_notice_t *notice, apr_pool_t *p)
{
    const gt_err_t *err = notice->err;
    const gt_asker_t *asker = notice->asker;
    const char *administrator = asker != NULL ? asker->administrator : NULL;

    return (gt_history_t){
        .owner = {notice->user, notice->provider},
        .event = gt_notice_name(notice->kind),
        .outcome = err == GT_OK ? "succeeded" : "failed",
        .detail = err == GT_OK ? notice->detail : gt_grant_failed_by(err, p),
        .tag = err != GT_OK ? err->tag : NULL,
        .administrator = administrator,
        .address = administrator != NULL ? asker->address : NULL,
    };
}

void gt_history_note_all(gt_store_t *store, const gt_history_t *entries, int n, apr_pool_t *p)
{
    gt_err_t *err = gt_history_add(entries, n, store, p);

    if (err != GT_OK)
        gt_log(GT_LOG_INFO, NULL, "store %s: an entry of a grant's history is not written: %s (%s)",
               gt_store_name(store), err->detail, err->tag);
}

void gt_history_note(gt_store_t *store, const gt_notice_t *notice, apr_pool_t *p)
{
    const gt_history_t entry = gt_history_of(notice, p);

    gt_history_note_all(store, &entry, 1, p);
}
