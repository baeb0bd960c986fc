/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file endpoint.c Posting a form to a provider's endpoint. The secret is read no earlier than for
 * the POST: it may change at any time. */

#include "oauth/endpoint.h"

#include <apr_strings.h>

#include "base/secret.h"
#include "oauth/client_auth.h"

static gt_err_t *find_endpoint(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;

    post->transfer = NULL;
    post->discover = (gt_discover_t){.provider = post->provider};
    gt_then(task, &gt_discover, &post->discover);
    return GT_OK;
}

/** Our registration with the tenant. */
static const gt_provider_conf_t *conf_of(const gt_endpoint_post_t *post, apr_pool_t *p)
{
    return gt_provider_conf_for(gt_provider_conf(post->provider), post->tenant, p);
}

static gt_err_t *read_secret(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;
    const gt_provider_conf_t *conf = conf_of(post, gt_task_pool(task));

    post->read = (gt_read_t){gt_provider_readers(post->provider), conf->client_secret, NULL, NULL};
    if (post->url(&post->discover.endpoints) == NULL)
        gt_done(task);
    else if (gt_client_auth(conf)->takes_secret)
        gt_then(task, &gt_read, &post->read);
    return GT_OK;
}

static const gt_secret_t *body_of(const gt_endpoint_post_t *post, apr_pool_t *p)
{
    const gt_provider_conf_t *conf = conf_of(post, p);
    const gt_client_auth_t *method = gt_client_auth(conf);

    gt_form_add(post->form, "client_id", conf->client_id);
    if (method->add != NULL)
        method->add(post->form, post->read.secret);
    return gt_form_secret(post->form);
}

static gt_err_t *post_form(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;
    apr_pool_t *p = gt_task_pool(task);
    apr_array_header_t *headers = apr_array_make(p, 1, sizeof(const char *));

    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";

    gt_request_t request = {
        .method = "POST",
        .url = gt_provider_endpoint(gt_provider_conf(post->provider),
                                    post->url(&post->discover.endpoints), post->tenant, p),
        .headers = headers,
        .content_type = "application/x-www-form-urlencoded",
        .body = body_of(post, p),
        .answer_max = post->answer_max,
        .keep_going = 1,
        .purpose = post->purpose,
    };
    GT_TRY(gt_provider_route(&request, post->provider, p));
    GT_TRY(gt_transfer_make(&post->transfer, &request, gt_task_loop(task), p));
    gt_await(task, post->transfer);
    return GT_OK;
}

static gt_step_fn *const steps[] = {find_endpoint, read_secret, post_form, NULL};
const gt_work_t gt_endpoint_post = {"post to an endpoint", steps, NULL};
