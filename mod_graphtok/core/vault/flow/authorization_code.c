/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file authorization_code.c The flow that redeems an authorization code. Source: RFC 6749 4.1.3,
 * RFC 7636 4.5. */

#include <apr_strings.h>

#include "base/secret.h"
#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    const gt_flow_code_t *code = params;

    gt_form_add(form, "redirect_uri", code->redirect_uri);
    gt_form_add_secret(form, "code", code->code);
    gt_form_add_secret(form, "code_verifier", code->verifier);
}

static const void *copy(const void *params, apr_pool_t *p)
{
    const gt_flow_code_t *from = params;
    gt_flow_code_t *code = apr_palloc(p, sizeof(*code));

    code->code = gt_secret_dup(from->code, p);
    code->verifier = gt_secret_dup(from->verifier, p);
    code->redirect_uri = apr_pstrdup(p, from->redirect_uri);
    return code;
}

const gt_flow_t gt_flow_authorization_code = {
    "authorization_code", "exchange code", add, copy, NULL, NULL};
