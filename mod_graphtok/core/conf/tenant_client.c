/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file tenant_client.c A provider as one of its tenants sees it. */

#include <strings.h>

#include <apr_strings.h>

#include "conf/config.h"

const gt_tenant_client_t *gt_provider_conf_client(const gt_provider_conf_t *provider,
                                                  const char *tenant)
{
    const apr_array_header_t *clients = provider->tenant_clients;

    for (int i = 0; tenant != NULL && clients != NULL && i < clients->nelts; i++) {
        const gt_tenant_client_t *client = APR_ARRAY_IDX(clients, i, gt_tenant_client_t *);

        if (strcasecmp(client->tenant, tenant) == 0)
            return client;
    }
    return NULL;
}

const gt_provider_conf_t *gt_provider_conf_for(const gt_provider_conf_t *provider,
                                               const char *tenant, apr_pool_t *p)
{
    const gt_tenant_client_t *client = gt_provider_conf_client(provider, tenant);
    gt_provider_conf_t *own;

    if (client == NULL)
        return provider;
    own = apr_pmemdup(p, provider, sizeof(*provider));
    own->tenant = client->tenant;
    own->client_id = client->client_id;
    own->client_secret = client->client_secret;
    /* It shows that secret and nothing else. */
    own->spare_secret = own->certificate = own->certificate_key = own->client_assertion = NULL;
    return own;
}
