/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file key_source.c
 * The present set stands behind a pointer; a task holds it before it reads it, so that a set that
 * was replaced meanwhile stays for that task. The lock is held for the pointer and a few numbers
 * only.
 *
 * Whether to fetch is decided within the job: of the tasks that find a key missing at the same
 * moment, some may come when the job of the others has just ended, and theirs then has nothing to
 * do.
 */

#include "oauth/key_source.h"

#include <stdlib.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/log.h"

#define DAY apr_time_from_sec(86400)
#define RENEW_AFTER (DAY / 4 * 3)
#define RENEW_AGAIN apr_time_from_sec(600)
#define AGAIN apr_time_from_sec(60)

struct gt_key_source_t {
    gt_key_source_params_t params;
    gt_crew_t *crew;
    apr_thread_mutex_t *lock; /* guards the members below */
    gt_key_set_t *set;        /* kept; NULL: none yet */
    apr_uint32_t turn;        /* how many sets there were */
    apr_time_t fetched;       /* ticks */
    apr_time_t asked;         /* ticks of the last try while there was a set; 0: never */
    int is_fetching;
    int has_failed; /* the last fetch */
    int was_used;   /* since it was fetched */
};

/** The parameters of a fetch: the set of `turn` lacked the key. */
typedef struct asked_t {
    gt_key_source_t *source;
    apr_uint32_t turn;
} asked_t;

/** One fetch, as a job or within a task. */
typedef struct gt_key_renewal_t {
    asked_t asked;
    gt_key_fetch_t fetch;
    gt_err_t *failure;
    int has_begun; /* is_fetching is this one's */
} gt_key_renewal_t;

/* ---- life ---- */

static apr_status_t drop_set(void *baton)
{
    gt_key_source_t *source = baton;

    gt_key_set_release(source->set);
    return APR_SUCCESS;
}

