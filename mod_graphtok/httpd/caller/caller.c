/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file caller.c
 * A caller is never taken from a header, a parameter or the body on our own account: the source is
 * the configuration, our own cookie, the authentication that httpd itself has done, the
 * administrator's expression, or a token of an issuer that the administrator names. One rule bounds
 * the ids of all sources.
 */

#include "caller/caller.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "base/text.h"
#include "conf/account.h"
#include "caller/bearer_token.h"
#include "caller/client_token.h"
#include "caller/session.h"
#include "request/target.h"

#define LONGEST_ID 255 /* the table's bound */

static gt_err_t *from_configuration(gtm_request_t *x)
{
    x->caller.id = x->dir->caller_name;
    return GT_OK;
}

static gt_err_t *from_httpd(gtm_request_t *x)
{
    const char *user = x->r->user;

    if (user == NULL || !*user || x->r->ap_auth_type == NULL)
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0822",
                      "this location takes its users from httpd (GraphTokUser remote-user), but "
                      "no authentication stands in front: AuthType and Require");
    x->caller.id = user;
    return GT_OK;
}

/* The Require of the place makes an administrator, whom the audit names; no other source does. */
static gt_err_t *from_require(gtm_request_t *x)
{
    const char *user = x->r->user;

    if (x->mount == NULL || !x->mount->wants_user || user == NULL || *user == '\0' ||
        x->r->ap_auth_type == NULL)
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT1204",
                      "this location is for administrators, and serves nothing without a Require "
                      "that names them: AuthType, and Require user or Require group");
    x->caller.from = GT_CALLER_REMOTE_USER;
    x->caller.id = user;
    x->asker.administrator = user;
    return gtm_caller_check_id(x, user);
}

static gt_err_t *from_expression(gtm_request_t *x)
{
    const char *fault = NULL;
    const char *user = ap_expr_str_exec(x->r, x->dir->caller_expr, &fault);

    if (fault != NULL)
        return gt_err(x->r->pool, GT_INTERNAL, "GT0830",
                      "the expression of GraphTokUser cannot be evaluated: %s", fault);
    x->caller.id = user != NULL ? user : "";
    return GT_OK;
}

gt_err_t *gtm_caller_check_id(const gtm_request_t *x, const char *id)
{
    apr_size_t len = strlen(id);
    int is_plain = 1;

    for (const char *c = id; *c; c++)
        is_plain = is_plain && (unsigned char)*c >= ' ' && *c != 0x7F;
    if (gt_account_is_user(id))
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0871",
                      "user ids that begin with " GT_ACCOUNT_USERS
                      " are those of accounts of this server, and none of a caller");
    if (len <= LONGEST_ID && is_plain && gt_is_utf8(id, len))
        return GT_OK;
    return gt_err(
        x->r->pool, GT_FORBIDDEN, "GT0823",
        "the user's name is longer than 255 bytes, no UTF-8, or holds control characters");
}

/* Where an account's grant is used, httpd's own Require has let the request in. */
static int needs_caller(const gtm_request_t *x)
{
    return !(x->route->demands & GTM_NO_CALLER) && x->dir->account == NULL;
}

static gt_err_t *unknown(gtm_request_t *x)
{
    x->session = NULL;
    x->caller.id = "";
    if (!needs_caller(x))
        return GT_OK;
    return gtm_caller_missing(x);
}

gt_err_t *gtm_caller_missing(const gtm_request_t *x)
{
    if (x->dir->caller_from == GT_CALLER_EXPR)
        return gt_err(x->r->pool, GT_SIGN_IN, "GT0829",
                      "this location takes its users from an expression (GraphTokUser expr=), "
                      "which names none for this request");
    if (x->dir->caller_from == GT_CALLER_JWT)
        return gt_err(x->r->pool, GT_SIGN_IN, "GT0864",
                      "this location wants a token: Authorization: Bearer");
    return gt_err(x->r->pool, GT_SIGN_IN, "GT0821", "no user is signed in in this browser");
}

static const gt_trace_t *trace_of(const gtm_request_t *x)
{
    gt_trace_t *trace = apr_palloc(x->r->pool, sizeof(*trace));

    return gt_trace_read(trace, apr_table_get(x->r->headers_in, "traceparent")) ? trace : NULL;
}

gt_err_t *gtm_caller_name(gtm_request_t *x)
{
    if (x->r->log_id == NULL)
        (void)ap_run_generate_log_id(x->r->connection, x->r, &x->r->log_id);
    x->asker = (gt_asker_t){.address = x->r->useragent_ip,
                            .request_id = x->r->log_id,
                            .route = x->route->name,
                            .trace = trace_of(x)};
    return GT_OK;
}

