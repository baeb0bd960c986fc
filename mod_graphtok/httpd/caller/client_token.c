/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file client_token.c
 * The clear text is "1 <end, s> <made, ms> <id> <client> <grant> <user>". A token of ours is known
 * by how it begins, which no JWT does. It is no means to sign in: routes that need no caller do not
 * take it, and other handlers do not know it.
 */

#include "caller/client_token.h"

#include <apr_strings.h>
#include <httpd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "caller/bearer_token.h"
#include "crypt/seal.h"
#include "request/own_origin.h"
#include "request/rate_limit.h"
#include "request/realm.h"

#define BEGINNING "gtc_"
#define LONGEST_TOKEN 2048
#define ID_BYTES 16
#define VERSION 1

static gt_place_t place_of(const gtm_request_t *x)
{
    return (gt_place_t){.table = "token of a client",
                        .column = gtm_realm(x),
                        .user = x->dir->store,
                        .provider = x->owner.provider};
}

gt_err_t *gtm_client_token_make(gt_secret_t **token, gtm_request_t *x,
                                const gt_client_conf_t *client, const char *grant)
{
    const gt_keyring_t *ring = gt_store_ring(x->store);
    apr_pool_t *p = x->r->pool;
    const apr_time_t now = gt_now();
    gt_secret_t *clear;
    gt_place_t place;
    const char *sealed;
    char *text;

    GT_TRY(gtm_origin_find(x));
    place = place_of(x);
    clear = gt_secret_from(
        apr_psprintf(p, "%d %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %s %s %s %s", VERSION,
                     apr_time_sec(now + client->token_time), apr_time_as_msec(now),
                     gt_random_text(ID_BYTES, p), client->name, grant, x->owner.user),
        p);
    GT_TRY(gt_seal(&sealed, ring, GT_KEY_COOKIE, GT_AES_256_GCM, &place, clear, p));
    text = apr_pstrcat(p, BEGINNING, sealed, NULL);
    gt_wipe_with_pool(text, strlen(text), p);
    *token = gt_secret_from(text, p);
    return GT_OK;
}

/* ---- reading ---- */

static const char *take_word(const char **text, apr_pool_t *p)
{
    apr_size_t len = strcspn(*text, " ");
    const char *word = apr_pstrmemdup(p, *text, len);

    *text += len + ((*text)[len] == ' ');
    return word;
}

/** A text that is not as it was written, has ended, or names a client that has no entry any more,
 * is no token. */
static gtm_client_token_t *read_clear(const gtm_request_t *x, const char *text)
{
    apr_pool_t *p = x->r->pool;
    gtm_client_token_t *token = apr_pcalloc(p, sizeof(*token));
    apr_int64_t version, end;

    if (!gt_number(&version, take_word(&text, p), VERSION, VERSION) ||
        !gt_number(&end, take_word(&text, p), 0, apr_time_sec(APR_INT64_MAX)) ||
        !gt_number(&token->name.began_ms, take_word(&text, p), 1, APR_INT64_MAX) ||
        apr_time_from_sec(end) <= gt_now())
        return NULL;
    token->name.id = take_word(&text, p);
    token->client = gt_config_client(x->child->config, take_word(&text, p));
    token->name.grant = take_word(&text, p);
    token->user = apr_pstrdup(p, text);
    return token->client != NULL && *token->name.grant && *token->user ? token : NULL;
}

static gtm_client_token_t *open_token(const gtm_request_t *x, const char *shown)
{
    const gt_keyring_t *ring = gt_store_ring(x->store);
    gt_place_t place = place_of(x);
    gt_secret_t *clear;

    if (strlen(shown) > LONGEST_TOKEN || gt_unseal(&clear, ring, GT_KEY_COOKIE, &place,
                                                   shown + strlen(BEGINNING), x->r->pool) != GT_OK)
        return NULL;
    return read_clear(x, gt_secret_text(clear));
}

static gt_err_t *over(gtm_request_t *x)
{
    gt_err_t *err = gt_err(x->r->pool, GT_FORBIDDEN, "GT0855",
                           "this token of a client has ended, is none of ours, or was made for "
                           "another place: exchange anew");

    /* No sign-in of a person helps, so it is told as none that would. */
    err->status = HTTP_UNAUTHORIZED;
    x->caller.id = "";
    x->bearer_error = "invalid_token";
    return err;
}

static void announce(const gtm_request_t *x, const gt_err_t *err)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_CLIENT_CALL,
                             .store = x->dir->store,
                             .provider = x->owner.provider,
                             .user = x->client_token->user,
                             .asker = &x->asker,
                             .err = err});
}

/** Why the client may not call this route, or NULL. A person signs in and out, and no client. */
static const char *fault_of(const gtm_request_t *x)
{
    const char *method = x->r->header_only ? "GET" : x->r->method;

    if (x->route->demands & GTM_NO_CALLER)
        return "no client signs a person in or out";
    return gt_allow_fits(x->client_token->client->allow, method, x->r->uri, NULL, x->r->pool)
               ? NULL
               : "no GraphTokAllow of its entry allows this method and path";
}

/** Refusals count in the limit of the route, as calls do. */
static gt_err_t *refuse(gtm_request_t *x, const char *why)
{
    gt_err_t *err = gt_err(x->r->pool, GT_FORBIDDEN, "GT0854", "client %s may not call %s %s%s: %s",
                           x->client_token->client->name, x->route->method, x->mount->path,
                           x->route->pattern, why);

    x->bearer_error = "insufficient_scope";
    announce(x, err);
    return gtm_bearer_refused(x, err);
}

gt_err_t *gtm_client_token_read(gtm_request_t *x)
{
    const char *shown = gtm_bearer_shown(x->r), *fault;

    if (x->route->demands & (GTM_NO_GRANT | GTM_ANYONE | GTM_CLIENT_CALLS))
        return GT_OK;
    if (shown == NULL || strncmp(shown, BEGINNING, strlen(BEGINNING)) != 0)
        return GT_OK;
    GT_TRY(gtm_origin_find(x));
    x->client_token = open_token(x, shown);
    if (x->client_token == NULL)
        return gtm_bearer_refused(x, over(x));
    x->asker.client = x->client_token->client->name;
    x->caller = (gt_caller_t){.id = x->client_token->user, .from = GT_CALLER_CLIENT};
    fault = fault_of(x);
    return fault == NULL ? GT_OK : refuse(x, fault);
}

gt_err_t *gtm_client_token_confirm(gtm_request_t *x)
{
    const gt_owner_t owner = {x->client_token->user, x->owner.provider};
    const gt_grant_key_t key = gt_grant_key(x->store, &owner);
    gt_err_t *err;
    int has;

    GT_TRY(gt_vault_has_session(&has, x->child->vault, &key, &x->client_token->name, x->r->pool));
    err = has ? GT_OK : over(x);
    announce(x, err);
    return err;
}
