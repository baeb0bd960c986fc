/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What comes out of here becomes header fields and variables, so nothing that could end one and
 * begin the next leaves: user names come from elsewhere, and rows may be another program's.
 */

#include "pass/token_request.h"

#include <string.h>

#include "base/secret.h"
#include "caller/caller.h"
#include "child/signals.h"
#include "park/blocking.h"
#include "request/target.h"

static const gtm_route_t outside = {.name = "token for an application", .limit = GTM_LIMIT_NONE};

gtm_request_t *gtm_token_request_make(request_rec *r)
{
    gtm_request_t *x;

    if (gtm_child() == NULL || gtm_dir(r) == NULL)
        return NULL;
    x = apr_pcalloc(r->pool, sizeof(*x));
    x->r = r;
    x->dir = gtm_dir(r);
    x->child = gtm_child();
    x->route = &outside;
    return x;
}

/** 1 when all bytes are at least `least` and none is DEL. */
static int is_plain(const char *text, unsigned char least)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < least || *text == 0x7F)
            return 0;
    }
    return 1;
}

static gt_err_t *find_caller(gtm_request_t *x)
{
    GT_TRY(gtm_caller_name(x));
    GT_TRY(gtm_find_target(x));
    GT_TRY(gtm_caller_find(x));
    return gtm_caller_confirm(x);
}

gt_err_t *gtm_token_request_caller(gtm_request_t *x)
{
    sigset_t before;
    gt_err_t *err;

    gtm_signals_hold(&before, x->child);
    err = find_caller(x);
    gtm_signals_release(&before, x->child);
    GT_TRY(err);
    if (!is_plain(x->owner.user, ' '))
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0871",
                      "the user's name holds control characters: no application gets it");
    return GT_OK;
}

static gt_err_t *find_token(const char **text, gtm_request_t *x, gt_token_for_t *params)
{
    GT_TRY(gtm_token_request_caller(x));
    *params = (gt_token_for_t){.vault = x->child->vault,
                               .key.grant = gt_grant_key(x->store, &x->owner),
                               .asker = &x->asker};
    GT_TRY(gtm_blocking_run(x, &gt_token_for, params));
    *text = gt_secret_text(params->token.access);
    if (strlen(*text) != gt_secret_len(params->token.access) || !is_plain(*text, '!'))
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
