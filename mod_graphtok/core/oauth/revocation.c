/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file revocation.c
 * One form out, a status in (RFC 7009 2.1, 2.2). The POST goes on when its task is dropped.
 */

#include "oauth/revocation.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "base/secret.h"
#include "net/upstream.h"
#include "net/url.h"
#include "oauth/kind.h"

#define ANSWER_MAX (64 * 1024)

static const char *revocation_endpoint(const gt_endpoints_t *endpoints)
{
    return endpoints->revocation;
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_revocation_t *r = state;
    const gt_provider_kind_t *kind = gt_provider_kind(gt_provider_conf(r->provider));
    gt_form_t *form = gt_form_make(gt_task_pool(task));

    r->was_asked = 0;
    gt_form_add_secret(form, "token", r->token);
    r->post = (gt_endpoint_post_t){.provider = r->provider,
                                   .url = revocation_endpoint,
                                   .form = form,
                                   .is_open = kind->revokes_openly,
                                   .answer_max = ANSWER_MAX,
                                   .purpose = "revoke"};
    gt_then(task, &gt_endpoint_post, &r->post);
    return GT_OK;
}

/** RFC 7009 2.2 has 200 for a token that is not known; Google's endpoint has 400. */
static int is_dead_already(const gt_answer_t *answer, apr_pool_t *p)
{
    json_t *body;
    const char *error;

    if (answer->status != 400 ||
        gt_json_parse_answer(&body, answer->body, answer->body_len, p) != GT_OK)
        return 0;
    error = gt_json_text(body, "error");
    return error != NULL && strcmp(error, "invalid_token") == 0;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_revocation_t *r = state;
    const char *provider = gt_provider_conf(r->provider)->name;
    apr_pool_t *p = gt_task_pool(task);
    const gt_answer_t *answer;
    gt_err_t *err;

    if (r->post.transfer == NULL)
        return GT_OK;
    r->was_asked = 1;
    gt_upstream_tell(r->post.transfer, provider, "token", p);
    err = gt_transfer_error(r->post.transfer, p);
    if (err != GT_OK)
        return gt_err_in(err, "provider %s", provider);
    answer = gt_transfer_answer(r->post.transfer);
    r->post.transfer = NULL;
    if (answer->status == 200 || is_dead_already(answer, p))
        return GT_OK;
    return gt_err(p, GT_UPSTREAM, "GT0575", "provider %s: its revocation endpoint says %d",
                  provider, answer->status);
}

static gt_step_fn *const revoke_steps[] = {post, take, NULL};
const gt_work_t gt_token_revoke = {"revoke a token", revoke_steps, NULL};
