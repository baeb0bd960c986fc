/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file refresh_token.c The flow that spends a refresh token. Source: RFC 6749 section 6. */

#include "base/err.h"
#include "base/secret.h"
#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    gt_form_add_secret(form, "refresh_token", params);
}

static const void *copy(const void *params, apr_pool_t *p)
{
    return gt_secret_dup(params, p);
}

static gt_err_t *may_try(const gt_grant_t *grant, apr_pool_t *p)
{
    if (grant->refresh != NULL)
        return GT_OK;
    return gt_err(p, GT_SIGN_IN, "GT0604",
                  "the token of user %s at %s has ended and there is no refresh token: sign in "
                  "again",
                  grant->owner.user, grant->owner.provider);
}

static const void *params_of(const gt_grant_t *grant)
{
    return grant->refresh;
}

const gt_flow_t gt_flow_refresh_token = {"refresh_token", "refresh", add, copy, NULL, NULL};
const gt_renewing_flow_t gt_renewing_refresh_token = {&gt_flow_refresh_token, may_try, params_of};
