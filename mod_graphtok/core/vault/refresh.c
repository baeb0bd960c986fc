/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh.c
 * One refresh, as a job of the child: lease, POST, commit, and only then the token for anybody.
 * It does not end with the request that asked for it.
 *
 *     row      read anew: somebody may have been first, and then there is nothing to do
 *     lease    one UPDATE, for this generation; not ours: look at the row again until it moves on
 *     POST     no connection to the database is held meanwhile
 *     commit   by generation, not by lease: a rotated token is worth more than a lease
 *     verdict  by generation as well: a loser's failure says nothing about the winner's token
 *
 * When the POST may have arrived and nobody knows what it did, the lease is kept until it ends. A
 * provider that rotates takes the same token sent twice for theft and revokes the whole grant.
 */

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "vault/inner.h"

#define POLL_FIRST apr_time_from_msec(50)
#define POLL_LAST apr_time_from_msec(250)
#define LEASE_SLACK apr_time_from_sec(2) /* leases count whole seconds of another clock */
#define STORE_FIRST apr_time_from_msec(100)
#define STORE_LAST apr_time_from_sec(2)
#define FAILURE_STAYS apr_time_from_sec(1)
#define FAILURE_LONGEST apr_time_from_sec(300)

static const gt_config_t *config_of(const gt_refresh_t *r)
{
    return r->ask.vault->parts.config;
}

static const char *store_name(const gt_refresh_t *r)
{
    return gt_store_conf(r->ask.store)->name;
}

void *gt_refresh_init(const void *ask, apr_pool_t *p)
{
    static volatile apr_uint32_t jobs;
    const gt_refresh_ask_t *from = ask;
    gt_refresh_t *r = apr_pcalloc(p, sizeof(*r));

    r->ask = *from;
    r->ask.owner.user = apr_pstrdup(p, from->owner.user);
    r->ask.owner.provider = apr_pstrdup(p, from->owner.provider);
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
                           .store = store_name(r),
                           .provider = r->ask.owner.provider,
                           .user = r->ask.owner.user,
                           .asker = r->ask.asker,
                           .err = err,
                           .detail = detail,
                           .took = r->posted != 0 ? gt_ticks() - r->posted : 0});
}

/* ---- row and lease ---- */

static void use(gt_refresh_t *r, const gt_grant_t *grant)
{
    r->token = (gt_cached_t){grant->access, grant->expires_at, grant->generation,
                             grant->scope != NULL ? grant->scope : ""};
}

/** 1 when the row's token serves for `least` and is not the one that the API refused. */
static int row_serves(const gt_refresh_t *r, apr_interval_time_t least)
{
    if (r->ask.refresh_now && r->grant->generation <= r->ask.refused)
        return 0;
    return gt_grant_serves(r->grant, least);
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
    GT_TRY(gt_grant_find(&r->grant, r->ask.store, &r->ask.owner, r->round));
    GT_TRY(gt_vault_judge(r->grant, &r->ask.owner, p));
    if (row_serves(r, config_of(r)->refresh_margin))
        use(r, r->grant);
    return GT_OK;
}

static gt_err_t *take_lease(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    gt_err_t *err;

    GT_TRY(look(r, task));
    if (r->token.access != NULL)
        return GT_OK;
    GT_TRY(gt_lease_take(&r->has_lease, r->ask.store, r->grant, r->holder, config_of(r)->lease,
                         r->round));
    if (r->has_lease)
        return GT_OK;
    if (row_serves(r, GT_TOKEN_LEAST)) {
        use(r, r->grant);
        return GT_OK;
    }
    if (gt_ticks() >= r->until) {
        err = gt_err(gt_task_pool(task), GT_TIMEOUT, "GT0605",
                     "somebody else has been refreshing this token for too long");
        err->retry_after = APR_USEC_PER_SEC;
        return err;
    }
    if (r->looks == 0)
        announce(r, GT_EV_LEASE_WAIT, NULL, GT_OK);
    gt_again_at(task, gt_ticks() + gt_backoff(r->looks++, POLL_FIRST, POLL_LAST));
    return GT_OK;
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->token.access != NULL)
        return GT_OK;
    r->post = (gt_token_ask_t){
        .provider = gt_vault_provider(r->ask.vault, r->ask.owner.provider),
        .grant_type = "refresh_token",
        .refresh = r->grant->refresh,
    };
    r->is_open = 1;
    r->posted = gt_ticks();
    gt_then_try(task, &gt_token_post, &r->post, &r->failure);
    return GT_OK;
}

/* ---- it failed ---- */

static void forget(const gt_refresh_t *r)
{
    if (r->ask.vault->parts.cache != NULL)
        gt_cache_forget(r->ask.vault->parts.cache, store_name(r), &r->ask.owner);
}

