/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The functions of mod_graphtok.h for other modules, which get plain values only. */

#include "pass/functions.h"

#include <string.h>

#include "mod_graphtok.h"
#include "pass/token_request.h"
#include "request/login_link.h"

static void explain(graphtok_token_t *answer, const gtm_request_t *x, const gt_err_t *err)
{
    answer->error = gt_class_row(err->cls)->name;
    answer->tag = err->tag;
    answer->detail = err->detail;
    answer->status = gt_err_status(err);
    answer->retry_after = gt_err_wait(err);
    if (x != NULL && (err->cls == GT_SIGN_IN || err->cls == GT_INTERACTION))
        answer->login_url = gtm_login_link(x, err);
}

static gt_err_t *get(graphtok_token_t *answer, gtm_request_t *x, const char *resource)
{
    gt_token_for_t params;

    if (resource != NULL && strcmp(resource, "graph") != 0)
        return gt_err(x->r->pool, GT_INVALID, "GT0873", "there are no tokens for '%s', only graph",
                      resource);
    GT_TRY(gtm_token_request_token(&answer->token, x, &params));
    answer->expires = params.token.expires_at;
    return GT_OK;
}

static const graphtok_token_t *graphtok_token(request_rec *r, const char *resource)
{
    graphtok_token_t *answer = apr_pcalloc(r->pool, sizeof(*answer));
    gtm_request_t *x = gtm_request_beside(r);
    gt_err_t *err;

    answer->user = "";
    if (x == NULL) {
        explain(answer, NULL,
                gt_err(r->pool, GT_INTERNAL, "GT0874",
                       "mod_graphtok is not at work in this process: see the log of its start"));
        return answer;
    }
    err = get(answer, x, resource);
    answer->provider = x->owner.provider;
    answer->user = x->caller.id;
    if (err != GT_OK) {
        answer->token = NULL;
        explain(answer, x, err);
    }
    return answer;
}

static const char *graphtok_caller(request_rec *r)
{
    gtm_request_t *x = gtm_request_beside(r);

    if (x == NULL || gtm_token_request_caller(x) != GT_OK)
        return NULL;
    return x->caller.id[0] != '\0' ? x->caller.id : NULL;
}

void gtm_functions_register(void)
{
    APR_REGISTER_OPTIONAL_FN(graphtok_token);
    APR_REGISTER_OPTIONAL_FN(graphtok_caller);
}
