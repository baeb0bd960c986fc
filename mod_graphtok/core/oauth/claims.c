/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file claims.c The demands are one JSON object, and the capability one member of it. */

#include "oauth/claims.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "oauth/kind.h"

#define ACCESS "access_token"
#define CAPABILITY "xms_cc"

static json_t *parse(const char *text, apr_size_t len, apr_pool_t *p)
{
    const json_t *access;
    json_t *claims;

    if (len > GT_CLAIMS_MAX || gt_json_parse(&claims, text, len, p) != GT_OK ||
        !json_is_object(claims))
        return NULL;
    access = json_object_get(claims, ACCESS);
    return access == NULL || json_is_object(access) || json_is_null(access) ? claims : NULL;
}

/** Numbers may be longer when they are written anew. */
static const char *rewritten(const json_t *claims, apr_pool_t *p)
{
    const char *text = gt_json_dump(claims, p);

    return strlen(text) <= GT_CLAIMS_MAX ? text : NULL;
}

const char *gt_claims_read(const char *text, apr_pool_t *p)
{
    const json_t *claims = text != NULL ? parse(text, strlen(text), p) : NULL;

    return claims != NULL ? rewritten(claims, p) : NULL;
}

const char *gt_claims_decode(const char *text, apr_size_t len, apr_pool_t *p)
{
    unsigned char *bytes;
    const json_t *claims;

    if (len > GT_CLAIMS_MAX / 3 * 4 + 4 || !gt_base64_decode(&bytes, &len, text, len, 2, p))
        return NULL;
    claims = parse((const char *)bytes, len, p);
    return claims != NULL ? rewritten(claims, p) : NULL;
}

static void declare(json_t *claims, const char *capability)
{
    json_t *access = json_object_get(claims, ACCESS);

    if (!json_is_object(access)) {
        gt_json_put(claims, ACCESS, json_object());
        access = json_object_get(claims, ACCESS);
    }
    gt_json_put(access, CAPABILITY, json_pack("{s:[s]}", "values", capability));
}

const char *gt_claims_for(const gt_provider_conf_t *conf, const char *demands, int declares,
                          apr_pool_t *p)
{
    const char *capability = gt_provider_kind(conf)->capability;
    json_t *claims = demands != NULL ? parse(demands, strlen(demands), p) : NULL;

    if (claims != NULL && capability != NULL)
        (void)json_object_del(json_object_get(claims, ACCESS), CAPABILITY);
    if (capability != NULL && declares && conf->continuous_access) {
        claims = claims != NULL ? claims : gt_json_object(p);
        declare(claims, capability);
    }
    return claims != NULL ? gt_json_dump(claims, p) : NULL;
}
