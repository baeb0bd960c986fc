/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Finding the store and the provider of a request: a location names them, else the only ones that
 * are configured are meant. */

#include "request/target.h"

gt_err_t *gtm_find_target(gtm_request_t *x)
{
    const char *provider = x->dir->provider;

    if (x->route->demands & GTM_NO_GRANT)
        return GT_OK;
    GT_TRY(gtm_child_ready(x->child, x->r->pool));
    x->store = gt_vault_store(x->child->vault, x->dir->store);
    x->provider = provider != NULL ? gt_vault_provider(x->child->vault, provider) : NULL;
    if (x->store == NULL || x->provider == NULL)
        return gt_err(x->r->pool, GT_INTERNAL, "GT0807",
                      "this location names no provider or store that is configured");
    x->owner.provider = provider;
    return GT_OK;
}
