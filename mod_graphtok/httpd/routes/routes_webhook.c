/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_webhook.c
 * The address that Microsoft Graph tells of changes at. All may call it: what comes is held
 * against the secret of its subscription. A post that is answered with 202 is stored. Source:
 * Microsoft Graph, "Receive change notifications through webhooks".
 */

#include <apr_strings.h>

#include "base/log.h"
#include "hooks/arrival.h"
#include "request/answer.h"
#include "routes/route_sets.h"

#define TOKEN_MOST 2048 /* bytes of a validationToken; Graph's have some hundred */

/* The handshake: only one that can read what is sent to this address knows the token. It goes back
 * as a text that no browser takes for a page. */
static gt_err_t *answer_handshake(gtm_request_t *x, const char *token)
{
    if (strlen(token) > TOKEN_MOST)
        return gt_err(x->r->pool, GT_INVALID, "GT1721", "validationToken is longer than %d bytes",
                      TOKEN_MOST);
    gtm_answer_text(x, HTTP_OK, "text/plain; charset=utf-8", token);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const char *token = apr_table_get(x->query, "validationToken");
    gt_store_t *store = gt_vault_store(x->child->vault, x->dir->store);
    const json_t *value = json_object_get(x->body, "value");
    gt_arrived_t arrived;

    (void)task;
    if (token != NULL)
        return answer_handshake(x, token);
    if (!json_is_array(value))
        return gt_err(x->r->pool, GT_INVALID, "GT1720",
                      "the body must be an object with a list of notifications, value");
    GT_TRY(gt_arrivals_take(&arrived, x->child->arrivals, store, value, &x->asker, x->r->pool));
    gt_log(GT_LOG_DEBUG, NULL,
           "notifications: %d stored, %d there before, %d unknown, %d refused, %d malformed",
           arrived.stored, arrived.repeated, arrived.unknown, arrived.refused, arrived.malformed);
    gtm_answer_empty(x, HTTP_ACCEPTED);
    return GT_OK;
}

static gt_step_fn *const steps[] = {take, NULL};
static const gt_work_t notifications = {"notifications", steps, NULL};

/* Graph's load is not ours to limit: what is refused comes again, and later. */
const gtm_route_t gtm_webhook_routes[] = {{"notifications", "POST", "/", GTM_LIMIT_NONE,
                                           .demands = GTM_NO_CALLER | GTM_NO_GRANT,
                                           .body = GTM_BODY_MAYBE_JSON, .work = &notifications},
                                          {.name = NULL}};
