/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file kind.c The kind of a provider, as its GraphTokKind names it. */

#include "oauth/kind.h"

const gt_provider_kind_t *gt_provider_kind(const gt_provider_conf_t *conf)
{
    switch (conf->kind) {
    case GT_KIND_GOOGLE:
        return &gt_kind_google;
    case GT_KIND_OPENID:
        return &gt_kind_openid;
    default:
        return &gt_kind_microsoft;
    }
}
