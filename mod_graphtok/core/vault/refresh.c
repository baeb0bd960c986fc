/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh.c
 * One refresh, as a job of the child: lease, POST, commit, and only then the token for anybody.
 * It does not end with the request that asked for it.
 *
 *     row      read anew: somebody may have been first, and then there is nothing to do
 *     journal  this node's may hold an answer for this very generation: that is stored, not asked for
 *     lease    with the intent, one UPDATE, for this generation; not ours: wait for news of the row;
 *              taken over from somebody: the journal once more
 *     POST     no connection to the database is held meanwhile
 *     commit   by generation, not by lease: a rotated token is worth more than a lease; the database
 *              being away, the answer goes to the journal, and only then to whoever waits
 *     verdict  by generation as well: a loser's failure says nothing about the winner's token; a
 *              refusal counts when it is said twice
 *
 * When the POST may have arrived and nobody knows what it did, the lease is kept until it ends, and
 * whoever asks meanwhile is told so. A provider that rotates takes the same token sent twice for
 * theft and revokes the whole grant.
 */

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "vault/discard.h"
#include "vault/holder.h"
#include "vault/members.h"
#include "vault/pause.h"
#include "vault/publish.h"
#include "vault/refresh.h"
#include "vault/replay.h"

#define LEASE_SLACK apr_time_from_sec(2) /* leases count whole seconds of another clock */
#define STORE_FIRST apr_time_from_msec(100)
#define STORE_LAST apr_time_from_sec(2)
#define STORE_PATIENCE apr_time_from_sec(1) /* where there is a journal */
#define CONFIRM_AFTER apr_time_from_sec(1)  /* a refusal is asked for once more */
#define FAILURE_LONGEST apr_time_from_sec(300)
#define MARGIN (-1) /* of the token itself */

static const gt_config_t *config_of(const gt_refresh_t *r)
{
    return r->ask.vault->parts.config;
}

static const gt_owner_t *owner_of(const gt_refresh_t *r)
{
    return &r->ask.key.grant.owner;
}

void *gt_refresh_init(const void *ask, apr_pool_t *p)
{
    static volatile apr_uint32_t jobs;
    const gt_refresh_ask_t *from = ask;
    gt_refresh_t *r = apr_pcalloc(p, sizeof(*r));

    r->ask = *from;
    r->ask.key = gt_token_key_dup(&from->key, p);
    r->store = gt_vault_store(from->vault, from->key.grant.store);
    r->ask.asker = gt_asker_dup(from->asker, p);
    /* The holder is the job, not the child: two jobs of one child must not share a lease. */
    r->holder = apr_psprintf(p, "%s/%u", from->vault->parts.holder, apr_atomic_inc32(&jobs));
    r->until = gt_ticks() + from->vault->parts.config->lease + LEASE_SLACK;
    return r;
}

static void announce(const gt_refresh_t *r, gt_event_kind_t kind, const char *detail,
                     const gt_err_t *err)
{
    gt_event(&(gt_event_t){.kind = kind,
                           .store = r->ask.key.grant.store,
                           .provider = owner_of(r)->provider,
                           .user = owner_of(r)->user,
                           .asker = r->ask.asker,
                           .err = err,
                           .detail = detail,
                           .took = r->posted != 0 ? gt_ticks() - r->posted : 0});
}

/* ---- row and lease ---- */

/** 1 when the API did not refuse the token of this generation. */
static int is_allowed(const gt_refresh_t *r, apr_int64_t generation)
{
    return !r->ask.refresh_now || generation > r->ask.refused;
}

/** Make the row's token the result when it serves for `least` µs; MARGIN: when it need not be
 * refreshed. */
static void use_row(gt_refresh_t *r, apr_interval_time_t least)
{
    gt_token_t token = gt_token_of_grant(r->ask.vault, r->grant);

    if (is_allowed(r, token.generation) &&
        gt_token_lasts(&token, least == MARGIN ? token.margin : least))
        r->token = token;
}

/** Read the row anew; when it needs no refresh (any more) its token is the result. */
static gt_err_t *look(gt_refresh_t *r, gt_task_t *task)
{
    apr_pool_t *p = gt_task_pool(task);

    if (r->round == NULL)
        apr_pool_create(&r->round, p);
    else
        apr_pool_clear(r->round);
    r->grant = NULL;
    GT_TRY(gt_grant_find(&r->grant, r->store, owner_of(r), r->round));
    GT_TRY(gt_vault_judge(r->grant, owner_of(r), p));
    use_row(r, MARGIN);
    return GT_OK;
}

