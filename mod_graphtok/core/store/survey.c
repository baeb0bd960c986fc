/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * While a store is looked at, the crew asks the database once a second, so that the requests that
 * look cost no statement. Sums stand in rows that all nodes share, one for each of 16 parts of a
 * store. Parts are counted only while the sums are asked for. The process that claims a part counts
 * it. A part that takes long is counted less often, so that counting stays below 1 % of a
 * connection's time.
 */

#include <stdatomic.h>
#include <stdlib.h>

#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/due.h"
#include "store/survey.h"

#define COUNT "count"                  /* the job's name in the rows */
#define KEEP_SUMS apr_time_from_sec(1) /* they serve for this long */
#define KEEP_MAIL apr_time_from_sec(5) /* the same */
#define KEEP_PING apr_time_from_sec(3) /* the same; the crew asks sooner */
#define PING_EVERY apr_time_from_msec(500)
#define STUCK apr_time_from_sec(2)        /* a question without an answer for so long has none */
#define COUNT_AGAIN apr_time_from_sec(15) /* a part, at the soonest */
#define COUNT_SHARE 100                   /* a part is due after so many times its duration */
#define COUNT_SPAN apr_time_from_msec(50) /* of a request, or of one call by the crew */
#define FIRST_SPAN apr_time_from_msec(500)
#define LARGE apr_time_from_msec(40) /* a part that takes longer is not counted by a request */
#define LOOKED_AT_FOR apr_time_from_sec(120) /* since the last look */

/** A question to the database, and its last answer. Times are ticks. */
typedef struct asked_t {
    apr_time_t at;       /* of the last answer; 0: none yet */
    apr_time_t begun_at; /* of the question under way; 0: none */
    int was_answered;    /* 0: with an error */
    apr_time_t wanted;   /* the last look at it; 0: never */
} asked_t;

struct gt_survey_t {
    gt_store_t *store;
    apr_interval_time_t margin;
    const char *worker;
    atomic_llong took;        /* µs to count the last part */
    atomic_int has_parts;     /* 1: this process has seen to the rows of the parts */
    apr_thread_mutex_t *lock; /* guards the members below */
    asked_t ping, sums, mail;
    gt_grant_stats_t stats;   /* the last answer's */
    gt_mail_sums_t mail_sums; /* the same */
};

gt_survey_t *gt_survey_make(gt_store_t *store, apr_interval_time_t margin, const char *worker,
                            apr_pool_t *p)
{
    gt_survey_t *survey = apr_pcalloc(p, sizeof(*survey));

    survey->store = store;
    survey->margin = margin;
    survey->worker = worker;
    if (apr_thread_mutex_create(&survey->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    return survey;
}

/** 1: the caller is to ask the database. A failure is not kept: the breaker makes the next question
 * cheap, and the database may be back. Call with the lock held.
 * @param keep  an answer serves for this long */
static int begin(asked_t *asked, apr_interval_time_t keep)
{
    const apr_time_t now = gt_ticks();

    if (asked->begun_at != 0 || (asked->was_answered && now - asked->at < keep))
        return 0;
    asked->begun_at = now;
    return 1;
}

/** Call with the lock held. */
static void end(asked_t *asked, int was_answered)
{
    asked->at = gt_ticks();
    asked->begun_at = 0;
    asked->was_answered = was_answered;
}

/** Call with the lock held. */
static int is_stuck(const asked_t *asked)
{
    return asked->begun_at != 0 && gt_ticks() - asked->begun_at > STUCK;
}

static int ask(gt_survey_t *survey, apr_pool_t *p)
{
    int is_up = gt_store_ping(survey->store, p) == GT_OK;

    apr_thread_mutex_lock(survey->lock);
    end(&survey->ping, is_up);
    apr_thread_mutex_unlock(survey->lock);
    return is_up;
}

int gt_survey_ping(gt_survey_t *survey, apr_pool_t *p)
{
    int is_ours, is_up;

    apr_thread_mutex_lock(survey->lock);
    survey->ping.wanted = gt_ticks();
    is_ours = begin(&survey->ping, KEEP_PING);
    is_up =
        survey->ping.at != 0 ? survey->ping.was_answered : gt_db_is_up(gt_store_db(survey->store));
    is_up = is_up && !is_stuck(&survey->ping);
    apr_thread_mutex_unlock(survey->lock);
    return is_ours ? ask(survey, p) : is_up;
}

/* ---- sums ---- */

/** µs until a part is due again. */
static apr_interval_time_t rest(gt_survey_t *survey)
{
    apr_interval_time_t share = atomic_load(&survey->took) * COUNT_SHARE;

    return share > COUNT_AGAIN ? share : COUNT_AGAIN;
}

/** 1: a request would wait too long for a part; the crew counts it. */
static int is_large(gt_survey_t *survey)
{
    return atomic_load(&survey->took) > LARGE;
}

/** Count one part that is due. @param found 0: none was */
static gt_err_t *count_part(int *found, gt_survey_t *survey, apr_pool_t *p)
{
    gt_store_t *store = survey->store;
    apr_time_t begun;
    int part;

    GT_TRY(gt_due_claim(&part, store, COUNT, rest(survey), survey->worker, p));
    *found = part >= 0;
    if (!*found)
        return GT_OK;
    begun = gt_ticks();
    GT_TRY(gt_grant_count(store, part, survey->margin, p));
    atomic_store(&survey->took, gt_ticks() - begun);
    return GT_OK;
}

/** A new store has no rows of parts yet. */
static gt_err_t *make_parts(gt_survey_t *survey, apr_pool_t *p)
{
    GT_TRY(gt_due_make_parts(survey->store, COUNT, GT_PARTS, p));
    atomic_store(&survey->has_parts, 1);
    return GT_OK;
}

static void count_some(gt_survey_t *survey, apr_interval_time_t span, apr_pool_t *p)
{
    const apr_time_t until = gt_ticks() + span;
    gt_err_t *err = atomic_load(&survey->has_parts) ? GT_OK : make_parts(survey, p);
    int found = 1;

    while (err == GT_OK && found && gt_ticks() < until)
        err = count_part(&found, survey, p);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "counting store %s: %s", gt_store_name(survey->store),
               err->detail);
}

/** Call with the lock held. */
static int is_looked_at(const asked_t *asked)
{
    return asked->wanted != 0 && gt_ticks() - asked->wanted < LOOKED_AT_FOR;
}

void gt_survey_follow(gt_survey_t *survey, apr_pool_t *scratch)
{
    int asks, counts;

    apr_thread_mutex_lock(survey->lock);
    asks = is_looked_at(&survey->ping) && begin(&survey->ping, PING_EVERY);
    counts = is_looked_at(&survey->sums);
    apr_thread_mutex_unlock(survey->lock);
    if (asks)
        (void)ask(survey, scratch);
    if (counts)
        count_some(survey, COUNT_SPAN, scratch);
}

static gt_err_t *unknown(const gt_survey_t *survey, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_STORE_AWAY, "GT0440", "the sums of store %s are not known yet",
                           gt_store_name(survey->store));

    err->retry_after = KEEP_SUMS;
    return err;
}

