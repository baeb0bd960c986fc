/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Threads that run jobs. A job is in at most one of: the run queue, a thread's hands, waiting. Its
 * waker puts it into the queue, or notes that it was woken while it ran, so no wake is lost.
 *
 * A job's memory is its own pool with a count: one reference while it is under way, one for each
 * task that joined it, given back with that task's pool. So a task that asked may go before the job
 * ends, and the job's state outlives the job for tasks that still look at it.
 *
 * Locks: crew->lock guards queue, keys, periodic work; job->lock guards its end and its joiners,
 * whose wakers are called with it held, so that leaving means "no wake any more". A waker may take
 * crew->lock (a job that joined a job); therefore job->lock is never taken with crew->lock held.
 */

#include "task/crew.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/log.h"
#include "base/thread.h"
#include "task/flight.h"

#define THREADS_MIN 2
#define KEY_MAX 512
#define BUSY_RETRY_AFTER (apr_time_from_sec(1))

/* Jobs under way at once: more than a child has calls, so this is a bound for mistakes only. */
#define FLIGHTS_MAX 16384

typedef enum flight_stage_t {
    FLIGHT_WAITS,
    FLIGHT_QUEUED,
    FLIGHT_RUNS,
    FLIGHT_RUNS_WOKEN
} flight_stage_t;

struct gt_flight_t {
    apr_pool_t *pool; /* unmanaged */
    gt_crew_t *crew;
    const char *key;
    const gt_work_t *work;
    void *state;
    gt_task_t *task;
    atomic_int refs;

    flight_stage_t at; /* under crew->lock, as are the links */
    gt_flight_t *next_queued;
    gt_flight_t *next, *previous; /* of those under way */

    pthread_mutex_t lock; /* guards the members below */
    int has_ended;
    gt_joiner_t *joiners;
};

typedef struct periodic_t {
    const char *name;
    apr_interval_time_t every;
    apr_time_t due; /* gt_mono */
    void (*fn)(void *baton, apr_pool_t *scratch);
    void *baton;
    apr_pool_t *scratch;
    int runs; /* on some thread now */
    struct periodic_t *next;
} periodic_t;

struct gt_crew_t {
    gt_loop_t *loop;

    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t work;  /* a job was queued,
                           * or the crew stops */
    pthread_cond_t quiet; /* the last job ended */
    gt_flight_t *queue, **queue_end;
    gt_flight_t *under_way;
    apr_hash_t *keys; /* key → job under way; entries' keys lie in the jobs */
    apr_pool_t *pool; /* unmanaged: of the hash and the periodic work */
    periodic_t *periodics;
    int busy;      /* jobs under way */
    int is_closed; /* no new jobs */
    gt_threads_t threads;
};

/* ---- jobs ---- */

static void release(gt_flight_t *flight)
{
    if (atomic_fetch_sub(&flight->refs, 1) > 1)
        return;
    assert(flight->joiners == NULL);
    pthread_mutex_destroy(&flight->lock);
    apr_pool_destroy(flight->pool);
}

static apr_status_t release_with_pool(void *baton)
{
    release(baton);
    return APR_SUCCESS;
}

/* Under crew->lock. */
static void enqueue(gt_crew_t *crew, gt_flight_t *flight)
{
    flight->at = FLIGHT_QUEUED;
    flight->next_queued = NULL;
    *crew->queue_end = flight;
    crew->queue_end = &flight->next_queued;
    pthread_cond_signal(&crew->work);
}

/* From the loop, another job's end, or the job's own thread. */
static void wake_flight(void *baton)
{
    gt_flight_t *flight = baton;

    pthread_mutex_lock(&flight->crew->lock);
    if (flight->at == FLIGHT_WAITS)
        enqueue(flight->crew, flight);
    else if (flight->at == FLIGHT_RUNS)
        flight->at = FLIGHT_RUNS_WOKEN;
    pthread_mutex_unlock(&flight->crew->lock);
}

