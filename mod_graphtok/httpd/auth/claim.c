/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file claim.c A user of a session has no claims, and is not let in. */

#include "auth/claim.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_request.h>
#include <mod_auth.h>

#include "config/settings.h"
#include "crypt/claim_value.h"

APLOG_USE_MODULE(graphtok);

#define NAME "graphtok-claim"

/** NAME VALUE… of one line. */
typedef struct demand_t {
    const char *name;
    apr_array_header_t *values; /* const char * */
} demand_t;

static const char *parse(cmd_parms *cmd, const char *line, const void **parsed)
{
    demand_t *demand = apr_pcalloc(cmd->pool, sizeof(*demand));

    demand->name = ap_getword_conf(cmd->pool, &line);
    demand->values = apr_array_make(cmd->pool, 2, sizeof(const char *));
    while (*line != '\0')
        APR_ARRAY_PUSH(demand->values, const char *) = ap_getword_conf(cmd->pool, &line);
    if (demand->values->nelts == 0)
        return "Require " NAME " needs a claim's name and the values of which it must have one";
    *parsed = demand;
    return NULL;
}

static authz_status check(request_rec *r, const char *line, const void *parsed)
{
    const demand_t *demand = parsed;
    const gtm_kept_t *own = gtm_kept_find(r);

    (void)line;
    if (r->user == NULL)
        return AUTHZ_DENIED_NO_USER;
    for (int i = 0; own != NULL && own->caller != NULL && i < demand->values->nelts; i++)
        if (gt_claim_holds(own->caller->claims, demand->name,
                           APR_ARRAY_IDX(demand->values, i, const char *), r->pool))
            return AUTHZ_GRANTED;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  "the token of user %s has no claim %s with one of the values that Require names",
                  r->user, demand->name);
    return AUTHZ_DENIED;
}

static const authz_provider provider = {check, parse};

void gtm_claim_register(apr_pool_t *p)
{
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, NAME, AUTHZ_PROVIDER_VERSION, &provider,
                              AP_AUTH_INTERNAL_PER_CONF);
}