/** The sums of the last answer. Call with the lock held. */
static gt_err_t *known(gt_grant_stats_t *stats, const gt_survey_t *survey, apr_pool_t *p)
{
    if (survey->sums.at == 0 || !survey->sums.was_answered)
        return unknown(survey, p);
    *stats = survey->stats;
    stats->age += gt_ticks() - survey->sums.at;
    return GT_OK;
}

/** While some parts were never counted it may take longer: there would be nothing to show. Their
 * rows may be missing, too, as in a store that is new. */
static gt_err_t *count_and_read(gt_grant_stats_t *stats, gt_survey_t *survey, apr_pool_t *p)
{
    if (!is_large(survey))
        count_some(survey, COUNT_SPAN, p);
    GT_TRY(gt_grant_stats(stats, survey->store, p));
    if (stats->is_whole || is_large(survey))
        return GT_OK;
    GT_TRY(make_parts(survey, p));
    count_some(survey, FIRST_SPAN, p);
    return gt_grant_stats(stats, survey->store, p);
}

gt_err_t *gt_survey_stats(gt_grant_stats_t *stats, gt_survey_t *survey, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;
    int is_ours;

    apr_thread_mutex_lock(survey->lock);
    survey->sums.wanted = gt_ticks();
    is_ours = begin(&survey->sums, KEEP_SUMS);
    if (!is_ours)
        err = known(stats, survey, p);
    apr_thread_mutex_unlock(survey->lock);
    if (!is_ours)
        return err;
    err = count_and_read(stats, survey, p);
    apr_thread_mutex_lock(survey->lock);
    end(&survey->sums, err == GT_OK);
    if (err == GT_OK)
        survey->stats = *stats;
    apr_thread_mutex_unlock(survey->lock);
    return err;
}

/** Call with the lock held. */
static gt_err_t *known_mail(gt_mail_sums_t *sums, apr_interval_time_t *age,
                            const gt_survey_t *survey, apr_pool_t *p)
{
    if (survey->mail.at == 0 || !survey->mail.was_answered)
        return unknown(survey, p);
    *sums = survey->mail_sums;
    *age = gt_ticks() - survey->mail.at;
    return GT_OK;
}

gt_err_t *gt_survey_mail(gt_mail_sums_t *sums, apr_interval_time_t *age, gt_survey_t *survey,
                         apr_pool_t *p)
{
    gt_err_t *err = GT_OK;
    int is_ours;

    apr_thread_mutex_lock(survey->lock);
    is_ours = begin(&survey->mail, KEEP_MAIL);
    if (!is_ours)
        err = known_mail(sums, age, survey, p);
    apr_thread_mutex_unlock(survey->lock);
    if (!is_ours)
        return err;
    err = gt_mail_sums(sums, survey->store, p);
    *age = 0;
    apr_thread_mutex_lock(survey->lock);
    end(&survey->mail, err == GT_OK);
    if (err == GT_OK)
        survey->mail_sums = *sums;
    apr_thread_mutex_unlock(survey->lock);
    return err;
}
