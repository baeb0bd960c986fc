/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Threads that run jobs. A job is in at most one of: the run queue, a thread's hands, waiting. Its
 * waker puts it into the queue, or notes that it was woken while it ran, so no wake is lost.
 *
 * A job's memory is its own pool with a count: one reference while it is under way, one for each
 * task that joined it, given back with that task's pool. So an asker may go before the job ends,
 * and the job's state outlives the job for those who still look at it.
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
#include "crypt/aead.h"
#include "task/job.h"

#define THREADS_MIN 2
#define THREADS_MAX 16
#define KEY_MAX 512
#define BUSY_RETRY_AFTER (apr_time_from_sec(1))

/* Jobs under way at once: more than a child has calls, so this only bounds what went wrong. */
#define JOBS_MAX 16384

typedef enum job_state_t { JOB_WAITS, JOB_QUEUED, JOB_RUNS, JOB_RUNS_WOKEN } job_state_t;

struct gt_job_t {
    apr_pool_t *pool; /* unmanaged */
    gt_crew_t *crew;
    const char *key;
    const gt_work_t *work;
    void *state;
    gt_task_t *task;
    atomic_int refs;

    job_state_t at; /* under crew->lock, as are the links */
    gt_job_t *next_queued;
    gt_job_t *next, *previous; /* of those under way */

    pthread_mutex_t lock; /* guards what follows */
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
    pthread_t threads[THREADS_MAX];
    int thread_count; /* started and not joined */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;  /* a job was queued, or the crew stops */
    pthread_cond_t quiet; /* the last job ended */
    gt_job_t *queue, **queue_end;
    gt_job_t *under_way;
    apr_hash_t *keys; /* key → job under way; entries' keys lie in the jobs */
    apr_pool_t *pool; /* unmanaged: of the hash and the periodic work */
    periodic_t *periodics;
    int busy;        /* jobs under way */
    int is_closed;   /* no new jobs */
    int is_stopping; /* threads end */
};

/* ---- jobs ---- */

static void release(gt_job_t *job)
{
    if (atomic_fetch_sub(&job->refs, 1) > 1)
        return;
    assert(job->joiners == NULL);
    pthread_mutex_destroy(&job->lock);
    apr_pool_destroy(job->pool);
}

static apr_status_t release_with_pool(void *baton)
{
    release(baton);
    return APR_SUCCESS;
}

/* Under crew->lock. */
static void enqueue(gt_crew_t *crew, gt_job_t *job)
{
    job->at = JOB_QUEUED;
    job->next_queued = NULL;
    *crew->queue_end = job;
    crew->queue_end = &job->next_queued;
    pthread_cond_signal(&crew->work);
}

/* From the loop, another job's end, or the job's own thread. */
static void wake_job(void *baton)
{
    gt_job_t *job = baton;

    pthread_mutex_lock(&job->crew->lock);
    if (job->at == JOB_WAITS)
        enqueue(job->crew, job);
    else if (job->at == JOB_RUNS)
        job->at = JOB_RUNS_WOKEN;
    pthread_mutex_unlock(&job->crew->lock);
}

static gt_job_t *make_job(gt_crew_t *crew, const gt_job_ask_t *ask)
{
    gt_waker_t waker;
    apr_pool_t *p;
    gt_job_t *job;

    if (apr_pool_create_unmanaged_ex(&p, apr_pool_abort_get(crew->pool), NULL) != APR_SUCCESS)
        return NULL;
    apr_pool_tag(p, "gt_job");
    job = apr_pcalloc(p, sizeof(*job));
    job->pool = p;
    job->crew = crew;
    job->key = apr_pstrdup(p, ask->key);
    job->work = ask->work;
    atomic_init(&job->refs, 1);
    pthread_mutex_init(&job->lock, NULL);
    job->state = ask->init(ask->ask, p);
    waker.wake = wake_job;
    waker.baton = job;
    job->task = gt_task_make(ask->work, job->state, crew->loop, &waker, p);
    return job;
}

