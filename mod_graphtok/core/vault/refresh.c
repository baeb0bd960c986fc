/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh.c
 * One refresh, as a job of the child: lease, POST, commit, and only then the token for those
 * that wait. It does not end with the request that asked for it. Its steps:
 *
 *     lease    the row is read anew, since another refresh may have been first, and then there is
 *              nothing to do. This node's journal may hold an answer for this very generation: that
 *              is stored, and the provider is not asked. The lease is taken with the intent, by one
 *              UPDATE, for
 *              this generation; where another refresh has it, this one waits for news of the row.
 *              After taking it over from a dead holder the journal is read once more
 *     post     no connection to the database is held meanwhile
 *     confirm  a refusal counts when it is said twice
 *     fall back  an account whose refresh token is refused has a password (vault/by_password.h)
 *     verdict  by generation: a loser's failure says nothing about the winner's token
 *     commit   by generation, not by lease: a rotated token is worth more than a lease. If the
 *              database is away, the answer goes to the journal, and only then to those that wait
 *
 * A step that has a token leaves it in `token` and ends the refresh (gt_done). One value,
 * gt_refresh_holds_t, says at any moment which things the refresh holds; its end releases them.
 *
 * When the POST may have arrived and its outcome is not known, the lease is kept until it ends, and
 * requests in the meantime are told so. A provider that rotates takes the same token sent twice for
 * theft and revokes the whole grant.
 */

#include "vault/refresh.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "oauth/resource.h"
#include "vault/by_password.h"
#include "vault/discard.h"
#include "vault/flow/flows.h"
#include "vault/publish.h"
#include "vault/refresh_steps.h"
#include "vault/history.h"
#include "vault/vault_struct.h"

#define STORE_FIRST apr_time_from_msec(100)
#define STORE_LAST apr_time_from_sec(2)
#define STORE_PATIENCE apr_time_from_sec(1) /* where there is a journal */

void *gt_refresh_init(const void *params, apr_pool_t *p)
{
    static volatile apr_uint32_t jobs;
    const gt_refresh_params_t *from = params;
    gt_refresh_t *r = apr_pcalloc(p, sizeof(*r));

    r->params = *from;
    r->params.key = gt_token_key_dup(&from->key, p);
    r->config = from->vault->parts.config;
    r->renewing = &gt_renewing_refresh_token;
    r->owner = &r->params.key.grant.owner;
    r->store = gt_vault_store(from->vault, from->key.grant.store);
    r->params.asker = gt_asker_dup(from->asker, p);
    r->account = gt_vault_account(from->vault, &r->params.key.grant);
    if (r->account != NULL && r->account->scope != NULL)
        r->scope = gt_scopes_of_resource(
            r->account->scope, r->params.key.resource,
            gt_provider_conf(gt_vault_provider(from->vault, r->owner->provider)), p);
    /* The holder is the job, not the child: two jobs of one child must not share a lease. */
    r->holder = apr_psprintf(p, "%s/%u", from->vault->parts.holder, apr_atomic_inc32(&jobs));
    return r;
}

static gt_notice_t notice_of(const gt_refresh_t *r, gt_notice_kind_t kind, const char *detail,
                             const gt_err_t *err)
{
    return (gt_notice_t){.kind = kind,
                         .store = r->params.key.grant.store,
                         .provider = r->owner->provider,
                         .user = r->owner->user,
                         .asker = r->params.asker,
                         .err = err,
                         .detail = detail,
                         .took = r->posted != 0 ? gt_ticks() - r->posted : 0};
}

void gt_refresh_announce_wait(const gt_refresh_t *r)
{
    const gt_notice_t notice = notice_of(r, GT_NOTICE_LEASE_WAIT, NULL, GT_OK);

    gt_notice(&notice);
}

/** 1 when the end of the refresh belongs in the grant's history: it changed the grant's state, or
 * an administrator wanted it. */
