/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file device_code.c
 * The flow that asks for the tokens of a user who signs in elsewhere. Most answers say that the
 * user has not done so yet. Source: RFC 8628 3.4 and 3.5; Microsoft, "OAuth 2.0 device
 * authorization grant flow".
 */

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    gt_form_add_secret(form, "device_code", params);
}

static const void *copy(const void *params, apr_pool_t *p)
{
    return gt_secret_dup(params, p);
}

/** 1 when an error's code is one of some words, which have blanks round each. */
static int is_code(const gt_err_t *err, const char *words)
{
    const char *at = err->code != NULL ? strstr(words, err->code) : NULL;

    return at != NULL && at[-1] == ' ' && at[strlen(err->code)] == ' ';
}

int gt_flow_is_too_fast(const gt_err_t *err)
{
    return is_code(err, " slow_down ");
}

static int is_pending(const gt_err_t *err)
{
    return is_code(err, " authorization_pending AADSTS70016 slow_down ");
}

gt_err_t *gt_flow_device_code_over(apr_pool_t *p)
{
    return gt_err(p, GT_OVER, "GT0637",
                  "the code has expired before its user signed in; begin again");
}

static gt_err_t *refused(gt_err_t *err)
{
    gt_err_t *over;

    if (!is_code(err, " expired_token bad_verification_code AADSTS70018 AADSTS70019 AADSTS70020 "))
        return err;
    over = gt_flow_device_code_over(err->pool);
    over->code = err->code;
    over->request_id = err->request_id;
    return over;
}

const gt_flow_t gt_flow_device_code = {.grant_type = "urn:ietf:params:oauth:grant-type:device_code",
                                       .purpose = "device code",
                                       .add = add,
                                       .copy = copy,
                                       .refused = refused,
                                       .is_pending = is_pending};