/* Take the job out of the table of keys, then wake the tasks that joined it. */
static void end_job(gt_crew_t *crew, gt_job_t *job)
{
    gt_joiner_t *joiner;

    pthread_mutex_lock(&crew->lock);
    apr_hash_set(crew->keys, job->key, APR_HASH_KEY_STRING, NULL);
    if (job->next != NULL)
        job->next->previous = job->previous;
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        crew->under_way = job->next;
    if (--crew->busy == 0)
        pthread_cond_broadcast(&crew->quiet);
    pthread_mutex_unlock(&crew->lock);

    pthread_mutex_lock(&job->lock);
    job->has_ended = 1;
    /* A task that joined logs the failure as its own. Without such a task it is logged here. */
    if (atomic_load(&job->refs) == 1 && gt_task_error(job->task) != GT_OK)
        gt_log_err(gt_task_error(job->task), job->work->name);
    while ((joiner = job->joiners) != NULL) {
        job->joiners = joiner->next;
        joiner->waker.wake(joiner->waker.baton);
    }
    pthread_mutex_unlock(&job->lock);
    release(job);
}

int gt_job_has_ended(gt_job_t *job)
{
    int has_ended;

    pthread_mutex_lock(&job->lock);
    has_ended = job->has_ended;
    pthread_mutex_unlock(&job->lock);
    return has_ended;
}

void gt_job_wait(gt_job_t *job, gt_joiner_t *joiner)
{
    pthread_mutex_lock(&job->lock);
    if (job->has_ended) {
        joiner->waker.wake(joiner->waker.baton);
    }
    else {
        joiner->next = job->joiners;
        job->joiners = joiner;
    }
    pthread_mutex_unlock(&job->lock);
}

void gt_job_leave(gt_job_t *job, gt_joiner_t *joiner)
{
    gt_joiner_t **link;

    pthread_mutex_lock(&job->lock);
    for (link = &job->joiners; *link != NULL; link = &(*link)->next)
        if (*link == joiner) {
            *link = joiner->next;
            break;
        }
    pthread_mutex_unlock(&job->lock);
}

const gt_err_t *gt_job_error(const gt_job_t *job)
{
    return gt_task_error(job->task);
}

const void *gt_job_state(const gt_job_t *job)
{
    return job->state;
}

/* ---- asking ---- */

/* The job of a key under way, with a reference for the caller; NULL: none. Under crew->lock. */
static gt_job_t *find(gt_crew_t *crew, const char *key)
{
    gt_job_t *job = apr_hash_get(crew->keys, key, APR_HASH_KEY_STRING);

    if (job != NULL)
        atomic_fetch_add(&job->refs, 1);
    return job;
}

/* Enter a fresh job, unless somebody else was first. Returns whichever is under way now, with a
 * reference for the caller; NULL: the crew takes none. */
static gt_job_t *enter(gt_crew_t *crew, gt_job_t *fresh)
{
    gt_job_t *job;

    pthread_mutex_lock(&crew->lock);
    job = find(crew, fresh->key);
    if (job == NULL && !crew->is_closed && crew->busy < JOBS_MAX) {
        job = fresh;
        atomic_fetch_add(&job->refs, 1);
        apr_hash_set(crew->keys, job->key, APR_HASH_KEY_STRING, job);
        job->next = crew->under_way;
        if (job->next != NULL)
            job->next->previous = job;
        crew->under_way = job;
        crew->busy++;
        enqueue(crew, job);
    }
    pthread_mutex_unlock(&crew->lock);
    return job;
}

static gt_err_t *find_or_start(gt_job_t **job, gt_crew_t *crew, const gt_job_ask_t *ask,
                               apr_pool_t *p)
{
    gt_job_t *fresh;
    gt_err_t *err;

    if (ask->key[0] == '\0' || strlen(ask->key) > KEY_MAX)
        return gt_err(p, GT_INTERNAL, "GT0328", "the key of %s has no length that is allowed",
                      ask->work->name);
    pthread_mutex_lock(&crew->lock);
    *job = find(crew, ask->key);
    pthread_mutex_unlock(&crew->lock);
    if (*job != NULL)
        return GT_OK;
    /* Made outside the lock: what `init` does is the asker's affair. */
    fresh = make_job(crew, ask);
    if (fresh == NULL)
        return gt_err(p, GT_INTERNAL, "GT0325", "no memory for a job");
    *job = enter(crew, fresh);
    if (*job != fresh)
        release(fresh);
    if (*job != NULL)
        return GT_OK;
    err = gt_err(p, GT_BUSY, "GT0326", "no new work is taken: %s", ask->work->name);
    err->retry_after = BUSY_RETRY_AFTER;
    return err;
}

