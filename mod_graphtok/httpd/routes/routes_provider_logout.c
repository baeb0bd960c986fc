/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_provider_logout.c
 * The provider tells us that its own session has ended, by a frame in its page (OpenID Connect
 * Front-Channel Logout 1.0) or by a call of its own (Back-Channel Logout 1.0). A frame of another
 * site brings no cookie of ours (SameSite=Lax), so that the session is found by the provider's name
 * for it, sid, which an id_token told at the sign-in. Entra sends a sid alone, without the issuer.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "base/secret.h"
#include "oauth/logout.h"
#include "request/answer.h"
#include "routes/routes_auth.h"
#include "vault/cache.h"
#include "vault/sessions.h"

#define SEEN_FOR apr_time_from_sec(600) /* longer than a logout token is taken */

typedef struct told_t {
    gt_discover_t discover;
    gt_logout_token_t token;
} told_t;

static gt_err_t *missing(const gtm_request_t *x, const char *name)
{
    gt_err_t *err = gt_err(x->r->pool, GT_INVALID, "GT0897",
                           "the provider says that its session has ended, and not which");

    gt_err_field(err, name, "as OpenID Connect's logout names it");
    return err;
}

static void answer_done(gtm_request_t *x)
{
    gtm_answer_text(x, HTTP_OK, "text/plain; charset=utf-8", "signed out\n");
}

/* ---- by a frame ---- */

static gt_err_t *look_at_frame(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const char *sid = apr_table_get(x->query, "sid");
    told_t *told = apr_pcalloc(x->r->pool, sizeof(*told));

    x->own = told;
    if (sid == NULL || !*sid || strlen(sid) > GT_SID_MAX)
        return missing(x, "sid");
    told->discover.provider = x->provider;
    if (apr_table_get(x->query, "iss") != NULL)
        gt_then(task, &gt_discover, &told->discover);
    return GT_OK;
}

static gt_err_t *end_by_frame(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const told_t *told = x->own;
    const gt_sign_out_t out = {x->child->vault, &x->asker, "provider"};
    const char *issuer = apr_table_get(x->query, "iss");
    gt_session_mark_t mark = {.provider = x->owner.provider};
    int ended;

    (void)task;
    if (issuer != NULL && !gt_logout_issuer_fits(issuer, told->discover.endpoints.issuer))
        return missing(x, "iss");
    mark.sid = gt_sid_hash(mark.provider, apr_table_get(x->query, "sid"), x->r->pool);
    GT_TRY(gt_sign_out_marked(&ended, &out, x->store, &mark, x->r->pool));
    answer_done(x);
    return GT_OK;
}

/* ---- by a call ---- */

static gt_err_t *look_at_call(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const char *token = apr_table_get(x->form, "logout_token");
    told_t *told = apr_pcalloc(x->r->pool, sizeof(*told));

    x->own = told;
    if (token == NULL || !*token)
        return missing(x, "logout_token");
    told->token.provider = x->provider;
    told->token.token = gt_secret_from(token, x->r->pool);
    gt_then(task, &gt_read_logout_token, &told->token);
    return GT_OK;
}

/* The owners of a token's person; sessions that began after the token are left, so that one that is
 * sent again, to any node, ends nothing new. */
static gt_err_t *end_of_person(gtm_request_t *x, const gt_sign_out_t *out,
                               const gt_logout_token_t *token)
{
    apr_array_header_t *owners;

    GT_TRY(gt_sessions_owners(&owners, x->store, x->owner.provider, token->subject, x->r->pool));
    for (int i = 0; i < owners->nelts; i++) {
        const gt_grant_key_t key = gt_grant_key(x->store, &APR_ARRAY_IDX(owners, i, gt_owner_t));
        int ended;

        GT_TRY(gt_sign_out_owner(&ended, out, &key, token->age, x->r->pool));
    }
    return GT_OK;
}

static gt_err_t *end_by_call(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const told_t *told = x->own;
    const gt_logout_token_t *token = &told->token;
    const gt_sign_out_t out = {x->child->vault, &x->asker, "provider"};
    gt_session_mark_t mark = {.provider = x->owner.provider};
    gt_cache_t *cache = gt_vault_parts(x->child->vault)->cache;
    int ended;

    (void)task;
    if (cache != NULL &&
        !gt_cache_once(cache, apr_pstrcat(x->r->pool, "jti ", mark.provider, " ", token->id, NULL),
                       SEEN_FOR))
        return gt_err(x->r->pool, GT_INVALID, "GT0898", "this logout token was used before");
    if (token->sid != NULL) {
        mark.sid = gt_sid_hash(mark.provider, token->sid, x->r->pool);
        GT_TRY(gt_sign_out_marked(&ended, &out, x->store, &mark, x->r->pool));
    }
    else
        GT_TRY(end_of_person(x, &out, token));
    answer_done(x);
    return GT_OK;
}

static gt_step_fn *const frame_steps[] = {look_at_frame, end_by_frame, NULL};
const gt_work_t gtm_front_channel = {"front-channel logout", frame_steps, NULL};

static gt_step_fn *const call_steps[] = {look_at_call, end_by_call, NULL};
const gt_work_t gtm_back_channel = {"back-channel logout", call_steps, NULL};