static int is_memorable(const gt_refresh_t *r, const gt_err_t *err)
{
    if (r->params.asker != NULL && r->params.asker->administrator != NULL)
        return 1;
    if (err != GT_OK)
        return r->is_noted;
    return r->grant->status != GT_ACTIVE || r->grant->error_count > 0 ||
           r->post.flow == &gt_flow_password;
}

static void announce(const gt_refresh_t *r, const char *detail, const gt_err_t *err, apr_pool_t *p)
{
    const gt_notice_t notice = notice_of(r, GT_NOTICE_REFRESH, detail, err);

    gt_notice(&notice);
    if (is_memorable(r, err))
        gt_history_note(r->store, &notice, p);
}

int gt_refresh_is_ending(const gt_refresh_t *r)
{
    return atomic_load(&r->params.vault->is_ending);
}

gt_err_t *gt_refresh_given_up(apr_pool_t *p)
{
    return gt_err(p, GT_CANCELLED, "GT0624", "this process ends, and the refresh had not begun");
}

gt_err_t *gt_refresh_overtaken(const gt_refresh_t *r, apr_pool_t *p)
{
    return gt_err(p, GT_CONFLICT, "GT0607",
                  "the grant of user %s at %s changed while it was refreshed; ask again",
                  r->owner->user, r->owner->provider);
}

gt_pause_scope_t gt_refresh_scope(const gt_refresh_t *r)
{
    const gt_provider_t *provider = gt_vault_provider(r->params.vault, r->owner->provider);

    return (gt_pause_scope_t){
        .provider = r->owner->provider,
        .tenant = gt_provider_tenant(gt_provider_conf(provider), r->grant->account.tenant)};
}

/* ---- the row ---- */

int gt_refresh_may_use(const gt_refresh_t *r, apr_int64_t generation)
{
    return !r->params.refresh_now || generation > r->params.refused;
}

void gt_refresh_use_row(gt_refresh_t *r, apr_interval_time_t least)
{
    gt_token_t token = gt_token_of_grant(r->params.vault, r->grant);

    if (r->grant->status != GT_INACTIVE && gt_refresh_may_use(r, token.generation) &&
        gt_token_lasts(&token, least == GT_OWN_MARGIN ? token.margin : least))
        r->token = token;
}

gt_err_t *gt_refresh_look(gt_refresh_t *r, gt_task_t *task)
{
    apr_pool_t *p = gt_task_pool(task);

    if (r->round == NULL)
        apr_pool_create(&r->round, p);
    else
        apr_pool_clear(r->round);
    r->grant = NULL;
    GT_TRY(
        gt_vault_find(&r->grant, r->params.vault, &r->params.key, r->params.refresh_now, r->round));
    GT_TRY(gt_vault_judge(r->grant, &r->params.key.grant, r->params.vault, p));
    gt_refresh_use_row(r, GT_OWN_MARGIN);
    return r->token.access == NULL && gt_refresh_needs_password(r) ? gt_password_may_try(r, p)
                                                                   : GT_OK;
}

static gt_err_t *prepare(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->account != NULL)
        gt_then(task, &gt_read_password, r);
    return GT_OK;
}

/* ---- post ---- */

int gt_refresh_needs_password(const gt_refresh_t *r)
{
    return r->account != NULL &&
           (r->params.anew || r->grant->status != GT_ACTIVE || r->grant->refresh == NULL);
}

void gt_refresh_send(gt_refresh_t *r, gt_task_t *task)
{
    r->post = (gt_token_params_t){
        .provider = gt_vault_provider(r->params.vault, r->owner->provider),
        .flow = r->renewing->flow,
        .params = r->renewing->params(r->grant),
        .resource = r->params.key.resource,
        .scope = r->scope,
        .tenant = r->grant->account.tenant,
        .claims = r->grant->claims,
        .declares = strcmp(r->params.key.resource, GT_RESOURCE_GRAPH) == 0,
        .trace = gt_asker_trace(r->params.asker),
    };
    r->holds = GT_HOLDS_INTENT;
    r->posted = gt_ticks();
    gt_then_try(task, &gt_token_post, &r->post, &r->failure);
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (gt_refresh_is_ending(r))
        return gt_refresh_given_up(gt_task_pool(task));
    if (gt_refresh_needs_password(r))
        gt_then(task, &gt_by_password, r);
    else
        gt_refresh_send(r, task);
    return GT_OK;
}