static gt_flight_t *make_flight(gt_crew_t *crew, const gt_flight_params_t *params)
{
    apr_pool_t *p;
    gt_flight_t *flight;

    if (apr_pool_create_unmanaged_ex(&p, apr_pool_abort_get(crew->pool), NULL) != APR_SUCCESS)
        return NULL;
    apr_pool_tag(p, "gt_job");
    flight = apr_pcalloc(p, sizeof(*flight));
    flight->pool = p;
    flight->crew = crew;
    flight->key = apr_pstrdup(p, params->key);
    flight->work = params->work;
    atomic_init(&flight->refs, 1);
    pthread_mutex_init(&flight->lock, NULL);
    flight->state = params->init(params->params, p);
    flight->task = gt_task_make(params->work, flight->state, crew->loop,
                                &(gt_waker_t){wake_flight, flight}, p);
    return flight;
}

/* Take the job out of the table of keys, then wake the tasks that joined it. */
static void end_flight(gt_crew_t *crew, gt_flight_t *flight)
{
    gt_joiner_t *joiner;

    pthread_mutex_lock(&crew->lock);
    apr_hash_set(crew->keys, flight->key, APR_HASH_KEY_STRING, NULL);
    if (flight->next != NULL)
        flight->next->previous = flight->previous;
    if (flight->previous != NULL)
        flight->previous->next = flight->next;
    else
        crew->under_way = flight->next;
    if (--crew->busy == 0)
        pthread_cond_broadcast(&crew->quiet);
    pthread_mutex_unlock(&crew->lock);

    pthread_mutex_lock(&flight->lock);
    flight->has_ended = 1;
    /* A task that joined logs the failure as its own. Without such a task it is logged here. */
    if (atomic_load(&flight->refs) == 1 && gt_task_error(flight->task) != GT_OK)
        gt_log_err(gt_task_error(flight->task), flight->work->name);
    while ((joiner = flight->joiners) != NULL) {
        flight->joiners = joiner->next;
        joiner->waker.wake(joiner->waker.baton);
    }
    pthread_mutex_unlock(&flight->lock);
    release(flight);
}

int gt_flight_has_ended(gt_flight_t *flight)
{
    int has_ended;

    pthread_mutex_lock(&flight->lock);
    has_ended = flight->has_ended;
    pthread_mutex_unlock(&flight->lock);
    return has_ended;
}

void gt_flight_wait(gt_flight_t *flight, gt_joiner_t *joiner)
{
    pthread_mutex_lock(&flight->lock);
    if (flight->has_ended) {
        joiner->waker.wake(joiner->waker.baton);
    }
    else {
        joiner->next = flight->joiners;
        flight->joiners = joiner;
    }
    pthread_mutex_unlock(&flight->lock);
}

void gt_flight_leave(gt_flight_t *flight, gt_joiner_t *joiner)
{
    gt_joiner_t **link;

    pthread_mutex_lock(&flight->lock);
    for (link = &flight->joiners; *link != NULL; link = &(*link)->next)
        if (*link == joiner) {
            *link = joiner->next;
            break;
        }
    pthread_mutex_unlock(&flight->lock);
}

const gt_err_t *gt_flight_error(const gt_flight_t *flight)
{
    return gt_task_error(flight->task);
}

const void *gt_flight_state(const gt_flight_t *flight)
{
    return flight->state;
}

/* ---- asking ---- */

/* The job of a key under way, with a reference for the caller; NULL: none. Under crew->lock. */
static gt_flight_t *find(gt_crew_t *crew, const char *key)
{
    gt_flight_t *flight = apr_hash_get(crew->keys, key, APR_HASH_KEY_STRING);

    if (flight != NULL)
        atomic_fetch_add(&flight->refs, 1);
    return flight;
}

/* Enter a fresh job, unless another thread was first. Returns the one that is under way now, with a
 * reference for the caller; NULL: the crew takes none. */
static gt_flight_t *enter(gt_crew_t *crew, gt_flight_t *fresh)
{
    gt_flight_t *flight;

    pthread_mutex_lock(&crew->lock);
    flight = find(crew, fresh->key);
    if (flight == NULL && !crew->is_closed && crew->busy < FLIGHTS_MAX) {
        flight = fresh;
        atomic_fetch_add(&flight->refs, 1);
        apr_hash_set(crew->keys, flight->key, APR_HASH_KEY_STRING, flight);
        flight->next = crew->under_way;
        if (flight->next != NULL)
            flight->next->previous = flight;
        crew->under_way = flight;
        crew->busy++;
        enqueue(crew, flight);
    }
    pthread_mutex_unlock(&crew->lock);
    return flight;
}

