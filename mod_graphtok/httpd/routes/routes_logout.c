/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_logout.c
 * Sign-out: this browser's session ends on all nodes, and the grant stays. The route
 * is a POST, which passes the gate against cross-site requests: another site can sign no user out.
 */

#include <httpd.h>

#include "caller/session.h"
#include "request/answer.h"
#include "request/own_origin.h"
#include "request/pages.h"
#include "routes/routes_auth.h"

/* A page's form is sent on to an address; a script reads the outcome. */
static void answer(gtm_request_t *x, const char *address, int ended)
{
    json_t *value = gt_json_object(x->r->pool);

    if (gtm_answer_is_form(x->r) && *address) {
        gtm_answer_redirect(x, HTTP_SEE_OTHER, address);
        return;
    }
    if (gtm_answer_is_form(x->r)) {
        gtm_answer_page(x, HTTP_OK, gtm_page_signed_out(x));
        return;
    }
    gt_json_set(value, "status", ended > 0 ? "signed_out" : "none");
    gtm_answer_json(x, HTTP_OK, value);
}

static gt_err_t *sign_out(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const char *given = apr_table_get(x->query, "return_to"), *target;
    int ended = 0;

    (void)task;
    GT_TRY(gtm_origin_find(x));
    GT_TRY(gtm_origin_return_to(&target, x, given != NULL ? given : ""));
    if (!*target && x->dir->logout_return_to != NULL)
        target = x->dir->logout_return_to;
    if (x->dir->caller_from == GT_CALLER_SESSION) {
        GT_TRY(gtm_session_sign_out(&ended, x));
        gtm_session_forget(x);
    }
    answer(x, gtm_origin_address(x, target), ended);
    return GT_OK;
}

static gt_step_fn *const logout_steps[] = {sign_out, NULL};
const gt_work_t gtm_logout = {"logout", logout_steps, NULL};
