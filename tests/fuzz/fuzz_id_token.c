/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The claims of an id_token: who comes out has an issuer of ours, a tenant and a subject. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>

#include "base/text.h"
#include "oauth/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gt_id_rules_t *rules;
    gt_provider_conf_t *conf;
    gt_identity_t identity;
    json_t *claims;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    conf = gt_provider_conf_default("microsoft", p);
    conf->tenant = "common";
    conf->client_id = "c";
    rules = &(gt_id_rules_t){conf, "https://login.example/{tenantid}/v2.0",
                             "https://login.example/{tenantid}/v2.0", 0};
    if (gt_json_parse(&claims, (const char *)data, size, p) == GT_OK &&
        gt_identity_read(&identity, claims, rules, p) == NULL &&
        (identity.subject[0] == 0 || !gt_is_guid(identity.tenant) ||
         strstr(identity.issuer, identity.tenant) == NULL))
        abort();
    apr_pool_destroy(p);
    return 0;
}
