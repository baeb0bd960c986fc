/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Finding the store and the provider of a request: a location names them, else the only ones that
 * are configured are meant. */

#include "request/target.h"

#include "base/text.h"
#include "conf/account.h"

#define KEYS_WITHIN apr_time_from_sec(5) /* the next look at a keyring that is away */

static gt_err_t *judge_keys(const gt_store_t *store, apr_pool_t *p)
{
    gt_err_t *err;

    if (gt_store_has_keys(store, p) == GT_OK)
        return GT_OK;
    err = gt_err(p, GT_INTERNAL, "GT0806",
                 "the keyring of store %s cannot be read: see the server's log",
                 gt_store_name(store));
    err->status = HTTP_SERVICE_UNAVAILABLE;
    err->retry_after = KEYS_WITHIN;
    return err;
}

/* Of the account that is used here: of several providers none is the callers' then. */
static const char *provider_of(const gtm_request_t *x)
{
    const gt_config_t *config = x->child->config;
    const gt_account_conf_t *account = gt_config_account(config, x->dir->account);

    return account != NULL ? gt_account_provider(config, account) : NULL;
}

/* The one that the path names, else the first of the place. */
static gt_err_t *choose_provider(const char **provider, const gtm_request_t *x)
{
    const int is_named = x->route->demands & GTM_NAMES_PROVIDER && x->param != NULL;

    *provider = x->dir->provider;
    if (*provider == NULL && x->dir->account != NULL)
        *provider = provider_of(x);
    if (!is_named || (*provider != NULL && strcmp(x->param, *provider) == 0))
        return GT_OK;
    if (x->dir->providers == NULL || !gt_has_word(x->dir->providers, x->param))
        return gt_err(x->r->pool, GT_NOT_FOUND, "GT0831",
                      "this location has no such provider (GraphTokUseProvider)");
    *provider = x->param;
    return GT_OK;
}

gt_err_t *gtm_find_target(gtm_request_t *x)
{
    const char *provider;

    if (x->route->demands & GTM_NO_GRANT)
        return GT_OK;
    GT_TRY(choose_provider(&provider, x));
    x->store = gt_vault_store(x->child->vault, x->dir->store);
    x->provider = provider != NULL ? gt_vault_provider(x->child->vault, provider) : NULL;
    /* An administrator's place has the grants of all providers. */
    if (x->store != NULL && (x->route->demands & GTM_ADMINISTRATOR))
        return GT_OK;
    if (x->store == NULL || x->provider == NULL)
        return gt_err(x->r->pool, GT_INTERNAL, "GT0807",
                      "this location names no provider or store that is configured");
    x->owner.provider = provider;
    return judge_keys(x->store, x->r->pool);
}
