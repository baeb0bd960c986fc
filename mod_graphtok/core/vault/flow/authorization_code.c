/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file authorization_code.c Source: RFC 6749 4.1.3, RFC 7636 4.5. */

#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    const gt_flow_code_t *code = params;

    gt_form_add(form, "redirect_uri", code->redirect_uri);
    gt_form_add_secret(form, "code", code->code);
    gt_form_add_secret(form, "code_verifier", code->verifier);
}

const gt_flow_t gt_flow_authorization_code = {"authorization_code", "exchange code", add};
