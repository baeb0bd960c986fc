/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sign_in.c
 * A code becomes a grant: exchanged, the person verified, the row written, and then the token may
 * be served (mission A2). The row decides whether it is the same person; nothing is written for
 * another one, nor for a grant that was revoked since the sign-in began.
 *
 * From the moment when the code is sent there may be tokens, so all of it is a job of the child: a
 * browser that hangs up leaves it running. Tokens that nobody may have are given back.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/log.h"
#include "base/secret.h"
#include "crypt/seal.h"
#include "vault/discard.h"
#include "vault/flow/flows.h"
#include "vault/known.h"
#include "vault/pause.h"
#include "vault/publish.h"
#include "vault/vault_struct.h"

#define LATELY apr_time_from_sec(60)

/** The job's own state. */
typedef struct entry_t {
    gt_sign_in_t in;
    gt_flow_code_t code;
    gt_token_params_t params;
    gt_err_t *failure; /* of the exchange */
    gt_identify_t identify;
    gt_grant_t *grant; /* stored */
} entry_t;

static void *init(const void *asked, apr_pool_t *p)
{
    const gt_sign_in_t *in = asked;
    entry_t *entry = apr_pcalloc(p, sizeof(*entry));

    entry->in = *in;
    entry->in.user = apr_pstrdup(p, in->user);
    entry->in.asker = gt_asker_dup(in->asker, p);
    entry->in.code = gt_secret_dup(in->code, p);
    entry->in.verifier = gt_secret_dup(in->verifier, p);
    entry->in.redirect_uri = apr_pstrdup(p, in->redirect_uri);
    entry->in.nonce = apr_pstrdup(p, in->nonce);
    return entry;
}

/** Whom the code exchange concerns. Who signs in is not known before. */
static gt_pause_scope_t scope_of(const gt_sign_in_t *in)
{
    const gt_provider_conf_t *conf = gt_provider_conf(in->provider);

    return (gt_pause_scope_t){.provider = conf->name, .tenant = gt_provider_tenant(conf, NULL)};
}

static gt_err_t *exchange(gt_task_t *task, void *state)
{
    entry_t *entry = state;
    const gt_sign_in_t *in = &entry->in;
    const gt_pause_scope_t scope = scope_of(in);

    GT_TRY(gt_pause_check(in->vault->pauses, &scope, gt_task_pool(task)));
    entry->code = (gt_flow_code_t){in->code, in->verifier, in->redirect_uri};
    entry->params = (gt_token_params_t){
        .provider = in->provider,
        .flow = &gt_flow_authorization_code,
        .params = &entry->code,
    };
    gt_then_try(task, &gt_token_post, &entry->params, &entry->failure);
    return GT_OK;
}

static gt_err_t *identify(gt_task_t *task, void *state)
{
    entry_t *entry = state;
    const gt_sign_in_t *in = &entry->in;
    const gt_pause_scope_t scope = scope_of(in);

    if (entry->failure != GT_OK) {
        gt_pause_begin(in->vault->pauses, &scope, entry->failure);
        return entry->failure;
    }
    if (entry->params.tokens.id_token == NULL)
        return gt_err(gt_task_pool(task), GT_UPSTREAM, "GT0612",
                      "provider %s gave no id_token: nobody knows who signed in",
                      gt_provider_conf(in->provider)->name);
    entry->identify = (gt_identify_t){
        .provider = in->provider,
        .id_token = entry->params.tokens.id_token,
        .nonce = in->nonce,
    };
    gt_then(task, &gt_identify, &entry->identify);
    return GT_OK;
}

/* The limits' names: a class of our own in front. */
static const char *lately_name(const gt_grant_key_t *key, apr_pool_t *p)
{
    return apr_pstrcat(p, "signed in\n", key->store, "\n", key->owner.provider, "\n",
                       key->owner.user, NULL);
}

int gt_vault_signed_in_lately(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p)
{
    const char *name = lately_name(key, p);

    return vault->parts.limits != NULL &&
           gt_limit_held(vault->parts.limits, name, strlen(name)) > 0;
}

static void note_sign_in(const gt_sign_in_t *in, const gt_grant_key_t *key, apr_pool_t *p)
{
    const char *name = lately_name(key, p);

    if (in->vault->parts.limits != NULL)
        gt_limit_hold(in->vault->parts.limits, LATELY, name, strlen(name));
}

