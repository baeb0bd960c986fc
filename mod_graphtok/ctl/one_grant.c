/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* One user's grant, shared by the verbs that hand out its token or make it. */

#include "one_grant.h"

static const struct argp_option options[] = {
    {"store", 's', "NAME", 0, "in this store; default: main", 0},
    {"provider", 'p', "NAME", 0, "at this provider; default: the only one", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    ctl_one_grant_t *named = state->input;

    if (key == 's')
        named->store = arg;
    else if (key == 'p')
        named->provider = arg;
    else if (key == ARGP_KEY_ARG && named->user == NULL)
        named->user = arg;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "one USER at a time");
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

const struct argp ctl_one_grant_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

gt_err_t *ctl_one_grant(gt_grant_key_t *key, const ctl_one_grant_t *named,
                        const gt_config_t *config, apr_pool_t *p)
{
    const char *provider = named->provider;
    const char *store = named->store != NULL ? named->store : "main";

    if (provider == NULL && config->providers->nelts == 1)
        provider = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *)->name;
    if (provider == NULL)
        return ctl_usage(gt_err(p, GT_INVALID, "GT0942",
                                "%d providers are configured: say which, --provider",
                                config->providers->nelts));
    if (gt_config_provider(config, provider) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0943", "there is no provider %s", provider);
    if (gt_config_store(config, store) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0913", "there is no store %s", store);
    *key = (gt_grant_key_t){store, {named->user != NULL ? named->user : "", provider}};
    return GT_OK;
}
