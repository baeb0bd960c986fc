/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_consent.c
 * An administrator comes back from consenting for a whole tenant. With the state of a request that
 * was begun here, in this browser, the answer is told plainly. Any page could link to this address
 * without one, so then its parameters choose the text of the page and nothing else. In neither case
 * anything is changed: the tenant's name comes through the browser and proves nothing. Source:
 * Microsoft, "Admin consent on the Microsoft identity platform".
 */

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "base/text.h"
#include "request/answer.h"
#include "request/pages.h"
#include "request/rate_limit.h"
#include "routes/routes_auth.h"

APLOG_USE_MODULE(graphtok);

int gtm_consent_is_told(const gtm_request_t *x, const gt_login_t *login)
{
    if (login != NULL)
        return login->is_for == GT_LOGIN_ADMIN_CONSENT;
    return apr_table_get(x->query, "admin_consent") != NULL &&
           apr_table_get(x->query, "code") == NULL;
}

/* The tenant that is told of, when it can be one. */
static const char *tenant_told(const gtm_request_t *x)
{
    const char *tenant = apr_table_get(x->query, "tenant");

    return tenant != NULL && gt_is_guid(tenant) ? tenant : NULL;
}

static const char *status_of(const gtm_consent_t *told)
{
    if (told->is_refused)
        return "admin_consent_refused";
    return told->is_ours ? "admin_consent_given" : "admin_consent_told";
}

static void answer_json(gtm_request_t *x, const gtm_consent_t *told)
{
    json_t *value = gt_json_object(x->r->pool);

    gt_json_set(value, "status", status_of(told));
    if (told->is_ours) {
        gt_json_set(value, "provider", x->owner.provider);
        gt_json_set(value, "tenant", told->tenant);
        gt_json_set(value, "code", told->code);
    }
    gtm_answer_json(x, HTTP_OK, value);
}

gt_err_t *gtm_consent_show(gtm_request_t *x, const gt_login_t *login)
{
    const char *error = apr_table_get(x->query, "error");
    gtm_consent_t told = {.is_ours = login != NULL, .is_refused = error != NULL};
    const gt_err_t *err;

    gtm_limit_give_back(x, GTM_LIMIT_CALLBACK);
    if (told.is_ours && error == NULL && apr_table_get(x->query, "admin_consent") == NULL)
        told.is_refused = 1;
    if (told.is_ours && error != NULL) {
        err = gt_login_error(gt_provider_conf(x->provider), error,
                             apr_table_get(x->query, "error_subcode"),
                             apr_table_get(x->query, "error_description"), x->r->pool);
        told.code = err->code;
    }
    if (told.is_ours) {
        gtm_limit_give_back(x, GTM_LIMIT_LOGIN);
        told.tenant = tenant_told(x);
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, x->r,
                      "provider %s: an administrator's consent was asked for and %s; tenant %s",
                      x->owner.provider, told.is_refused ? "not given" : "given",
                      told.tenant != NULL ? told.tenant : "not told");
    }
    if (gtm_answer_is_page(x->r))
        gtm_answer_page(x, HTTP_OK, gtm_page_admin_consent(x, &told));
    else
        answer_json(x, &told);
    return GT_OK;
}