static gt_err_t *find_or_start(gt_flight_t **flight, gt_crew_t *crew,
                               const gt_flight_params_t *params, apr_pool_t *p)
{
    gt_flight_t *fresh;
    gt_err_t *err;

    if (params->key[0] == '\0' || strlen(params->key) > KEY_MAX)
        return gt_err(p, GT_INTERNAL, "GT0328", "the key of %s has no length that is allowed",
                      params->work->name);
    pthread_mutex_lock(&crew->lock);
    *flight = find(crew, params->key);
    pthread_mutex_unlock(&crew->lock);
    if (*flight != NULL)
        return GT_OK;
    /* Made outside the lock, since `init` is the caller's function. */
    fresh = make_flight(crew, params);
    if (fresh == NULL)
        return gt_err(p, GT_INTERNAL, "GT0325", "no memory for a job");
    *flight = enter(crew, fresh);
    if (*flight != fresh)
        release(fresh);
    if (*flight != NULL)
        return GT_OK;
    err = gt_err(p, GT_BUSY, "GT0326", "no new work is taken: %s", params->work->name);
    err->retry_after = BUSY_RETRY_AFTER;
    return err;
}

gt_err_t *gt_crew_begin(gt_flight_t **flight, gt_crew_t *crew, const gt_flight_params_t *params,
                        apr_pool_t *p)
{
    GT_TRY(find_or_start(flight, crew, params, p));
    apr_pool_cleanup_register(p, *flight, release_with_pool, apr_pool_cleanup_null);
    return GT_OK;
}

gt_err_t *gt_crew_join(gt_flight_t **flight, gt_task_t *task, gt_crew_t *crew,
                       const gt_flight_params_t *params)
{
    GT_TRY(gt_crew_begin(flight, crew, params, gt_task_pool(task)));
    gt_join(task, *flight);
    return GT_OK;
}

gt_err_t *gt_crew_launch(gt_crew_t *crew, const gt_flight_params_t *params, apr_pool_t *p)
{
    gt_flight_t *flight;

    GT_TRY(find_or_start(&flight, crew, params, p));
    release(flight);
    return GT_OK;
}

/* ---- threads; under crew->lock except where said ---- */

static void run_next(gt_crew_t *crew)
{
    gt_flight_t *flight = crew->queue;
    gt_progress_t progress;

    crew->queue = flight->next_queued;
    if (crew->queue == NULL)
        crew->queue_end = &crew->queue;
    flight->at = FLIGHT_RUNS;
    pthread_mutex_unlock(&crew->lock);
    progress = gt_task_run(flight->task);
    if (progress == GT_TASK_DONE)
        end_flight(crew, flight);
    pthread_mutex_lock(&crew->lock);
    if (progress == GT_TASK_DONE)
        return;
    if (flight->at == FLIGHT_RUNS_WOKEN || progress != GT_TASK_WAITS)
        enqueue(crew, flight);
    else
        flight->at = FLIGHT_WAITS;
}

/* The periodic work that is due first, or NULL; work that runs already is not due. */
static periodic_t *first_due(const gt_crew_t *crew)
{
    periodic_t *first = NULL;
    periodic_t *periodic;

    for (periodic = crew->periodics; periodic != NULL; periodic = periodic->next)
        if (!periodic->runs && (first == NULL || periodic->due < first->due))
            first = periodic;
    return first;
}

static void run_periodic(gt_crew_t *crew, periodic_t *periodic)
{
    periodic->runs = 1;
    pthread_mutex_unlock(&crew->lock);
    gt_log(GT_LOG_TRACE, NULL, "crew: %s", periodic->name);
    periodic->fn(periodic->baton, periodic->scratch);
    apr_pool_clear(periodic->scratch);
    pthread_mutex_lock(&crew->lock);
    periodic->runs = 0;
    periodic->due = gt_mono() + periodic->every;
}

static void run(void *baton)
{
    gt_crew_t *crew = baton;

    pthread_mutex_lock(&crew->lock);
    while (!gt_threads_must_end(&crew->threads)) {
        periodic_t *due = first_due(crew);

        if (due != NULL && due->due <= gt_mono())
            run_periodic(crew, due);
        else if (crew->queue != NULL)
            run_next(crew);
        else
            gt_cond_wait(&crew->work, &crew->lock, due != NULL ? due->due : APR_INT64_MAX);
    }
    pthread_mutex_unlock(&crew->lock);
}