/** What may pass is not tried again at once; what is the grant's own fault stands in the row. */
static void remember(const gt_refresh_t *r, apr_pool_t *p)
{
    apr_interval_time_t span = r->failure->retry_after;

    if (r->failure->cls == GT_BUSY || r->failure->cls == GT_CANCELLED)
        return;
    if (span == 0)
        span = r->is_open ? config_of(r)->lease : FAILURE_STAYS;
    gt_recent_note(r->ask.vault->recent, gt_vault_key(r->ask.store, &r->ask.owner, p), r->failure,
                   span < FAILURE_LONGEST ? span : FAILURE_LONGEST);
}

static gt_err_t *judge_failure(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;
    int noted;

    if (r->token.access != NULL || r->failure == GT_OK)
        return GT_OK;
    r->is_open = r->post.was_sent;
    if (gt_class_row(r->failure->cls)->effect == GT_EFFECT_NONE) {
        remember(r, p);
        return r->failure;
    }
    err = gt_grant_failed(&noted, r->ask.store, r->grant, r->failure, p);
    if (err != GT_OK) {
        gt_log_err(err, "noting that a refresh was refused");
        return r->failure;
    }
    if (noted) {
        forget(r);
        return r->failure;
    }
    /* Somebody signed in or refreshed since: what was refused is not the grant any more. */
    err = look(r, task);
    return err == GT_OK && r->token.access != NULL ? GT_OK : r->failure;
}

/* ---- it went well ---- */

static gt_err_t *not_stored(gt_refresh_t *r, gt_task_t *task)
{
    gt_log(GT_LOG_INFO, NULL,
           "refresh of user %s at %s: the grant was revoked or signed in anew meanwhile; the "
           "result is dropped",
           r->ask.owner.user, r->ask.owner.provider);
    GT_TRY(look(r, task));
    if (r->token.access == NULL && row_serves(r, GT_TOKEN_LEAST))
        use(r, r->grant);
    if (r->token.access != NULL)
        return GT_OK;
    return gt_err(gt_task_pool(task), GT_CONFLICT, "GT0607",
                  "the grant of user %s at %s changed while it was refreshed; ask again",
                  r->ask.owner.user, r->ask.owner.provider);
}

static void publish(gt_refresh_t *r, apr_pool_t *p)
{
    const gt_tokens_t *tokens = &r->post.tokens;
    gt_vault_t *vault = r->ask.vault;

    r->token.access = tokens->access;
    r->token.expires_at = tokens->expires_at;
    r->token.generation = r->grant->generation + 1;
    r->token.scope = tokens->scope != NULL ? tokens->scope : r->grant->scope;
    if (r->token.scope == NULL)
        r->token.scope = "";
    if (vault->parts.cache != NULL)
        gt_cache_put(vault->parts.cache, store_name(r), &r->ask.owner, &r->token);
    gt_recent_forget(vault->recent, gt_vault_key(r->ask.store, &r->ask.owner, p));
    announce(r, GT_EV_REFRESH,
             tokens->refresh != NULL ? "refresh token rotated" : "refresh token kept", GT_OK);
}

static gt_err_t *commit(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;
    int stored;

    if (r->token.access != NULL)
        return GT_OK;
    if (r->commits == 0)
        r->until = gt_ticks() + config_of(r)->lease;
    err = gt_grant_commit(&stored, r->ask.store, r->grant, &r->post.tokens, p);
    if (err != GT_OK && gt_class_row(err->cls)->may_retry && gt_ticks() < r->until) {
        gt_again_at(task, gt_ticks() + gt_backoff(r->commits++, STORE_FIRST, STORE_LAST));
        return GT_OK;
    }
    if (err != GT_OK) {
        gt_log(GT_LOG_ERROR, "GT0608",
               "a new refresh token of user %s at %s could not be stored; if the old one does not "
               "work any more, this user must sign in again",
               r->ask.owner.user, r->ask.owner.provider);
        return err;
    }
    r->is_open = 0;
    if (!stored)
        return not_stored(r, task);
    r->has_lease = 0;
    publish(r, p);
    return GT_OK;
}

/* ---- the end ---- */

static void give_back(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *lost;

    if (r->has_lease && r->is_open)
        gt_log(GT_LOG_WARNING, "GT0606",
               "what became of a refresh of user %s at %s is not known; it is not repeated before "
               "its lease (%s) ends, since a token sent twice could revoke the grant",
               r->ask.owner.user, r->ask.owner.provider, gt_span_text(config_of(r)->lease, p));
    else if (r->has_lease && r->grant != NULL) {
        lost = gt_lease_give_back(r->ask.store, r->grant, r->holder, p);
        if (lost != GT_OK)
            gt_log_err(lost, "giving back a lease, which ends by itself");
    }
    if (err == GT_OK)
        return;
    announce(r, GT_EV_REFRESH, NULL, err);
    gt_log_err(err, apr_psprintf(p, "refresh in store %s of user %s at %s", store_name(r),
                                 r->ask.owner.user, r->ask.owner.provider));
}

static gt_step_fn *const refresh_steps[] = {take_lease, post, judge_failure, commit, NULL};
const gt_work_t gt_refresh = {"refresh", refresh_steps, give_back};
