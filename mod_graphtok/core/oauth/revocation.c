/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file revocation.c
 * One form out, a status in (RFC 7009 2.1, 2.2). The POST goes on when its task is dropped.
 */

#include "oauth/revocation.h"

#include <apr_strings.h>

#include "base/secret.h"
#include "net/transfer.h"
#include "net/upstream.h"
#include "net/url.h"

#define ANSWER_MAX (64 * 1024)

static gt_err_t *find_endpoint(gt_task_t *task, void *state)
{
    gt_revocation_t *r = state;

    r->was_asked = 0;
    r->transfer = NULL;
    r->discover.provider = r->provider;
    gt_then(task, &gt_discover, &r->discover);
    return GT_OK;
}

static gt_err_t *read_secret(gt_task_t *task, void *state)
{
    gt_revocation_t *r = state;
    const gt_provider_conf_t *conf = gt_provider_conf(r->provider);

    r->read = (gt_read_t){gt_provider_readers(r->provider), conf->client_secret, NULL, NULL};
    if (r->discover.endpoints.revocation != NULL && conf->client_secret != NULL)
        gt_then(task, &gt_read, &r->read);
    return GT_OK;
}

static gt_form_t *form_of(const gt_revocation_t *r, apr_pool_t *p)
{
    gt_form_t *form = gt_form_make(p);

    gt_form_add_secret(form, "token", r->token);
    gt_form_add(form, "client_id", gt_provider_conf(r->provider)->client_id);
    if (r->read.secret != NULL)
        gt_form_add_secret(form, "client_secret", r->read.secret);
    return form;
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_revocation_t *r = state;
    apr_pool_t *p = gt_task_pool(task);

    if (r->discover.endpoints.revocation == NULL)
        return GT_OK;

    gt_request_t request = {
        .method = "POST",
        .url = r->discover.endpoints.revocation,
        .content_type = "application/x-www-form-urlencoded",
        .body = gt_form_secret(form_of(r, p)),
        .answer_max = ANSWER_MAX,
        .keep_going = 1,
        .purpose = "revoke",
    };
    GT_TRY(gt_provider_route(&request, r->provider, p));
    GT_TRY(gt_transfer_make(&r->transfer, &request, gt_task_loop(task), p));
    r->was_asked = 1;
    gt_await(task, r->transfer);
    return GT_OK;
}

/** 200 for a revoked and for an unknown token (RFC 7009 2.2); Google answers an unknown one with
 * 400. */
static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_revocation_t *r = state;
    const char *provider = gt_provider_conf(r->provider)->name;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;
    int status;

    if (r->transfer == NULL)
        return GT_OK;
    gt_upstream_tell(r->transfer, provider, "token", p);
    err = gt_transfer_error(r->transfer, p);
    if (err != GT_OK)
        return gt_err_in(err, "provider %s", provider);
    status = gt_transfer_answer(r->transfer)->status;
    r->transfer = NULL;
    if (status == 200 || status == 400)
        return GT_OK;
    return gt_err(p, GT_UPSTREAM, "GT0575", "provider %s: its revocation endpoint says %d",
                  provider, status);
}

static gt_step_fn *const revoke_steps[] = {find_endpoint, read_secret, post, take, NULL};
const gt_work_t gt_token_revoke = {"revoke a token", revoke_steps, NULL};