/** The new token is served. What was known of an old grant is forgotten first: a row that was revoked
 * since had later generations than this one. */
static void publish(const entry_t *entry, const gt_grant_key_t *grant, apr_pool_t *p)
{
    const gt_vault_t *vault = entry->in.vault;
    const gt_token_key_t key = {*grant, GT_RESOURCE_GRAPH};
    const gt_token_t token =
        gt_token_of_answer(vault, &entry->params.tokens, entry->grant->generation, NULL);

    gt_vault_forget(vault, grant, GT_ALL_GENERATIONS, p);
    gt_known_keep(vault, grant, entry->grant->id, p);
    gt_vault_publish(vault, &key, &token, p);
}

/** What went well is recorded before the browser learns of it: it opens the way to tokens. */
static gt_err_t *announce(const gt_sign_in_t *in, const char *user, const gt_err_t *err,
                          apr_pool_t *p)
{
    gt_notice_t notice = {.kind = GT_NOTICE_SIGN_IN,
                          .store = gt_store_name(in->store),
                          .provider = gt_provider_conf(in->provider)->name,
                          .user = user,
                          .asker = in->asker,
                          .err = err};

    if (err == GT_OK)
        return gt_notice_before(&notice, p);
    gt_notice(&notice);
    return GT_OK;
}

static gt_err_t *store(gt_task_t *task, void *state)
{
    entry_t *entry = state;
    const gt_sign_in_t *in = &entry->in;
    const gt_identity_t *identity = &entry->identify.identity;
    apr_pool_t *p = gt_task_pool(task);
    const char *name = gt_provider_conf(in->provider)->name;
    gt_owner_t owner = {in->user, name};
    gt_grant_key_t key;

    if (owner.user == NULL || owner.user[0] == '\0')
        owner.user = gt_identity_user(identity, p);
    GT_TRY(gt_grant_sign_in(&entry->grant, in->store, &owner, identity, &entry->params.tokens, p));
    key = gt_grant_key(in->store, &entry->grant->owner);
    publish(entry, &key, p);
    note_sign_in(in, &key, p);
    if (entry->params.tokens.refresh == NULL)
        gt_log(GT_LOG_WARNING, "GT0611",
               "provider %s gave no refresh token to user %s: is offline_access in GraphTokScope?",
               name, owner.user);
    return announce(in, owner.user, GT_OK, p);
}

/** Tokens that came and may not be stored: of another person, of nobody known, or revoked meanwhile.
 * What only we could not do is no reason to end what the user has elsewhere. */
static void give_back(const entry_t *entry, const gt_err_t *err, apr_pool_t *p)
{
    const gt_tokens_t *tokens = &entry->params.tokens;
    const gt_secret_t *token = tokens->refresh != NULL ? tokens->refresh : tokens->access;

    if (err->cls == GT_CONFLICT || err->cls == GT_REFUSED || tokens->id_token == NULL)
        gt_discard(entry->in.vault, entry->in.provider, token, p);
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const entry_t *entry = state;

    if (err == GT_OK || entry->grant != NULL)
        return;
    give_back(entry, err, gt_task_pool(task));
    (void)!announce(&entry->in, entry->in.user, err, gt_task_pool(task));
}

static gt_step_fn *const job_steps[] = {exchange, identify, store, NULL};
static const gt_work_t job_work = {"sign in", job_steps, finish};

/* ---- the request ---- */

static gt_err_t *join(gt_task_t *task, void *state)
{
    gt_sign_in_t *in = state;
    /* The nonce is this sign-in's alone: no other job has it. */
    const gt_flight_params_t flight = {apr_pstrcat(gt_task_pool(task), "sign in ", in->nonce, NULL),
                                       &job_work, init, in};

    in->grant = NULL;
    return gt_crew_join(&in->flight, task, in->vault->parts.crew, &flight);
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_sign_in_t *in = state;
    const entry_t *entry = gt_flight_state(in->flight);

    if (gt_flight_error(in->flight) != GT_OK)
        return gt_err_dup(gt_flight_error(in->flight), gt_task_pool(task));
    in->grant = entry->grant;
    in->identity = entry->identify.identity;
    return GT_OK;
}

static gt_step_fn *const sign_in_steps[] = {join, take, NULL};
const gt_work_t gt_sign_in = {"sign in", sign_in_steps, NULL};
