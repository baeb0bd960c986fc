/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file on_behalf_of.c
 * An assertion that was verified is remembered by its SHA-256 as "<end, Unix seconds> <user>" until
 * it ends. The provider judges it again when it is redeemed; our own look decides what may be
 * answered from the cache, and keeps what is none from the provider.
 * Source: Microsoft, "On-Behalf-Of flow", "Access token claims reference".
 */

#include "vault/on_behalf_of.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/jwt.h"
#include "oauth/kind.h"
#include "oauth/resource.h"
#include "vault/flow/flows.h"
#include "vault/vault_struct.h"

#define LONGEST_ASSERTION (16 * 1024)

static gt_err_t *refuse(apr_pool_t *p, const char *why)
{
    return gt_err(p, GT_SIGN_IN, "GT0632", "the user's token is not taken: %s", why);
}

static const char *name_of(const gt_on_behalf_of_t *behalf, apr_pool_t *p)
{
    return apr_pstrcat(p, "assertion ", behalf->provider, " ", behalf->digest, NULL);
}

/* ---- who it is ---- */

static int recall(gt_on_behalf_of_t *behalf, apr_pool_t *p)
{
    const char *text = gt_cache_text(behalf->vault->parts.cache, name_of(behalf, p), p);
    const char *blank = text != NULL ? strchr(text, ' ') : NULL;
    apr_int64_t end;

    if (blank == NULL || !gt_number(&end, apr_pstrmemdup(p, text, (apr_size_t)(blank - text)), 0,
                                    APR_INT64_MAX / APR_USEC_PER_SEC))
        return 0;
    behalf->ends_at = apr_time_from_sec(end);
    behalf->user = blank + 1;
    return behalf->ends_at > gt_now();
}

static gt_err_t *identify(gt_task_t *task, void *state)
{
    gt_on_behalf_of_t *behalf = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_provider_t *provider = gt_vault_provider(behalf->vault, behalf->provider);
    unsigned char digest[32];

    behalf->user = NULL;
    behalf->token = (gt_token_t){0};
    if (provider == NULL)
        return gt_err(p, GT_INTERNAL, "GT0613", "there is no provider %s in the configuration",
                      behalf->provider);
    if (gt_secret_len(behalf->assertion) > LONGEST_ASSERTION)
        return refuse(p, "it is longer than 16 KiB");
    gt_secret_digest(digest, behalf->assertion);
    behalf->digest = gt_hex(digest, sizeof(digest), p);
    if (recall(behalf, p)) {
        gt_done(task);
        return GT_OK;
    }
    behalf->user = NULL;
    behalf->identify = (gt_identify_t){
        .provider = provider, .id_token = behalf->assertion, .shown_by = "on behalf of"};
    gt_then_try(task, &gt_identify, &behalf->identify, &behalf->failure);
    return GT_OK;
}

/** The claims that tell a user's access token from an id_token, which is for the client that signed
 * in, and from the token of an application without a user. */
static const char *fault_of(const json_t *claims)
{
    const char *type = gt_json_text(claims, "idtyp");
    const char *scopes = gt_json_text(claims, "scp");
    const char *version = gt_json_text(claims, "ver");

    if (type != NULL && strcmp(type, "user") != 0)
        return "it is of an application without a user";
    if (scopes == NULL || *scopes == '\0')
        return "it is no access token of a user: it has no scopes (scp)";
    return version != NULL && strcmp(version, "2.0") == 0 ? NULL : "it is of another version";
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_on_behalf_of_t *behalf = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *fault;

    if (behalf->failure != GT_OK)
        return behalf->failure->cls == GT_REFUSED
                   ? refuse(p, "it is none of this provider's for this application, or it is over")
                   : behalf->failure;
    fault = fault_of(behalf->identify.claims);
    if (fault != NULL)
        return refuse(p, fault);
    behalf->ends_at = gt_jwt_ends_at(behalf->identify.claims);
    behalf->user = gt_identity_user(&behalf->identify.identity, p);
    (void)gt_cache_keep_text(
        behalf->vault->parts.cache, name_of(behalf, p),
        apr_psprintf(p, "%" APR_INT64_T_FMT " %s", apr_time_sec(behalf->ends_at), behalf->user),
        behalf->ends_at - gt_now());
    return GT_OK;
}

static gt_step_fn *const user_steps[] = {identify, judge, NULL};
const gt_work_t gt_on_behalf_of_user = {"user of an assertion", user_steps, NULL};

/* ---- the token ---- */

static gt_err_t *find_user(gt_task_t *task, void *state)
{
    gt_then(task, &gt_on_behalf_of_user, state);
    return GT_OK;
}

static gt_err_t *fetch(gt_task_t *task, void *state)
{
    gt_on_behalf_of_t *behalf = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_provider_conf_t *conf =
        gt_provider_conf(gt_vault_provider(behalf->vault, behalf->provider));
    const char *resource = behalf->resource != NULL ? behalf->resource : GT_RESOURCE_GRAPH;
    const char *at = strrchr(behalf->user, '@');
    const char *home = at != NULL ? at + 1 : NULL;
    const char *owner = apr_pstrcat(p, "assertion ", behalf->digest, " of ", behalf->user, NULL);

    behalf->fetch = (gt_shared_fetch_t){.vault = behalf->vault,
                                        .provider = behalf->provider,
                                        .key = {{"", {owner, behalf->provider}}, resource},
                                        .name = "on behalf of",
                                        .flow = &gt_flow_on_behalf_of,
                                        .params = behalf->assertion,
                                        .tenant = gt_provider_tenant(conf, home),
                                        .scope = gt_provider_resource_scope(conf, resource, p),
                                        .ends_by = behalf->ends_at};
    if (behalf->anew)
        gt_shared_fetch_forget(behalf->vault, &behalf->fetch.key);
    gt_then(task, &gt_shared_fetch, &behalf->fetch);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_on_behalf_of_t *behalf = state;

    (void)task;
    behalf->token = behalf->fetch.token;
    return GT_OK;
}

static gt_step_fn *const steps[] = {find_user, fetch, take, NULL};
const gt_work_t gt_on_behalf_of = {"on behalf of", steps, NULL};
