/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A token for a request outside our routes. Tokens become header fields and variables, so one with
 * a byte that could end a field is refused: the row may be another program's. (The caller's id has
 * no such bytes, caller.c.)
 */

#include "pass/token_request.h"

#include <string.h>

#include "base/secret.h"
#include "caller/bearer_token.h"
#include "caller/caller.h"
#include "child/signals.h"
#include "park/blocking.h"

/** 1 when every byte is visible and none is DEL. */
static int is_token(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7F)
            return 0;
    }
    return 1;
}

static gt_err_t *identify(gtm_request_t *x)
{
    gt_err_t *err;

    GT_TRY(gtm_caller_identify(x));
    if (!x->bearer_waits)
        return GT_OK;
    x->bearer_waits = 0;
    err = gtm_blocking_run(x, &gt_check_bearer, x->bearer);
    if (err == GT_OK)
        return gtm_caller_identify(x);
    return gtm_bearer_refused(x, err);
}

gt_err_t *gtm_token_request_caller(gtm_request_t *x)
{
    sigset_t before;
    gt_err_t *err;

    gtm_signals_hold(&before, x->child);
    err = identify(x);
    if (err == GT_OK)
        err = gtm_owner_find(x);
    gtm_signals_release(&before, x->child);
    return err;
}

static gt_err_t *find_token(const char **text, gtm_request_t *x, gt_token_for_t *params)
{
    GT_TRY(gtm_token_request_caller(x));
    *params = (gt_token_for_t){.vault = x->child->vault,
                               .key.grant = gt_grant_key(x->store, &x->owner),
                               .asker = &x->asker};
    GT_TRY(gtm_blocking_run(x, &gt_token_for, params));
    *text = gt_secret_text(params->token.access);
    if (strlen(*text) != gt_secret_len(params->token.access) || !is_token(*text))
        return gt_err(x->r->pool, GT_DAMAGED, "GT0872",
                      "the stored token of user %s holds what no token may hold", x->owner.user);
    gt_vault_used(x->child->vault, &params->key.grant);
    return GT_OK;
}

gt_err_t *gtm_token_request_token(const char **text, gtm_request_t *x, gt_token_for_t *params)
{
    sigset_t before;
    gt_err_t *err;

    gtm_signals_hold(&before, x->child);
    err = find_token(text, x, params);
    gtm_signals_release(&before, x->child);
    return err;
}
