/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file refresh_token.c Source: RFC 6749 section 6. */

#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    gt_form_add_secret(form, "refresh_token", params);
}

const gt_flow_t gt_flow_refresh_token = {"refresh_token", "refresh", add};