/* AuthType GraphTok with GraphTokUseJWT stands in front: its token names the caller where no other
 * source is configured, and its claims go with the user that httpd knows by it. */
static int take_authenticated(gtm_request_t *x)
{
    const gtm_kept_t *own = gtm_kept_find(x->r);
    const gt_caller_t *found = own != NULL ? own->caller : NULL;

    if (found == NULL || found->from != GT_CALLER_JWT ||
        (x->caller.from != GT_CALLER_SESSION && x->caller.from != GT_CALLER_REMOTE_USER))
        return 0;
    x->caller.id = found->id;
    x->caller.claims = found->claims;
    if (x->caller.from == GT_CALLER_SESSION)
        x->caller.from = GT_CALLER_JWT;
    return 1;
}

gt_err_t *gtm_caller_find(gtm_request_t *x)
{
    static gt_err_t *(*const sources[])(gtm_request_t *
                                        x) = {[GT_CALLER_STATIC] = from_configuration,
                                              [GT_CALLER_SESSION] = gtm_session_read,
                                              [GT_CALLER_REMOTE_USER] = from_httpd,
                                              [GT_CALLER_EXPR] = from_expression,
                                              [GT_CALLER_JWT] = gtm_bearer_read};

    if (x->route->demands & (GTM_NO_GRANT | GTM_ANYONE | GTM_CLIENT_CALLS))
        return GT_OK;
    if (x->route->demands & GTM_ADMINISTRATOR)
        return from_require(x);
    if (x->client_token != NULL)
        return GT_OK;
    x->caller.from = x->dir->caller_from;
    /* A redirect brings no field of the application's; the state says for whom a sign-in began. */
    if (x->caller.from == GT_CALLER_JWT && (x->route->demands & GTM_PROVIDERS_QUERY))
        return GT_OK;
    if (take_authenticated(x))
        return gtm_caller_check_id(x, x->caller.id);
    GT_TRY(sources[x->caller.from](x));
    if (x->bearer_waits)
        return GT_OK;
    GT_TRY(gtm_caller_check_id(x, x->caller.id));
    return *x->caller.id ? GT_OK : unknown(x);
}

gt_err_t *gtm_caller_confirm(gtm_request_t *x)
{
    const gt_owner_t own = {x->caller.id, x->owner.provider};
    gt_grant_key_t key;
    gt_err_t *err;
    int has;

    if (x->client_token != NULL)
        GT_TRY(gtm_client_token_confirm(x));
    if (x->session != NULL) {
        key = gt_grant_key(x->store, &own);
        err = gt_vault_has_session(&has, x->child->vault, &key, &x->session->name, x->r->pool);
        if (err != GT_OK && needs_caller(x))
            return err;
        if (err != GT_OK || !has)
            GT_TRY(unknown(x));
        else
            gtm_session_use(x);
    }
    x->is_known = *x->caller.id != '\0';
    return GT_OK;
}

/* From here on store and provider are the account's; those of the caller's session were the
 * place's. */
static gt_err_t *take_account(gtm_request_t *x)
{
    const gt_config_t *config = x->child->config;
    const gt_account_conf_t *account = gt_config_account(config, x->dir->account);
    const gt_grant_key_t key = account != NULL ? gt_account_key(config, account, x->r->pool)
                                               : (gt_grant_key_t){NULL, {NULL, NULL}};

    if (key.owner.provider == NULL)
        return gt_err(x->r->pool, GT_INTERNAL, "GT0807",
                      "this location names no provider or store that is configured");
    x->store = gt_vault_store(x->child->vault, key.store);
    x->provider = gt_vault_provider(x->child->vault, key.owner.provider);
    x->owner = key.owner;
    x->stays = 1; /* no sign-in of the caller's would help */
    return GT_OK;
}

gt_err_t *gtm_owner_find(gtm_request_t *x)
{
    /* The grants of the place's own store, also within a place of an account. */
    if (x->route->demands & GTM_ADMINISTRATOR)
        return GT_OK;
    if (x->dir->account != NULL && !(x->route->demands & GTM_NO_GRANT))
        return take_account(x);
    if (x->route->owner)
        return x->route->owner(x);
    x->owner.user = x->caller.id;
    return GT_OK;
}

gt_err_t *gtm_caller_identify(gtm_request_t *x)
{
    GT_TRY(gtm_caller_name(x));
    GT_TRY(gtm_find_target(x));
    GT_TRY(gtm_caller_find(x));
    return x->bearer_waits ? GT_OK : gtm_caller_confirm(x);
}

void gtm_caller_show(const gtm_request_t *x)
{
    if (x->is_known && x->r->user == NULL)
        x->r->user = apr_pstrdup(x->r->pool, x->caller.id);
}