void gt_crew_every(gt_crew_t *crew, const char *name, apr_interval_time_t every,
                   void (*fn)(void *baton, apr_pool_t *scratch), void *baton)
{
    periodic_t *periodic;
    apr_pool_t *scratch;

    assert(every > 0);
    if (apr_pool_create_unmanaged_ex(&scratch, apr_pool_abort_get(crew->pool), NULL) != APR_SUCCESS)
        abort();
    pthread_mutex_lock(&crew->lock);
    periodic = apr_pcalloc(crew->pool, sizeof(*periodic));
    periodic->name = apr_pstrdup(crew->pool, name);
    periodic->every = every;
    periodic->due = gt_mono() + every;
    periodic->fn = fn;
    periodic->baton = baton;
    periodic->scratch = scratch;
    periodic->next = crew->periodics;
    crew->periodics = periodic;
    /* Every sleeper's alarm may now be too late. */
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
}

int gt_crew_busy(gt_crew_t *crew)
{
    int busy;

    pthread_mutex_lock(&crew->lock);
    busy = crew->busy;
    pthread_mutex_unlock(&crew->lock);
    return busy;
}

/* ---- life ---- */

static apr_status_t free_with_pool(void *baton)
{
    gt_crew_t *crew = baton;
    periodic_t *periodic;

    gt_crew_stop(crew, 0);
    for (periodic = crew->periodics; periodic != NULL; periodic = periodic->next)
        apr_pool_destroy(periodic->scratch);
    pthread_cond_destroy(&crew->work);
    pthread_cond_destroy(&crew->quiet);
    pthread_mutex_destroy(&crew->lock);
    apr_pool_destroy(crew->pool);
    return APR_SUCCESS;
}

static void wake_all(void *work)
{
    pthread_cond_broadcast(work);
}

static int start_threads(gt_crew_t *crew, const char *name, int threads)
{
    pthread_mutex_lock(&crew->lock);
    while (threads > 0 && gt_threads_start(&crew->threads, name, run, crew))
        threads--;
    pthread_mutex_unlock(&crew->lock);
    return threads == 0;
}

gt_err_t *gt_crew_start(gt_crew_t **crew, const char *name, int threads, gt_loop_t *loop,
                        apr_pool_t *p)
{
    gt_crew_t *c = apr_pcalloc(p, sizeof(*c));
    const gt_waker_t wake = {wake_all, &c->work};

    assert(threads >= THREADS_MIN && threads <= GT_THREADS_MAX);
    *crew = NULL;
    c->loop = loop;
    c->queue_end = &c->queue;
    if (gt_cond_init(&c->work) != APR_SUCCESS || gt_cond_init(&c->quiet) != APR_SUCCESS ||
        apr_pool_create_unmanaged_ex(&c->pool, apr_pool_abort_get(p), NULL) != APR_SUCCESS)
        return gt_err(p, GT_INTERNAL, "GT0327", "the crew of jobs: no memory");
    apr_pool_tag(c->pool, "gt_crew");
    pthread_mutex_init(&c->lock, NULL);
    gt_threads_init(&c->threads, &c->lock, &wake);
    c->keys = apr_hash_make(c->pool);
    apr_pool_pre_cleanup_register(p, c, free_with_pool);
    if (!start_threads(c, name, threads)) {
        gt_crew_stop(c, 0);
        return gt_err(p, GT_INTERNAL, "GT0327", "the crew of jobs: the system gives no thread");
    }
    *crew = c;
    return GT_OK;
}

/* Drop the jobs that are still under way when no thread runs any more. */
static void drop_rest(gt_crew_t *crew)
{
    for (;;) {
        gt_flight_t *flight;

        pthread_mutex_lock(&crew->lock);
        flight = crew->under_way;
        pthread_mutex_unlock(&crew->lock);
        if (flight == NULL)
            return;
        gt_task_drop(flight->task);
        end_flight(crew, flight);
    }
}

void gt_crew_stop(gt_crew_t *crew, apr_interval_time_t patience)
{
    apr_time_t until = gt_mono() + patience;

    pthread_mutex_lock(&crew->lock);
    crew->is_closed = 1;
    while (crew->busy > 0 && gt_threads_count(&crew->threads) > 0 && gt_mono() < until)
        gt_cond_wait(&crew->quiet, &crew->lock, until);
    pthread_mutex_unlock(&crew->lock);
    gt_threads_stop(&crew->threads);
    drop_rest(crew);
}
