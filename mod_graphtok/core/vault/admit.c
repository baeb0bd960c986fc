/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file admit.c
 * Tokens become a grant: the person is verified, the row written, and only then may the token be
 * served. The row decides whether it is the same person; nothing is written for
 * another one, nor for a grant that was revoked since the tokens were asked for. Tokens that are
 * not admitted are given back.
 */

#include "vault/admit.h"

#include <string.h>

#include <apr_strings.h>

#include "base/log.h"
#include "base/secret.h"
#include "crypt/seal.h"
#include "oauth/kind.h"
#include "vault/admit_mail.h"
#include "vault/discard.h"
#include "vault/publish.h"
#include "vault/history.h"
#include "vault/vault_struct.h"

#define LATELY apr_time_from_sec(60)

static gt_err_t *identify(gt_task_t *task, void *state)
{
    gt_admit_t *admit = state;

    admit->grant = NULL;
    admit->at_tenant = NULL;
    admit->needs_consent = 0;
    if (admit->tokens->id_token == NULL)
        return gt_err(gt_task_pool(task), GT_UPSTREAM, "GT0612",
                      "provider %s gave no id_token, which says who signed in",
                      admit->key.owner.provider);
    admit->identify = (gt_identify_t){
        .provider = gt_vault_provider(admit->vault, admit->key.owner.provider),
        .id_token = admit->tokens->id_token,
        .access = admit->tokens->access,
        .nonce = admit->nonce,
        .tenant = admit->tenant,
    };
    gt_then(task, &gt_identify, &admit->identify);
    return GT_OK;
}

/** Refresh tokens are bound to the registration that got them, and a grant is refreshed by the one
 * of its tenant: a tenant with a registration to itself signs in by that. */
static gt_err_t *check_registration(gt_task_t *task, void *state)
{
    gt_admit_t *admit = state;
    const char *home = admit->identify.identity.tenant;
    const gt_provider_conf_t *conf =
        gt_provider_conf(gt_vault_provider(admit->vault, admit->key.owner.provider));
    const gt_tenant_client_t *own = gt_provider_conf_client(conf, home);

    if (own == gt_provider_conf_client(conf, admit->tenant))
        return GT_OK;
    admit->at_tenant = home;
    return gt_err(gt_task_pool(task), GT_FORBIDDEN, "GT0633",
                  "accounts of tenant %s sign in by the registration that it has to itself "
                  "(GraphTokTenantClient)",
                  home);
}

static gt_owner_t owner_of(const gt_admit_t *admit, apr_pool_t *p)
{
    gt_owner_t owner = admit->key.owner;

    if (owner.user == NULL || owner.user[0] == '\0')
        owner.user = gt_identity_user(&admit->identify.identity, p);
    return owner;
}

/** A refresh token that is kept serves on, unless it was refused. A row that cannot be opened has
 * none. */
static gt_err_t *find_refresh(int *has_one, const gt_admit_t *admit, apr_pool_t *p)
{
    const gt_owner_t owner = owner_of(admit, p);
    gt_grant_t *grant = NULL;
    gt_err_t *err =
        gt_grant_find(&grant, gt_vault_store(admit->vault, admit->key.store), &owner, p);

    *has_one =
        err == GT_OK && grant != NULL && grant->status != GT_INACTIVE && grant->refresh != NULL;
    return err != GT_OK && err->cls == GT_DAMAGED ? GT_OK : err;
}

/** Where a refresh token comes with a consent alone, and none is kept, the tokens that came are no
 * use after an hour. */
static gt_err_t *check_consent(gt_task_t *task, void *state)
{
    gt_admit_t *admit = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_provider_conf_t *conf =
        gt_provider_conf(gt_vault_provider(admit->vault, admit->key.owner.provider));
    int has_one;

    if (admit->tokens->refresh != NULL || !admit->may_ask_again ||
        !gt_provider_kind(conf)->consents_for_refresh)
        return GT_OK;
    GT_TRY(find_refresh(&has_one, admit, p));
    admit->needs_consent = !has_one;
    return has_one ? GT_OK : gt_provider_wants_consent(conf, p);
}

/* ---- what a sign-in leaves in shared memory ---- */

/** The name of a note among the limits; its first words keep it apart from theirs. */
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

static void note_sign_in(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p)
{
    const char *name = lately_name(key, p);

    if (vault->parts.limits != NULL)
        gt_limit_hold(vault->parts.limits, LATELY, name, strlen(name));
}

/** The new token is served. The cache forgets the old grant first: a row that was revoked since had
 * later generations than this one. */
static void publish(const gt_admit_t *admit, apr_pool_t *p)
{
    const gt_vault_t *vault = admit->vault;
    const gt_token_key_t key = {admit->key, GT_RESOURCE_GRAPH};
    const gt_token_t token =
        gt_token_of_answer(vault, admit->tokens, admit->grant->generation, NULL);

    gt_vault_forget(vault, &admit->key, GT_ALL_GENERATIONS, p);
    gt_vault_publish(vault, &key, &token, p);
    note_sign_in(vault, &admit->key, p);
}

/* ---- the row ---- */

static gt_err_t *store(gt_task_t *task, void *state)
{
    gt_admit_t *admit = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_owner_t owner = owner_of(admit, p);
    gt_grant_t *grant;

    GT_TRY(gt_grant_sign_in(&grant, gt_vault_store(admit->vault, admit->key.store), &owner,
                            &admit->identify.identity, admit->tokens, p));
    admit->grant = grant;
    admit->key.owner = grant->owner;
    publish(admit, p);
    if (admit->tokens->refresh == NULL && grant->refresh == NULL)
        gt_log(GT_LOG_WARNING, "GT0611",
               "provider %s gave no refresh token to user %s: is offline_access in GraphTokScope?",
               owner.provider, owner.user);
    return GT_OK;
}

/** The sign-in is recorded before the browser learns of it: it opens the way to tokens. */
static gt_err_t *announce(gt_task_t *task, void *state)
{
    const gt_admit_t *admit = state;
    const gt_notice_t notice = {.kind = GT_NOTICE_SIGN_IN,
                                .store = admit->key.store,
                                .provider = admit->key.owner.provider,
                                .user = admit->key.owner.user,
                                .asker = admit->asker};

    GT_TRY(gt_notice_before(&notice, gt_task_pool(task)));
    gt_history_note(gt_vault_store(admit->vault, admit->key.store), &notice, gt_task_pool(task));
    return GT_OK;
}

/** After all that can fail: an account is of use without the browser's knowing, too. */
static gt_err_t *make_account(gt_task_t *task, void *state)
{
    gt_admit_mail(state, gt_task_pool(task));
    return GT_OK;
}

/** Tokens that came and may not be stored: of another person, of one that is not known, or revoked
 * meanwhile. After a failure of ours alone the provider is not asked to revoke them: that could end
 * what the user has elsewhere. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_admit_t *admit = state;
    const gt_tokens_t *tokens = admit->tokens;
    const gt_secret_t *token = tokens->refresh != NULL ? tokens->refresh : tokens->access;

    if (err == GT_OK || admit->grant != NULL)
        return;
    if (err->cls == GT_CONFLICT || err->cls == GT_REFUSED || tokens->id_token == NULL)
        gt_discard(admit->vault, gt_vault_provider(admit->vault, admit->key.owner.provider), token,
                   gt_task_pool(task));
}

static gt_step_fn *const steps[] = {identify, check_registration, check_consent, store,
                                    announce, make_account,       NULL};
const gt_work_t gt_admit = {"admit", steps, finish};