/** A winner on this machine has put its token into the shared cache; while the database is away
 * there is no other place to find it. */
static void look_into_cache(gt_refresh_t *r, apr_pool_t *p)
{
    gt_token_t cached;

    if (r->waiter.key.resource == NULL ||
        !gt_cache_get(&cached, r->ask.vault->parts.cache, &r->ask.key, p))
        return;
    if (cached.generation > r->waiter.generation && is_allowed(r, cached.generation) &&
        gt_token_lasts(&cached, GT_TOKEN_LEAST))
        r->token = cached;
}

/** An answer for this grant that another process of this node could not store. While it is not known
 * whether there is one, or it cannot be stored, the token of before is not sent. An entry that cannot
 * be read is no reason to stop: it was told of elsewhere. */
static gt_err_t *look_into_journal(gt_refresh_t *r, gt_task_t *task)
{
    gt_err_t *err;
    int count;

    err = gt_replay_owner(&count, r->ask.vault, &r->ask.key.grant, r->round);
    if (err != GT_OK)
        return gt_err_dup(err, gt_task_pool(task));
    return count > 0 ? look(r, task) : GT_OK;
}

/** 1 when a POST of this generation has an outcome that nobody will learn. */
static int is_resting(const gt_refresh_t *r)
{
    return r->grant->lease_owner != NULL && r->grant->intent_owner == NULL;
}

/** Another refresh has the lease. Waiting is useless when its holder has given up. */
static gt_err_t *check_resting(gt_refresh_t *r, gt_task_t *task)
{
    apr_interval_time_t left;
    gt_err_t *err;

    if (!is_resting(r))
        return GT_OK;
    /* It may have ended, and been taken, between our look and our try. */
    GT_TRY(look(r, task));
    if (r->token.access != NULL || !is_resting(r))
        return GT_OK;
    left = r->grant->lease_until - gt_now();
    err =
        gt_err(gt_task_pool(task), GT_TIMEOUT, "GT0614",
               "what became of the last refresh is not known; it is not repeated at once, since a "
               "token sent twice could revoke the grant");
    err->retry_after = left < APR_USEC_PER_SEC      ? APR_USEC_PER_SEC
                       : left > config_of(r)->lease ? config_of(r)->lease
                                                    : left;
    return err;
}

static void leave_watch(gt_refresh_t *r)
{
    if (r->is_waiting)
        gt_waiters_leave(r->ask.vault->waiters, &r->waiter);
    r->is_waiting = 0;
}

/** Until there is news of the row, or patience ends. */
static gt_err_t *wait_for_winner(gt_refresh_t *r, gt_task_t *task)
{
    gt_err_t *err;

    if (gt_ticks() >= r->until) {
        err = gt_err(gt_task_pool(task), GT_TIMEOUT, "GT0605",
                     "somebody else has been refreshing this token for too long");
        err->retry_after = APR_USEC_PER_SEC;
        return err;
    }
    if (r->waiter.key.resource == NULL)
        announce(r, GT_EV_LEASE_WAIT, NULL, GT_OK);
    r->waiter.key = r->ask.key;
    r->waiter.generation = r->grant->generation;
    gt_waiters_join(r->ask.vault->waiters, &r->waiter);
    r->is_waiting = 1;
    gt_again_on_bell(task, &r->waiter.bell, r->until);
    return GT_OK;
}

static gt_err_t *try_lease(gt_refresh_t *r)
{
    const char *intent = r->grant->intent_owner;
    gt_lease_ask_t ask = {r->holder, config_of(r)->lease, NULL};

    r->held.owner = *owner_of(r);
    r->held.generation = r->grant->generation;
    if (intent != NULL && gt_holder_is_dead(intent, r->holder, r->round))
        ask.dead = intent;
    GT_TRY(gt_lease_take(&r->has_lease, r->store, r->grant, &ask, r->round));
    if (r->has_lease || intent == NULL)
        return GT_OK;
    return gt_lease_doubt(r->store, r->grant, config_of(r)->lease, r->round);
}

/** The lease is ours, perhaps taken over from a holder that has died or is cut off. That holder may
 * have put its answer into the journal after our look there, and can do so no more: look there
 * again. */
