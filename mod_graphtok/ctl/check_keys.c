/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * check: the keys of a provider's servers. Each host is asked once, for nothing, on a connection
 * made as all calls to it are.
 */

#include "verb_check.h"

#include <string.h>

#include <apr_strings.h>

#include "net/pins.h"
#include "net/transfer.h"
#include "net/url.h"
#include "task/wait.h"

#define LONGEST apr_time_from_sec(60)

typedef struct look_t {
    gt_provider_t *provider;
    const char *url;
    gt_transfer_t *transfer;
} look_t;

static gt_err_t *ask_host(gt_task_t *task, void *state)
{
    look_t *look = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_request_t request = {
        .method = "HEAD", .url = look->url, .notes_keys = 1, .purpose = "look at its keys"};

    GT_TRY(gt_provider_route(&request, look->provider, p));
    GT_TRY(gt_transfer_make(&look->transfer, &request, gt_task_loop(task), p));
    gt_await(task, look->transfer);
    return GT_OK;
}

/** Only the keys count: the server's answer to an empty question is of no interest. */
static gt_err_t *judge(gt_task_t *task, void *state)
{
    const look_t *look = state;
    const char *pins = gt_provider_conf(look->provider)->pins;
    const char *keys = gt_transfer_keys(look->transfer);
    gt_err_t *err = gt_transfer_error(look->transfer, gt_task_pool(task));

    if (keys == NULL)
        return err;
    return pins == NULL || gt_pins_are_in(pins, keys) ? GT_OK : gt_err_in(err, "%s", keys);
}

static gt_step_fn *const steps[] = {ask_host, judge, NULL};
static const gt_work_t work = {"look at keys", steps, NULL};

static void look_at(check_t *check, gt_provider_t *provider, const char *origin)
{
    apr_pool_t *p = check->ctl->pool;
    look_t look = {.provider = provider, .url = apr_pstrcat(p, origin, "/", NULL)};
    gt_err_t *err = gt_wait_run(&work, &look, check->loop, LONGEST, p);
    const char *keys = look.transfer != NULL ? gt_transfer_keys(look.transfer) : NULL;

    ctl_check_tell(check, apr_pstrcat(p, "keys of ", origin + strlen("https://"), NULL), err,
                   keys != NULL ? keys : "this libcurl does not show them");
}

static void add(apr_array_header_t *origins, const char *url, apr_pool_t *p)
{
    const char *origin = url != NULL ? gt_url_origin(url, p) : NULL;

    if (origin == NULL || strncmp(origin, "https:", 6) != 0)
        return;
    for (int i = 0; i < origins->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(origins, i, const char *), origin) == 0)
            return;
    APR_ARRAY_PUSH(origins, const char *) = origin;
}

void ctl_check_keys(check_t *check, gt_provider_t *provider, const gt_endpoints_t *endpoints)
{
    apr_pool_t *p = check->ctl->pool;
    apr_array_header_t *origins = apr_array_make(p, 4, sizeof(const char *));
    const gt_provider_conf_t *conf = gt_provider_conf(provider);

    add(origins, conf->authority, p);
    add(origins, conf->graph_url, p);
    add(origins, conf->calendar_url, p);
    if (endpoints != NULL) {
        add(origins, endpoints->token, p);
        add(origins, endpoints->jwks_uri, p);
        add(origins, endpoints->revocation, p);
        add(origins, endpoints->device, p);
    }
    for (int i = 0; i < origins->nelts; i++)
        look_at(check, provider, APR_ARRAY_IDX(origins, i, const char *));
}
