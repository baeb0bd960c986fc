/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file kind.c A provider with a tenant is Microsoft's, as its paths and issuers carry one. */

#include "oauth/kind.h"

const gt_provider_kind_t *gt_provider_kind(const gt_provider_conf_t *conf)
{
    return conf->tenant != NULL && conf->tenant[0] != '\0' ? &gt_kind_microsoft : &gt_kind_openid;
}