static gt_err_t *check_inheritance(gt_refresh_t *r, gt_task_t *task)
{
    apr_int64_t generation = r->grant->generation;

    if (r->grant->intent_owner == NULL)
        return GT_OK;
    GT_TRY(look_into_journal(r, task));
    if (r->grant->generation == generation)
        return GT_OK;
    r->has_lease = 0; /* it was of the generation before */
    if (r->token.access == NULL)
        gt_again_at(task, gt_ticks());
    return GT_OK;
}

/** Whom the POST concerns, besides this grant. */
static gt_pause_scope_t scope_of(const gt_refresh_t *r)
{
    const gt_provider_t *provider = gt_vault_provider(r->ask.vault, owner_of(r)->provider);

    return (gt_pause_scope_t){owner_of(r)->provider, gt_provider_tenant(gt_provider_conf(provider),
                                                                        r->grant->account.tenant)};
}

static int is_ending(const gt_refresh_t *r)
{
    return atomic_load(&r->ask.vault->is_ending);
}

/** The process ends: its callers are gone, and the refresh token was not sent. */
static gt_err_t *given_up(apr_pool_t *p)
{
    return gt_err(p, GT_CANCELLED, "GT0624", "this process ends, and the refresh had not begun");
}

static gt_err_t *take_lease(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    gt_pause_scope_t scope;

    leave_watch(r);
    if (is_ending(r))
        return given_up(gt_task_pool(task));
    look_into_cache(r, gt_task_pool(task));
    if (r->token.access != NULL)
        return GT_OK;
    GT_TRY(look(r, task));
    if (r->token.access == NULL)
        GT_TRY(look_into_journal(r, task));
    if (r->token.access != NULL)
        return GT_OK;
    scope = scope_of(r);
    GT_TRY(gt_pause_check(r->ask.vault, &scope, gt_task_pool(task)));
    GT_TRY(try_lease(r));
    if (r->has_lease) {
        (void)gt_fail("refresh.lease");
        return check_inheritance(r, task);
    }
    use_row(r, GT_TOKEN_LEAST);
    if (r->token.access == NULL)
        GT_TRY(check_resting(r, task));
    return r->token.access != NULL ? GT_OK : wait_for_winner(r, task);
}

static void post(gt_refresh_t *r, gt_task_t *task)
{
    r->post = (gt_token_ask_t){
        .provider = gt_vault_provider(r->ask.vault, owner_of(r)->provider),
        .grant_type = "refresh_token",
        .refresh = r->grant->refresh,
    };
    r->is_open = 1;
    r->posted = gt_ticks();
    gt_then_try(task, &gt_token_post, &r->post, &r->failure);
}

static gt_err_t *spend(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->token.access != NULL)
        return GT_OK;
    if (is_ending(r))
        return given_up(gt_task_pool(task));
    post(r, task);
    return GT_OK;
}

/* ---- it was refused ---- */

static gt_err_t *changed_meanwhile(const gt_refresh_t *r, apr_pool_t *p)
{
    return gt_err(p, GT_CONFLICT, "GT0607",
                  "the grant of user %s at %s changed while it was refreshed; ask again",
                  owner_of(r)->user, owner_of(r)->provider);
}

/** The row as it is now, when it is still the one whose token was refused; our lease goes on. */
static gt_err_t *look_again(gt_refresh_t *r, gt_task_t *task)
{
    apr_int64_t generation = r->grant->generation;
    const gt_lease_ask_t ask = {r->holder, config_of(r)->lease, NULL};

    GT_TRY(look(r, task));
    if (r->token.access != NULL)
        return GT_OK;
    if (r->grant->generation == generation)
        GT_TRY(gt_lease_renew(&r->has_lease, r->store, r->grant, &ask, r->round));
    if (r->grant->generation == generation && r->has_lease)
        return GT_OK;
    return changed_meanwhile(r, gt_task_pool(task));
}

/** A provider says invalid_grant now and then by mistake, and a user who is signed out by one does
 * not forgive it: the row again, a moment, the same token once more. */
static gt_err_t *confirm(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->token.access != NULL || r->failure == GT_OK || r->failure->cls != GT_SIGN_IN)
        return GT_OK;
    r->is_open = 0;
    if (is_ending(r)) /* the next one to ask hears it twice, and then it counts */
        return r->failure;
    if (r->confirm_at == 0) {
        r->confirm_at = gt_ticks() + CONFIRM_AFTER;
        (void)gt_fail("refresh.refused");
    }
    if (gt_ticks() < r->confirm_at) {
        gt_again_at(task, r->confirm_at);
        return GT_OK;
    }
    GT_TRY(look_again(r, task));
    if (r->token.access == NULL)
        post(r, task);
    return GT_OK;
}

