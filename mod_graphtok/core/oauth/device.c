/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file device.c
 * One form out, one answer in. The answer is shown on a terminal, so nothing of it that could move
 * a cursor or hide an address passes. Source: RFC 8628 3.1 and 3.2; Microsoft, "OAuth 2.0 device
 * authorization grant flow".
 */

#include "oauth/device.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "net/upstream.h"
#include "net/url.h"
#include "oauth/kind.h"
#include "oauth/oauth_refusal.h"
#include "oauth/token.h"

#define ANSWER_MAX (64 * 1024)
#define CODE_MAX (16 * 1024)
#define USER_CODE_MAX 64
#define PAGE_MAX 512
#define INTERVAL 5 /* s, where the provider says nothing */
#define INTERVAL_MAX 300
#define LIFE_MAX 86400

static const char *device_endpoint(const gt_endpoints_t *endpoints)
{
    return endpoints->device;
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_device_t *device = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_form_t *form = gt_form_make(p);

    gt_form_add(form, "scope",
                device->scope != NULL ? device->scope
                                      : gt_provider_scope(gt_provider_conf(device->provider), p));
    device->post = (gt_endpoint_post_t){.provider = device->provider,
                                        .url = device_endpoint,
                                        .form = form,
                                        .answer_max = ANSWER_MAX,
                                        .purpose = "device code"};
    gt_then(task, &gt_endpoint_post, &device->post);
    return GT_OK;
}

/** 1 for a text of visible characters, and blanks between them where `blanks` says so. */
static int is_visible(const char *text, apr_size_t most, int blanks)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;

    for (apr_size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~' || (text[i] == ' ' && !blanks))
            return 0;
    return len > 0 && len <= most;
}

static gt_err_t *read_answer(gt_device_t *device, const gt_answer_t *answer, apr_pool_t *p)
{
    apr_int64_t life, interval;
    const char *code;
    json_t *json;

    if (gt_json_parse_answer(&json, answer->body, answer->body_len, p) != GT_OK ||
        !json_is_object(json))
        json = gt_json_object(p);
    code = gt_json_text(json, "device_code");
    device->user_code = gt_json_text(json, "user_code");
    device->page = gt_json_text(json, "verification_uri");
    if (!is_visible(code, CODE_MAX, 0) || !is_visible(device->user_code, USER_CODE_MAX, 1) ||
        !is_visible(device->page, PAGE_MAX, 0) || !gt_url_is_safe(device->page) ||
        !gt_json_number(&life, json, "expires_in") || life < 1)
        return gt_err(p, GT_UPSTREAM, "GT0527",
                      "the answer for a device has no codes, page or time that can be used");
    device->code = gt_secret_from(code, p);
    if (!gt_json_number(&interval, json, "interval") || interval < 1)
        interval = INTERVAL;
    device->interval = apr_time_from_sec(interval < INTERVAL_MAX ? interval : INTERVAL_MAX);
    device->life = apr_time_from_sec(life < LIFE_MAX ? life : LIFE_MAX);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_device_t *device = state;
    const gt_provider_conf_t *conf = gt_provider_conf(device->provider);
    apr_pool_t *p = gt_task_pool(task);
    const gt_answer_t *answer;
    gt_err_t *err;

    if (device->post.transfer == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0526",
                      "provider %s has no endpoint for devices without a browser", conf->name);
    gt_upstream_tell(device->post.transfer, conf->name, "token", p);
    err = gt_transfer_error(device->post.transfer, p);
    answer = err == GT_OK ? gt_transfer_answer(device->post.transfer) : NULL;
    if (answer != NULL && answer->status == 200)
        err = read_answer(device, answer, p);
    else if (answer != NULL)
        err = gt_token_verdict(gt_provider_kind(conf)->refusals, answer->status, answer->body,
                               answer->body_len,
                               gt_retry_after(apr_table_get(answer->headers, "Retry-After")), p);
    device->post.transfer = NULL;
    return err != GT_OK ? gt_err_in(err, "provider %s", conf->name) : GT_OK;
}

static gt_step_fn *const steps[] = {post, take, NULL};
const gt_work_t gt_device_begin = {"device code", steps, NULL};
