/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file endpoint.c
 * What shows that we are the registration is read no earlier than for the POST: it may change at
 * any time. A provider that refuses one of two secrets has done nothing else with the form (RFC
 * 6749 section 5.2), so it gets the same form with the other secret, once.
 */

#include "oauth/endpoint.h"

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "oauth/credentials.h"

static gt_err_t *find_endpoint(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;

    post->transfer = NULL;
    post->discover = (gt_discover_t){.provider = post->provider};
    gt_then(task, &gt_discover, &post->discover);
    return GT_OK;
}

/** A tenant's own registration has one secret. */
static int has_spare(const gt_endpoint_post_t *post)
{
    return !post->is_open && post->proof.conf->spare_secret != NULL;
}

static gt_err_t *prove(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_provider_conf_t *conf = gt_provider_conf(post->provider);
    const gt_endpoints_t *endpoints = &post->discover.endpoints;

    post->proof = (gt_client_proof_t){
        .provider = post->provider,
        .conf = gt_provider_conf_for(conf, post->tenant, p),
        .endpoints = endpoints,
        .token_endpoint = gt_provider_endpoint(conf, endpoints->token, post->tenant, p),
    };
    if (has_spare(post))
        post->proof.is_spare = gt_credentials_choose(gt_provider_credentials(post->provider));
    if (post->url(&post->discover.endpoints) == NULL)
        gt_done(task);
    else if (!post->is_open)
        gt_then_try(task, &gt_client_prove, &post->proof, &post->unread);
    return GT_OK;
}

/** The first secret's file may be the one that is not there yet. */
static gt_err_t *prove_instead(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;

    if (post->unread == GT_OK || !has_spare(post))
        return post->unread;
    post->proof.is_spare = !post->proof.is_spare;
    gt_then(task, &gt_client_prove, &post->proof);
    return GT_OK;
}

static gt_err_t *post_form(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;
    apr_pool_t *p = gt_task_pool(task);
    apr_array_header_t *headers = apr_array_make(p, 1, sizeof(const char *));
    gt_form_t *form = gt_form_copy(post->form, p);

    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";
    if (!post->is_open)
        gt_client_add(form, &post->proof);

    gt_request_t request = {
        .method = "POST",
        .url = gt_provider_endpoint(gt_provider_conf(post->provider),
                                    post->url(&post->discover.endpoints), post->tenant, p),
        .headers = headers,
        .basic = post->proof.basic,
        .content_type = "application/x-www-form-urlencoded",
        .body = gt_form_secret(form),
        .answer_max = post->answer_max,
        .keep_going = 1,
        .purpose = post->purpose,
        .trace = post->trace,
    };
    GT_TRY(gt_provider_route(&request, post->provider, p));
    GT_TRY(gt_transfer_make(&post->transfer, &request, gt_task_loop(task), p));
    gt_await(task, post->transfer);
    return GT_OK;
}

/** Whether the secret was taken, as far as the answer says. */
static int note_secret(const gt_endpoint_post_t *post, apr_pool_t *p)
{
    const gt_answer_t *answer = gt_transfer_answer(post->transfer);
    int is_refused = answer != NULL && gt_client_is_refused(answer, p);

    if (is_refused || (answer != NULL && answer->status == 200))
        gt_credentials_judged(gt_provider_credentials(post->provider), post->proof.is_spare,
                              !is_refused);
    return is_refused;
}

static gt_err_t *note_last(gt_task_t *task, void *state)
{
    (void)note_secret(state, gt_task_pool(task));
    return GT_OK;
}

static gt_step_fn *const last_steps[] = {post_form, note_last, NULL};
static const gt_work_t last_try = {"post with the other secret", last_steps, NULL};

static gt_err_t *prove_otherwise(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;

    if (!has_spare(post) || post->unread != GT_OK || !note_secret(post, gt_task_pool(task))) {
        gt_done(task);
        return GT_OK;
    }
    post->proof.is_spare = !post->proof.is_spare;
    gt_then_try(task, &gt_client_prove, &post->proof, &post->unread);
    return GT_OK;
}

/** Where the other secret cannot be read, the refusal of this one is what is told. */
static gt_err_t *post_again(gt_task_t *task, void *state)
{
    gt_endpoint_post_t *post = state;

    if (post->unread == GT_OK)
        gt_instead(task, &last_try, post);
    return GT_OK;
}

static gt_step_fn *const steps[] = {find_endpoint,   prove,      prove_instead, post_form,
                                    prove_otherwise, post_again, NULL};
const gt_work_t gt_endpoint_post = {"post to an endpoint", steps, NULL};