/* ---- it failed ---- */

/** The lease was taken right before the POST. */
static apr_interval_time_t rest_of_lease(const gt_refresh_t *r)
{
    apr_interval_time_t left = r->posted + config_of(r)->lease - gt_ticks();

    return left > APR_USEC_PER_SEC ? left : APR_USEC_PER_SEC;
}

/** What may pass is not tried again at once; what is the grant's own fault stands in the row. */
static void remember(const gt_refresh_t *r)
{
    const gt_failure_key_t key = {&r->ask.key, r->grant->generation};
    apr_interval_time_t span = r->failure->retry_after;

    if (r->failure->cls == GT_BUSY || r->failure->cls == GT_CANCELLED)
        return;
    if (span == 0 && r->is_open)
        span = rest_of_lease(r);
    if (span == 0)
        gt_failures_back_off(r->ask.vault->failures, &key, r->failure);
    else
        gt_failures_note(r->ask.vault->failures, &key, r->failure,
                         span < FAILURE_LONGEST ? span : FAILURE_LONGEST);
}

static gt_err_t *judge_failure(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_pause_scope_t scope;
    gt_err_t *err;
    int noted;

    if (r->token.access != NULL || r->failure == GT_OK)
        return GT_OK;
    r->is_open = r->post.was_sent;
    scope = scope_of(r);
    gt_pause_begin(r->ask.vault, &scope, r->failure);
    if (gt_class_row(r->failure->cls)->effect == GT_EFFECT_NONE) {
        remember(r);
        return r->failure;
    }
    (void)gt_fail("refresh.verdict");
    err = gt_grant_failed(&noted, r->store, r->grant, r->failure, p);
    if (err != GT_OK) {
        gt_log_err(err, "noting that a refresh was refused");
        return r->failure;
    }
    if (noted) {
        gt_vault_forget(r->ask.vault, &r->ask.key.grant, r->grant->generation, p);
        return r->failure;
    }
    /* A sign-in or another refresh came in between: the refused token is not the grant's any
     * more. */
    err = look(r, task);
    return err == GT_OK && r->token.access != NULL ? GT_OK : r->failure;
}

/* ---- it went well ---- */

static gt_err_t *not_stored(gt_refresh_t *r, gt_task_t *task)
{
    gt_provider_t *provider = gt_vault_provider(r->ask.vault, owner_of(r)->provider);
    gt_err_t *err;

    gt_log(GT_LOG_INFO, NULL,
           "refresh of user %s at %s: the grant was revoked or signed in anew meanwhile; the "
           "result is dropped",
           owner_of(r)->user, owner_of(r)->provider);
    err = look(r, task);
    if (err != GT_OK && err->cls == GT_SIGN_IN && r->grant == NULL)
        gt_discard(r->ask.vault, provider, r->post.tokens.refresh, gt_task_pool(task));
    GT_TRY(err);
    if (r->token.access == NULL)
        use_row(r, GT_TOKEN_LEAST);
    return r->token.access != NULL ? GT_OK : changed_meanwhile(r, gt_task_pool(task));
}

static void publish(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_tokens_t *tokens = &r->post.tokens;
    gt_vault_t *vault = r->ask.vault;

    r->token = gt_token_of_answer(vault, tokens, r->grant->generation + 1, r->grant->scope);
    gt_vault_publish(vault, &r->ask.key, &r->token, p);
    announce(r, GT_EV_REFRESH,
             tokens->refresh != NULL ? "refresh token rotated" : "refresh token kept", GT_OK);
    (void)gt_fail("refresh.published");
}

/** What came is kept: it may be used. Without an access token that can be used the provider is
 * asked again later, with the refresh token that came. */
static gt_err_t *hand_out(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_failure_key_t key = {&r->ask.key, r->grant->generation + 1};
    gt_err_t *err = gt_tokens_usable(&r->post.tokens, p);

    if (err == GT_OK)
        publish(r, p);
    else
        gt_failures_back_off(r->ask.vault->failures, &key, err);
    return err;
}

/** The answer is safe on this node's disk: it may be used. The lease and the intent stay in the
 * row, so that other nodes wait for the replay. */
