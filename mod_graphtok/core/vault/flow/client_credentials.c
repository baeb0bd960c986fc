/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file client_credentials.c
 * The flow for tokens of the application itself. The client authenticates, as with every token
 * request, and adds nothing: its registration says what it may do. Source: RFC 6749 4.4; Microsoft,
 * "OAuth 2.0 client credentials flow".
 */

#include "base/err.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    (void)form;
    (void)params;
}

static const void *copy(const void *params, apr_pool_t *p)
{
    (void)p;
    return params;
}

/** There is no user who could sign in: the application itself is refused. A fault of its
 * registration for one resource holds back neither other resources nor the users' refreshes. */
static gt_err_t *refused(gt_err_t *err)
{
    gt_err_t *ours;

    if (err->cls == GT_CLIENT_BROKEN && err->extent < GT_EXTENT_REGISTRATION)
        err->extent = GT_EXTENT_CALL;
    if (err->cls != GT_SIGN_IN && err->cls != GT_INTERACTION && err->cls != GT_REFUSED)
        return err;
    ours = gt_err(err->pool, GT_CLIENT_BROKEN, "GT0630", "the application itself is refused: %s",
                  err->detail);
    ours->code = err->code;
    ours->request_id = err->request_id;
    ours->extent = GT_EXTENT_CALL;
    return ours;
}

const gt_flow_t gt_flow_client_credentials = {
    "client_credentials", "application's token", add, copy, refused, NULL};
