/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file client_auth.c Source: RFC 6749 2.3.1; RFC 7591 2, token_endpoint_auth_method. */

#include "oauth/client_auth.h"

static void add_secret(gt_form_t *form, const gt_secret_t *secret)
{
    gt_form_add_secret(form, "client_secret", secret);
}

static const gt_client_auth_t secret_post = {"client_secret_post", 1, add_secret};
static const gt_client_auth_t none = {"none", 0, NULL};

const gt_client_auth_t *gt_client_auth(const gt_provider_conf_t *conf)
{
    return conf->client_secret != NULL ? &secret_post : &none;
}
