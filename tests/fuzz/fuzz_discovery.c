/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A discovery document: what is believed lies below the configured authority. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_pools.h>

#include "oauth/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char authority[] = "https://login.example";
    gt_provider_conf_t *conf;
    gt_endpoints_t endpoints;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    conf = gt_provider_conf_default("microsoft", p);
    conf->tenant = "common";
    conf->authority = authority;
    if (gt_discovery_parse(&endpoints, conf, (const char *)data, size, p) == GT_OK &&
        (strncmp(endpoints.issuer, authority, sizeof(authority) - 1) != 0 ||
         strncasecmp(endpoints.token, authority, sizeof(authority) - 1) != 0))
        abort();
    apr_pool_destroy(p);
    return 0;
}
