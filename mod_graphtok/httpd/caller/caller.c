/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file caller.c
 * The caller is never taken from a header, a parameter or the body: from the configuration, from
 * our own cookie, or from the authentication that httpd itself has done.
 */

#include "caller/caller.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "base/text.h"
#include "caller/session.h"

#define LONGEST_USER 255

static gt_err_t *nobody(gtm_request_t *x)
{
    x->session = NULL;
    x->owner.user = "";
    if (x->route->demands & GTM_ANYBODY)
        return GT_OK;
    return gt_err(x->r->pool, GT_SIGN_IN, "GT0821", "nobody is signed in in this browser");
}

static gt_err_t *from_session(gtm_request_t *x)
{
    GT_TRY(gtm_session_read(x));
    if (!x->session)
        return nobody(x);
    x->owner.user = x->session;
    return GT_OK;
}

static gt_err_t *from_httpd(gtm_request_t *x)
{
    const char *user = x->r->user;

    if (!user || !*user || !x->r->ap_auth_type)
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0822",
                      "this location takes its users from httpd (GraphTokUser remote-user), but "
                      "no authentication stands in front: AuthType and Require");
    if (strlen(user) > LONGEST_USER || !gt_is_utf8(user, strlen(user)))
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0823",
                      "the user's name is longer than 255 bytes or no UTF-8");
    x->owner.user = user;
    return GT_OK;
}

gt_err_t *gtm_caller_name(gtm_request_t *x)
{
    if (!x->r->log_id)
        (void)ap_run_generate_log_id(x->r->connection, x->r, &x->r->log_id);
    x->asker = (gt_asker_t){x->r->useragent_ip, x->r->log_id, x->route->name};
    return GT_OK;
}

gt_err_t *gtm_caller_find(gtm_request_t *x)
{
    if (x->route->demands & GTM_NO_GRANT)
        return GT_OK;
    if (x->dir->caller_from == GTM_CALLER_STATIC)
        x->owner.user = x->dir->caller_name;
    else if (x->dir->caller_from == GTM_CALLER_REMOTE_USER)
        return from_httpd(x);
    else
        return from_session(x);
    return GT_OK;
}

gt_err_t *gtm_caller_confirm(gtm_request_t *x)
{
    gt_grant_key_t key;
    gt_err_t *err;
    int has;

    if (x->session) {
        key = gt_grant_key(x->store, &x->owner);
        err = gt_vault_has_grant(&has, x->child->vault, &key, x->session_grant, x->r->pool);
        if (err && !(x->route->demands & GTM_ANYBODY))
            return err;
        if (err || !has)
            return nobody(x);
    }
    x->is_known = *x->owner.user != '\0';
    return GT_OK;
}

void gtm_caller_show(const gtm_request_t *x)
{
    if (x->is_known && !x->r->user)
        x->r->user = apr_pstrdup(x->r->pool, x->owner.user);
}