gt_key_source_t *gt_key_source_make(const gt_key_source_params_t *params, apr_pool_t *p)
{
    gt_key_source_t *source = apr_pcalloc(p, sizeof(*source));

    source->params = *params;
    if (source->params.again == 0)
        source->params.again = AGAIN;
    if (apr_thread_mutex_create(&source->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, source, drop_set, apr_pool_cleanup_null);
    return source;
}

void gt_key_source_run_by(gt_key_source_t *source, gt_crew_t *crew)
{
    source->crew = crew;
}

/* ---- the present set ---- */

/** The set that there is, held by `p`; NULL: none. With the lock held. */
static gt_key_set_t *present(gt_key_source_t *source, apr_pool_t *p)
{
    if (source->set != NULL)
        gt_key_set_hold(source->set, p);
    source->was_used = 1;
    return source->set;
}

/** 1 when there is a set and its last fetch anew began less than `span` µs ago: a stranger can
 * invent key ids, and must not make us ask for each. The first fetch does not count: keys may
 * rotate right after it. With the lock held. */
static int has_just_asked(const gt_key_source_t *source, apr_interval_time_t span)
{
    return source->set != NULL && source->asked != 0 && gt_ticks() - source->asked < span;
}

/** Hold the present set for a task. @return 1 when the task has to wait for a fetch. @param turn
 * out */
static int hold_present(apr_uint32_t *turn, gt_find_keys_t *find, apr_pool_t *p)
{
    gt_key_source_t *source = find->source;
    int is_good;

    apr_thread_mutex_lock(source->lock);
    find->keys = present(source, p);
    *turn = source->turn;
    /* An issuer that hangs must not hold up, minute by minute, the tasks whose key is at hand. Past
     * its day a set is used once a fetch has failed; renewals ask again. */
    is_good = find->keys != NULL && gt_key_set_has(find->keys, find->kid) &&
              (gt_ticks() - source->fetched < DAY || source->has_failed);
    is_good = is_good || (has_just_asked(source, source->params.again) && !source->is_fetching);
    apr_thread_mutex_unlock(source->lock);
    return !is_good;
}

int gt_key_source_at_hand(const gt_key_set_t **keys, gt_key_source_t *source, const char *kid,
                          apr_pool_t *p)
{
    gt_find_keys_t find = {.source = source, .kid = kid};
    apr_uint32_t turn;
    int must_wait = hold_present(&turn, &find, p);

    *keys = find.keys;
    return !must_wait;
}

static void replace(gt_key_source_t *source, gt_key_set_t *fresh)
{
    gt_key_set_t *old;

    gt_key_set_keep(fresh);
    apr_thread_mutex_lock(source->lock);
    old = source->set;
    source->set = fresh;
    source->turn++;
    source->fetched = gt_ticks();
    source->was_used = 0;
    source->has_failed = 0;
    apr_thread_mutex_unlock(source->lock);
    gt_key_set_release(old);
}

/* ---- a fetch ---- */

/** 1 when nothing was fetched since the task looked, and enough time has passed. With the lock
 * held. */
static int is_needed(const asked_t *asked)
{
    const gt_key_source_t *source = asked->source;

    return source->turn == asked->turn && !has_just_asked(source, source->params.again);
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_key_renewal_t *renewal = state;
    gt_key_source_t *source = renewal->asked.source;

    apr_thread_mutex_lock(source->lock);
    renewal->has_begun = is_needed(&renewal->asked);
    if (renewal->has_begun) {
        source->is_fetching = 1;
        if (source->set != NULL)
            source->asked = gt_ticks();
    }
    apr_thread_mutex_unlock(source->lock);
    renewal->fetch = (gt_key_fetch_t){.from = source->params.from};
    if (renewal->has_begun)
        gt_then_try(task, source->params.fetch, &renewal->fetch, &renewal->failure);
    else
        gt_done(task);
    return GT_OK;
}

/** A fetch failed. @return 1 when there is a set from before */
static int note_failure(gt_key_source_t *source)
{
    int has;

    apr_thread_mutex_lock(source->lock);
    source->has_failed = 1;
    has = source->set != NULL;
    apr_thread_mutex_unlock(source->lock);
    return has;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_key_renewal_t *renewal = state;

    (void)task;
    if (renewal->failure == GT_OK) {
        replace(renewal->asked.source, renewal->fetch.set);
        return GT_OK;
    }
    if (!note_failure(renewal->asked.source))
        return renewal->failure;
    gt_log_err(renewal->failure, "fetching keys again; the old ones are used");
    return GT_OK;
}

static void end(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_key_renewal_t *renewal = state;
    gt_key_source_t *source = renewal->asked.source;

    (void)task;
    (void)err;
    if (!renewal->has_begun)
        return;
    apr_thread_mutex_lock(source->lock);
    source->is_fetching = 0;
    apr_thread_mutex_unlock(source->lock);
}

static gt_step_fn *const renewal_steps[] = {begin, take, NULL};
static const gt_work_t renew_keys = {"fetch keys", renewal_steps, end};

static void *init(const void *asked, apr_pool_t *p)
{
    gt_key_renewal_t *renewal = apr_pcalloc(p, sizeof(*renewal));

    renewal->asked = *(const asked_t *)asked;
    return renewal;
}

static gt_flight_params_t job_of(const asked_t *asked, apr_pool_t *p)
{
    return (gt_flight_params_t){apr_pstrcat(p, "keys ", asked->source->params.name, NULL),
                                &renew_keys, init, asked};
}

void gt_key_source_renew(gt_key_source_t *source, apr_pool_t *scratch)
{
    asked_t asked = {source, 0};
    gt_flight_params_t job = job_of(&asked, scratch);
    gt_err_t *err;
    int is_due;

    apr_thread_mutex_lock(source->lock);
    asked.turn = source->turn;
    is_due = source->set != NULL && source->was_used && !has_just_asked(source, RENEW_AGAIN) &&
             gt_ticks() - source->fetched >= RENEW_AFTER;
    apr_thread_mutex_unlock(source->lock);
    if (!is_due || source->crew == NULL)
        return;
    err = gt_crew_launch(source->crew, &job, scratch);
    if (err != GT_OK)
        gt_log_err(err, "fetching keys before their day is over");
}

/* ---- gt_find_keys ---- */

static gt_err_t *look(gt_task_t *task, void *state)
{
    gt_find_keys_t *find = state;
    asked_t asked = {find->source, 0};
    gt_flight_params_t job = job_of(&asked, gt_task_pool(task));
    gt_err_t *err;

    find->flight = NULL;
    if (!hold_present(&asked.turn, find, gt_task_pool(task))) {
        gt_done(task);
        return GT_OK;
    }
    if (find->source->crew != NULL) {
        err = gt_crew_join(&find->flight, task, find->source->crew, &job);
        if (err == GT_OK || err->cls != GT_BUSY)
            return err;
    }
    /* No crew, or one that takes nothing new: a sign-in that a child began ends before the
     * child. */
    find->flight = NULL;
    gt_then(task, &renew_keys, init(&asked, gt_task_pool(task)));
    return GT_OK;
}

static gt_err_t *take_present(gt_task_t *task, void *state)
{
    gt_find_keys_t *find = state;

    apr_thread_mutex_lock(find->source->lock);
    find->keys = present(find->source, gt_task_pool(task));
    apr_thread_mutex_unlock(find->source->lock);
    return find->keys != NULL ? GT_OK
                              : gt_err_dup(gt_flight_error(find->flight), gt_task_pool(task));
}

static gt_step_fn *const find_steps[] = {look, take_present, NULL};
const gt_work_t gt_find_keys = {"find keys", find_steps, NULL};
