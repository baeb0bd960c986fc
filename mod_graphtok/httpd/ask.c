/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What comes out of here becomes header fields and variables, so nothing that could end one and
 * begin the next leaves: user names come from elsewhere, and rows may be another program's.
 */

#include "ask.h"

#include <string.h>

#include "base/secret.h"
#include "block.h"
#include "caller.h"
#include "road.h"

static const gtm_route_t outside = {.name = "token for an application", .limit = GTM_LIMIT_NONE};

gtm_exchange_t *gtm_ask_make(request_rec *r)
{
    gtm_exchange_t *x;

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

static gt_err_t *find_caller(gtm_exchange_t *x)
{
    GT_TRY(gtm_caller_name(x));
    GT_TRY(gtm_find_parts(x));
    GT_TRY(gtm_caller_find(x));
    return gtm_caller_confirm(x);
}

gt_err_t *gtm_ask_caller(gtm_exchange_t *x)
{
    sigset_t before;
    gt_err_t *err;

    gtm_block_begin(&before, x->child);
    err = find_caller(x);
    gtm_block_end(&before, x->child);
    GT_TRY(err);
    if (!is_plain(x->owner.user, ' '))
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0871",
                      "the user's name holds control characters: no application gets it");
    return GT_OK;
}

static gt_err_t *find_token(const char **text, gtm_exchange_t *x, gt_token_for_t *ask)
{
    GT_TRY(gtm_ask_caller(x));
    *ask = (gt_token_for_t){.vault = x->child->vault,
                            .key.grant = gt_grant_key(x->store, &x->owner),
                            .asker = &x->asker};
    GT_TRY(gtm_block_run(x, &gt_token_for, ask));
    *text = gt_secret_text(ask->token.access);
    if (strlen(*text) != gt_secret_len(ask->token.access) || !is_plain(*text, '!'))
        return gt_err(x->r->pool, GT_DAMAGED, "GT0872",
                      "the stored token of user %s holds what no token may hold", x->owner.user);
    gt_vault_used(x->child->vault, &ask->key.grant);
    return GT_OK;
}

gt_err_t *gtm_ask_token(const char **text, gtm_exchange_t *x, gt_token_for_t *ask)
{
    sigset_t before;
    gt_err_t *err;

    gtm_block_begin(&before, x->child);
    err = find_token(text, x, ask);
    gtm_block_end(&before, x->child);
    return err;
}