gt_err_t *gt_crew_join(gt_job_t **job, gt_task_t *task, gt_crew_t *crew, const gt_job_ask_t *ask)
{
    apr_pool_t *p = gt_task_pool(task);

    GT_TRY(find_or_start(job, crew, ask, p));
    apr_pool_cleanup_register(p, *job, release_with_pool, apr_pool_cleanup_null);
    gt_join(task, *job);
    return GT_OK;
}

gt_err_t *gt_crew_start_job(gt_crew_t *crew, const gt_job_ask_t *ask, apr_pool_t *p)
{
    gt_job_t *job;

    GT_TRY(find_or_start(&job, crew, ask, p));
    release(job);
    return GT_OK;
}

/* ---- threads; under crew->lock except where said ---- */

static void run_next(gt_crew_t *crew)
{
    gt_job_t *job = crew->queue;
    gt_progress_t progress;

    crew->queue = job->next_queued;
    if (crew->queue == NULL)
        crew->queue_end = &crew->queue;
    job->at = JOB_RUNS;
    pthread_mutex_unlock(&crew->lock);
    progress = gt_task_run(job->task);
    if (progress == GT_TASK_DONE)
        end_job(crew, job);
    pthread_mutex_lock(&crew->lock);
    if (progress == GT_TASK_DONE)
        return;
    if (job->at == JOB_RUNS_WOKEN || progress == GT_TASK_OUTPUT)
        enqueue(crew, job);
    else
        job->at = JOB_WAITS;
}

/* The periodic work that is due first, or NULL; what runs already is not due. */
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

static void *run(void *baton)
{
    gt_crew_t *crew = baton;

    pthread_mutex_lock(&crew->lock);
    while (!crew->is_stopping) {
        periodic_t *due = first_due(crew);

        if (due != NULL && due->due <= gt_mono())
            run_periodic(crew, due);
        else if (crew->queue != NULL)
            run_next(crew);
        else
            gt_cond_wait(&crew->work, &crew->lock, due != NULL ? due->due : APR_INT64_MAX);
    }
    pthread_mutex_unlock(&crew->lock);
    gt_aead_thread_end(); /* jobs open and seal rows */
    return NULL;
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

gt_err_t *gt_crew_start(gt_crew_t **crew, int threads, gt_loop_t *loop, apr_pool_t *p)
{
    gt_crew_t *c = apr_pcalloc(p, sizeof(*c));

    assert(threads >= THREADS_MIN && threads <= THREADS_MAX);
    *crew = NULL;
    c->loop = loop;
    c->queue_end = &c->queue;
    if (gt_cond_init(&c->work) != APR_SUCCESS || gt_cond_init(&c->quiet) != APR_SUCCESS ||
        apr_pool_create_unmanaged_ex(&c->pool, apr_pool_abort_get(p), NULL) != APR_SUCCESS)
        return gt_err(p, GT_INTERNAL, "GT0327", "the crew of jobs: no memory");
    apr_pool_tag(c->pool, "gt_crew");
    pthread_mutex_init(&c->lock, NULL);
    c->keys = apr_hash_make(c->pool);
    apr_pool_pre_cleanup_register(p, c, free_with_pool);
    while (c->thread_count < threads) {
        if (gt_thread_start(&c->threads[c->thread_count], "gt-crew", run, c) != APR_SUCCESS) {
            gt_crew_stop(c, 0);
            return gt_err(p, GT_INTERNAL, "GT0327", "the crew of jobs: the system gives no thread");
        }
        c->thread_count++;
    }
    *crew = c;
    return GT_OK;
}

/* What is still under way when no thread runs any more. */
static void drop_rest(gt_crew_t *crew)
{
    for (;;) {
        gt_job_t *job;

        pthread_mutex_lock(&crew->lock);
        job = crew->under_way;
        pthread_mutex_unlock(&crew->lock);
        if (job == NULL)
            return;
        gt_task_drop(job->task);
        end_job(crew, job);
    }
}

void gt_crew_stop(gt_crew_t *crew, apr_interval_time_t patience)
{
    apr_time_t until = gt_mono() + patience;

    pthread_mutex_lock(&crew->lock);
    crew->is_closed = 1;
    while (crew->busy > 0 && crew->thread_count > 0 && gt_mono() < until)
        gt_cond_wait(&crew->quiet, &crew->lock, until);
    crew->is_stopping = 1;
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
    while (crew->thread_count > 0)
        pthread_join(crew->threads[--crew->thread_count], NULL);
    drop_rest(crew);
}
