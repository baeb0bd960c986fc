/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file exchange_subject.c The subject of a token exchange: the ways to name a user. */

#include "routes/exchange.h"

#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "caller/caller.h"
#include "child/bearers.h"

#define JWT "urn:ietf:params:oauth:token-type:jwt"
#define USER_ID "urn:mod_graphtok:token-type:user-id"
#define LONGEST_TOKEN (16 * 1024)

const char *gtm_exchange_given(const gtm_request_t *x, const char *name)
{
    const char *value = apr_table_get(x->form, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

gt_err_t *gtm_exchange_invalid(const gtm_request_t *x, const char *oauth_error, const char *tag,
                               const char *detail)
{
    gt_err_t *err = gt_err(x->r->pool, GT_INVALID, tag, "%s", detail);

    err->oauth_error = oauth_error;
    return err;
}

gt_err_t *gtm_exchange_wrong(const gtm_request_t *x, const char *detail)
{
    return gtm_exchange_invalid(x, NULL, "GT0887", detail);
}

static gt_err_t *too_long(const gtm_request_t *x)
{
    return gt_err(x->r->pool, GT_TOO_LARGE, "GT0892", "a subject_token has %d bytes at most",
                  LONGEST_TOKEN);
}

/** The name behind "jwt=" of a client's entry, or NULL. */
static const char *jwt_of(const gt_client_conf_t *client, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(client->subjects, " ", p);
    apr_size_t len = strlen(GT_SUBJECT_JWT);

    for (int i = 0; i < words->nelts; i++)
        if (strncmp(APR_ARRAY_IDX(words, i, const char *), GT_SUBJECT_JWT, len) == 0)
            return APR_ARRAY_IDX(words, i, const char *) + len;
    return NULL;
}

static int may_name_by(const gt_client_conf_t *client, const char *word, apr_pool_t *p)
{
    return strcmp(word, GT_SUBJECT_JWT) == 0 ? jwt_of(client, p) != NULL
                                             : gt_has_word(client->subjects, word);
}

/** A plain user id. */
static void take_user(gtm_request_t *x, const char *token)
{
    gtm_exchange_t *own = x->own;

    own->failure = gtm_caller_check_id(x, token);
    x->owner.user = token;
}

/** A token of the provider for our registration; its user is known when it was judged. */
static void take_assertion(gtm_request_t *x, const char *token)
{
    gtm_exchange_t *own = x->own;

    own->assertion = gt_secret_from(token, x->r->pool);
}

/** A JWT of an issuer that the client's entry names. */
static void take_jwt(gtm_request_t *x, const char *token)
{
    gtm_exchange_t *own = x->own;

    own->bearer.token = gt_secret_from(token, x->r->pool);
    own->bearer.bearer = gtm_bearers_find(x->child, jwt_of(own->client, x->r->pool));
}

static gt_err_t *find_subject(gt_task_t *task, void *state)
{
    static const struct {
        const char *type, *word;
        void (*take)(gtm_request_t *x, const char *token);
    } kinds[] = {{USER_ID, GT_SUBJECT_USER, take_user},
                 {JWT, GT_SUBJECT_JWT, take_jwt},
                 {GTM_TYPE_ACCESS_TOKEN, GT_SUBJECT_BEHALF, take_assertion}};

    gtm_request_t *x = state;
    const gtm_exchange_t *own = x->own;
    const char *token = gtm_exchange_given(x, "subject_token");
    const char *type = gtm_exchange_given(x, "subject_token_type");
    apr_size_t kind = 0;

    (void)task;
    if (token == NULL || type == NULL)
        return gtm_exchange_wrong(x, "subject_token and subject_token_type are needed");
    if (strlen(token) > LONGEST_TOKEN)
        return too_long(x);
    while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].type, type) != 0)
        kind++;
    if (kind == sizeof(kinds) / sizeof(kinds[0]))
        return gtm_exchange_wrong(x, "this subject_token_type is not taken here");
    if (!may_name_by(own->client, kinds[kind].word, x->r->pool))
        return gtm_exchange_invalid(
            x, "unauthorized_client", "GT0891",
            "this client may not name users in this way (GraphTokClientSubject)");
    if (own->is_for_routes && kinds[kind].take == take_assertion)
        return gtm_exchange_wrong(x, "our own routes are for users who signed in here: name one by "
                                     "a user id or by a JWT");
    kinds[kind].take(x, token);
    return GT_OK;
}

static gt_err_t *verify_subject(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = x->own;

    if (own->bearer.token != NULL)
        gt_then_try(task, &gt_check_bearer, &own->bearer, &own->failure);
    return GT_OK;
}

/** An issuer may say which client may act for a user (RFC 8693 4.4). */
static int may_act(const gt_client_conf_t *client, const json_t *claims)
{
    const json_t *actor = json_object_get(claims, "may_act");
    const char *name = actor != NULL ? gt_json_text(actor, "sub") : NULL;

    return actor == NULL || (name != NULL && strcmp(name, client->name) == 0);
}

static gt_err_t *take_verified(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gtm_exchange_t *own = x->own;

    (void)task;
    if (own->bearer.token == NULL || own->failure != GT_OK)
        return GT_OK;
    if (!may_act(own->client, own->bearer.claims))
        own->failure = gt_err(x->r->pool, GT_FORBIDDEN, "GT0895",
                              "the subject's token names another client that may act (may_act)");
    else
        take_user(x, own->bearer.user);
    return GT_OK;
}

static gt_step_fn *const steps[] = {find_subject, verify_subject, take_verified, NULL};
const gt_work_t gtm_exchange_subject = {"the subject of an exchange", steps, NULL};
