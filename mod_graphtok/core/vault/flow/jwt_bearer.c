/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file jwt_bearer.c
 * A user's token that was made for our registration is turned into one for another resource.
 * Source: Microsoft, "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow"; RFC 7523 2.1.
 */

#include "base/err.h"
#include "base/secret.h"
#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    gt_form_add_secret(form, "assertion", params);
    gt_form_add(form, "requested_token_use", "on_behalf_of");
}

static const void *copy(const void *params, apr_pool_t *p)
{
    return gt_secret_dup(params, p);
}

/** No registration, tenant or grant is to blame for an assertion: another one may pass at once. */
static gt_err_t *refused(gt_err_t *err)
{
    gt_err_t *ended;

    if (err->cls != GT_REFUSED && err->cls != GT_SIGN_IN)
        return err;
    ended = gt_err(err->pool, GT_SIGN_IN, "GT0631",
                   "the provider does not take the user's token (any more): %s", err->detail);
    ended->code = err->code;
    ended->request_id = err->request_id;
    ended->extent = GT_EXTENT_CALL;
    return ended;
}

const gt_flow_t gt_flow_on_behalf_of = {
    "urn:ietf:params:oauth:grant-type:jwt-bearer", "on behalf of", add, copy, refused, NULL};