/* ---- commit ---- */

static gt_err_t *not_stored(gt_refresh_t *r, gt_task_t *task)
{
    gt_provider_t *provider = gt_vault_provider(r->params.vault, r->owner->provider);
    gt_err_t *err;

    gt_log(GT_LOG_INFO, NULL,
           "refresh of user %s at %s: the grant was revoked or signed in anew meanwhile; the "
           "result is dropped",
           r->owner->user, r->owner->provider);
    err = gt_refresh_look(r, task);
    if (err != GT_OK && err->cls == GT_SIGN_IN && r->grant == NULL)
        gt_discard(r->params.vault, provider, r->post.tokens.refresh, gt_task_pool(task));
    GT_TRY(err);
    if (r->token.access == NULL)
        gt_refresh_use_row(r, GT_TOKEN_LEAST);
    return r->token.access != NULL ? GT_OK : gt_refresh_overtaken(r, gt_task_pool(task));
}

static void publish(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_tokens_t *tokens = &r->post.tokens;
    gt_vault_t *vault = r->params.vault;

    r->token = gt_token_of_answer(vault, tokens, r->grant->generation + 1, r->grant->scope);
    gt_vault_publish(vault, &r->params.key, &r->token, p);
    announce(r,
             r->post.flow == &gt_flow_password ? "acquired by password"
             : tokens->refresh != NULL         ? "refresh token rotated"
                                               : "refresh token kept",
             GT_OK, p);
    (void)gt_fail("refresh.published");
}

/** The answer is stored, so its token may be used. Without an access token that can be used the
 * provider is asked again later, with the refresh token that came. */
static gt_err_t *hand_out(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_failure_key_t key = {&r->params.key, r->grant->generation + 1};
    gt_err_t *err = gt_tokens_usable(&r->post.tokens, p);

    if (err == GT_OK)
        publish(r, p);
    else
        gt_failures_back_off(r->params.vault->failures, &key, err);
    return err;
}

/** The answer is safe on this node's disk: it may be used. The lease and the intent stay in the
 * row, so that other nodes wait for the replay. */
static gt_err_t *to_journal(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_entry_t entry =
        gt_journal_entry(r->store, &r->params.key, r->grant->generation, &r->post.tokens, p);

    (void)gt_fail("refresh.journal");
    GT_TRY(gt_journal_put(r->params.vault->parts.journal, &entry, gt_store_ring(r->store), p));
    (void)gt_fail("refresh.journaled");
    r->holds = GT_HOLDS_NOTHING;
    gt_log(GT_LOG_WARNING, "GT0621",
           "the database is away: the new refresh token of user %s at %s waits in the journal",
           r->owner->user, r->owner->provider);
    return GT_OK;
}

/** Try the journal; where it takes nothing the database is tried for a whole lease. */
static int keep_in_journal(gt_refresh_t *r, apr_pool_t *p)
{
    gt_err_t *err = to_journal(r, p);

    if (err == GT_OK)
        return 1;
    gt_log_err(err, "keeping a new refresh token while the database is away");
    r->holds = GT_HOLDS_UNWRITTEN;
    r->store_until = gt_ticks() + r->config->lease;
    return 0;
}

/** The POST went well: from now on the answer exists here alone. */
static void hold_answer(gt_refresh_t *r)
{
    int has_journal = r->params.vault->parts.journal != NULL;

    r->holds = has_journal ? GT_HOLDS_ANSWER : GT_HOLDS_UNWRITTEN;
    r->store_until = gt_ticks() + (has_journal ? STORE_PATIENCE : r->config->lease);
    (void)gt_fail("refresh.answer");
}