static gt_err_t *to_journal(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_entry_t entry =
        gt_journal_entry(r->store, &r->ask.key, r->grant->generation, &r->post.tokens, p);

    (void)gt_fail("refresh.journal");
    GT_TRY(gt_journal_put(r->ask.vault->parts.journal, &entry, p));
    (void)gt_fail("refresh.journaled");
    r->is_open = r->has_answer = r->has_lease = 0;
    gt_log(GT_LOG_WARNING, "GT0621",
           "the database is away: the new refresh token of user %s at %s waits in the journal",
           owner_of(r)->user, owner_of(r)->provider);
    return GT_OK;
}

/** Try the journal; where it takes nothing the database is tried for a whole lease. */
static int is_journaled(gt_refresh_t *r, apr_pool_t *p)
{
    gt_err_t *err = to_journal(r, p);

    if (err == GT_OK)
        return 1;
    gt_log_err(err, "keeping a new refresh token while the database is away");
    r->may_journal = 0;
    r->until = gt_ticks() + config_of(r)->lease;
    return 0;
}

/** The database does not take it: again for a moment, then the journal; without one (or when it is
 * full) again for a whole lease. */
static gt_err_t *not_taken(gt_refresh_t *r, gt_task_t *task, gt_err_t *err)
{
    if (!gt_class_row(err->cls)->may_retry)
        return err;
    if ((gt_ticks() >= r->until || is_ending(r)) && r->may_journal &&
        is_journaled(r, gt_task_pool(task)))
        return hand_out(r, gt_task_pool(task));
    if (gt_ticks() >= r->until)
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

    if (r->token.access != NULL)
        return GT_OK;
    if (!r->has_answer) {
        r->has_answer = 1;
        r->may_journal = r->ask.vault->parts.journal != NULL;
        r->until = gt_ticks() + (r->may_journal ? STORE_PATIENCE : config_of(r)->lease);
        (void)gt_fail("refresh.answer");
    }
    /* A statement that waits in vain would put the token at risk for seconds. */
    if (r->may_journal && gt_db_is_stuck(gt_store_db(r->store)) && is_journaled(r, p))
        return hand_out(r, p);
    err = gt_grant_commit(&stored, r->store, r->grant, &r->post.tokens, p);
    if (err != GT_OK)
        return not_taken(r, task, err);
    (void)gt_fail("refresh.stored");
    r->is_open = r->has_answer = 0;
    if (!stored)
        return not_stored(r, task);
    r->has_lease = 0;
    return hand_out(r, p);
}

/* ---- the end ---- */

/** The job ends with an answer that is not stored: the child ends, or the database has refused
 * it. */
static void save_answer(gt_refresh_t *r, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    if (!r->has_answer)
        return;
    if (r->ask.vault->parts.journal != NULL)
        err = to_journal(r, p);
    if (err != GT_OK)
        gt_log_err(err, "keeping a new refresh token that could not be stored");
    if (!r->has_answer)
        return;
    gt_log(GT_LOG_ERROR, "GT0608",
           "a new refresh token of user %s at %s could not be stored; if the old one does not "
           "work any more, this user must sign in again",
           owner_of(r)->user, owner_of(r)->provider);
}

static void end_lease(gt_refresh_t *r, apr_pool_t *p)
{
    gt_err_t *err;

    if (!r->has_lease)
        return;
    if (r->is_open) {
        gt_log(GT_LOG_WARNING, "GT0606",
               "what became of a refresh of user %s at %s is not known; it is not repeated before "
               "its lease (%s) ends, since a token sent twice could revoke the grant",
               owner_of(r)->user, owner_of(r)->provider, gt_span_text(config_of(r)->lease, p));
    }
    err = gt_lease_end(r->store, &r->held, r->holder, r->is_open, p);
    if (err != GT_OK && !gt_give_back_later(r, err))
        gt_log_err(err, "giving back a lease, which ends by itself");
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);

    leave_watch(r);
    save_answer(r, p);
    end_lease(r, p);
    if (err == GT_OK)
        return;
    announce(r, GT_EV_REFRESH, NULL, err);
    gt_log_err(err, apr_psprintf(p, "refresh in store %s of user %s at %s", r->ask.key.grant.store,
                                 owner_of(r)->user, owner_of(r)->provider));
}

static gt_step_fn *const refresh_steps[] = {take_lease,    spend,  confirm,
                                            judge_failure, commit, NULL};
const gt_work_t gt_refresh = {"refresh", refresh_steps, finish};