/** The database does not take it: again for a moment, then the journal; without one (or when it is
 * full) again for a whole lease. */
static gt_err_t *not_taken(gt_refresh_t *r, gt_task_t *task, gt_err_t *err)
{
    if (!gt_class_row(err->cls)->may_retry)
        return err;
    if ((gt_ticks() >= r->store_until || gt_refresh_is_ending(r)) && r->holds == GT_HOLDS_ANSWER &&
        keep_in_journal(r, gt_task_pool(task)))
        return hand_out(r, gt_task_pool(task));
    if (gt_ticks() >= r->store_until)
        return err;
    gt_again_at(task, gt_ticks() + gt_backoff(r->commits++, STORE_FIRST, STORE_LAST));
    return GT_OK;
}

static gt_err_t *commit(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;
    int stored;

    if (r->holds == GT_HOLDS_INTENT)
        hold_answer(r);
    /* A statement that waits in vain would put the token at risk for seconds. */
    if (r->holds == GT_HOLDS_ANSWER && gt_db_is_stuck(gt_store_db(r->store)) &&
        keep_in_journal(r, p))
        return hand_out(r, p);
    err = gt_grant_commit(&stored, r->store, r->grant, &r->post.tokens, p);
    if (err != GT_OK)
        return not_taken(r, task, err);
    (void)gt_fail("refresh.stored");
    r->holds = stored ? GT_HOLDS_NOTHING : GT_HOLDS_LEASE;
    if (!stored)
        return not_stored(r, task);
    return hand_out(r, p);
}

/* ---- the end ---- */

/** The job ends with an answer that is not stored: the child ends, or the database has refused
 * it. */
static void save_answer(gt_refresh_t *r, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    if (r->holds < GT_HOLDS_ANSWER)
        return;
    if (r->params.vault->parts.journal != NULL)
        err = to_journal(r, p);
    if (err != GT_OK)
        gt_log_err(err, "keeping a new refresh token that could not be stored");
    if (r->holds < GT_HOLDS_ANSWER)
        return;
    gt_log(GT_LOG_ERROR, "GT0608",
           "a new refresh token of user %s at %s could not be stored; if the old one does not "
           "work any more, this user must sign in again",
           r->owner->user, r->owner->provider);
}

static void end_lease(gt_refresh_t *r, apr_pool_t *p)
{
    int is_open = r->holds > GT_HOLDS_LEASE;
    gt_err_t *err;

    if (r->holds < GT_HOLDS_LEASE)
        return;
    if (is_open) {
        gt_log(GT_LOG_WARNING, "GT0606",
               "what became of a refresh of user %s at %s is not known; it is not repeated before "
               "its lease (%s) ends, since a token sent twice could revoke the grant",
               r->owner->user, r->owner->provider, gt_span_text(r->config->lease, p));
    }
    err = gt_lease_end(r->store, &r->held, r->holder, is_open, p);
    if (err != GT_OK && !gt_give_back_later(r, is_open, err))
        gt_log_err(err, "giving back a lease, which ends by itself");
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);

    gt_refresh_leave_waiters(r);
    save_answer(r, p);
    end_lease(r, p);
    if (err == GT_OK)
        return;
    announce(r, NULL, err, p);
    gt_log_err(err, apr_psprintf(p, "refresh in store %s of user %s at %s",
                                 r->params.key.grant.store, r->owner->user, r->owner->provider));
}

static gt_step_fn *const refresh_steps[] = {prepare,
                                            gt_refresh_lease,
                                            post,
                                            gt_refresh_confirm,
                                            gt_refresh_fall_back,
                                            gt_refresh_verdict,
                                            commit,
                                            NULL};
const gt_work_t gt_refresh = {"refresh", refresh_steps, finish};
