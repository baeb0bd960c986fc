/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The keys of an issuer of callers' tokens, from one of two places. An address: a JWKS is fetched
 * and kept as any issuer's is (oauth/key_source.h). A source: a job of the readers reads it once a
 * second, and a text that changed makes a new set; one that makes none, half written perhaps,
 * leaves the old set in use and is logged once.
 */

#include "bearer/bearer_keys.h"

#include <stdlib.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/source.h"
#include "net/transfer.h"
#include "net/upstream.h"

#define JWKS_MAX (256 * 1024)
#define CONNECT_TIME apr_time_from_sec(2)
#define FETCH_TIME apr_time_from_sec(5)
#define FETCH_AGAIN apr_time_from_sec(10) /* for a key id that is not known */
#define FAILED_AGAIN apr_time_from_sec(5) /* while there is no set at all */
#define PATIENCE apr_time_from_sec(2)     /* with the first reading of a source */

struct gt_bearer_keys_t {
    const gt_jwt_conf_t *conf;
    const char *const *algorithms;
    gt_key_source_t *fetched; /* of keys_url; NULL: they come from a source */
    gt_crew_t *readers;
    apr_thread_mutex_t *lock; /* guards what follows */
    gt_key_set_t *set;        /* of a source, kept; NULL: none yet */
    unsigned turn;            /* of the source's text that was looked at; its job's alone */
    apr_time_t failed_at;     /* ticks; 0: the last fetch went well */
};

static gt_err_t *passes(gt_err_t *err)
{
    err->status = 503;
    err->retry_after = FAILED_AGAIN;
    return err;
}

/* ---- from an address ---- */

/** Of one fetch. */
typedef struct fetch_t {
    gt_transfer_t *transfer;
} fetch_t;

static int has_just_failed(gt_bearer_keys_t *keys)
{
    int has;

    apr_thread_mutex_lock(keys->lock);
    has = keys->failed_at != 0 && gt_ticks() - keys->failed_at < FAILED_AGAIN;
    apr_thread_mutex_unlock(keys->lock);
    return has;
}

static void note_end(gt_bearer_keys_t *keys, int is_well)
{
    apr_thread_mutex_lock(keys->lock);
    keys->failed_at = is_well ? 0 : gt_ticks();
    apr_thread_mutex_unlock(keys->lock);
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gt_key_fetch_t *fetch = state;
    gt_bearer_keys_t *keys = fetch->from;
    apr_pool_t *p = gt_task_pool(task);
    fetch_t *own = apr_pcalloc(p, sizeof(*own));
    apr_array_header_t *headers = apr_array_make(p, 1, sizeof(const char *));
    const gt_request_t request = {.url = keys->conf->keys_url,
                                  .headers = headers,
                                  .ca_file = keys->conf->ca_file,
                                  .connect_timeout = CONNECT_TIME,
                                  .timeout = FETCH_TIME,
                                  .answer_max = JWKS_MAX,
                                  .purpose = "fetch keys"};

    fetch->own = own;
    /* Each request would ask anew, and hold a connection of ours for the whole time. */
    if (has_just_failed(keys))
        return gt_err(p, GT_UPSTREAM, "GT0552", "keys of <GraphTokJWT %s> could not be fetched",
                      keys->conf->name);
    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/jwk-set+json, application/json";
    GT_TRY(gt_transfer_make(&own->transfer, &request, gt_task_loop(task), p));
    gt_await(task, own->transfer);
    return GT_OK;
}

static gt_err_t *judge(gt_key_fetch_t *fetch, apr_pool_t *p)
{
    const gt_bearer_keys_t *keys = fetch->from;
    fetch_t *own = fetch->own;
    gt_err_t *err = gt_transfer_error(own->transfer, p);
    const gt_answer_t *answer = gt_transfer_answer(own->transfer);
    gt_key_set_t *set = NULL;

    gt_upstream_tell(own->transfer, keys->conf->name, "discovery", p);
    if (err != GT_OK)
        return gt_err_in(err, "keys of <GraphTokJWT %s>", keys->conf->name);
    if (answer->status == 200)
        set = gt_key_set_parse(answer->body, answer->body_len, p);
    if (set == NULL || gt_key_set_size(set) == 0)
        return gt_err(p, GT_UPSTREAM, "GT0553",
                      "keys of <GraphTokJWT %s>: status %d, and no key set in the answer",
                      keys->conf->name, answer->status);
    fetch->set = set;
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_key_fetch_t *fetch = state;
    gt_err_t *err = judge(fetch, gt_task_pool(task));

    note_end(fetch->from, err == GT_OK);
    return err;
}

static gt_step_fn *const fetch_steps[] = {ask, take, NULL};
static const gt_work_t fetch_keys = {"fetch keys of callers' tokens", fetch_steps, NULL};

/* ---- from a source ---- */

static void install(gt_bearer_keys_t *keys, gt_key_set_t *fresh)
{
    gt_key_set_t *old;

    gt_key_set_keep(fresh);
    apr_thread_mutex_lock(keys->lock);
    old = keys->set;
    keys->set = fresh;
    apr_thread_mutex_unlock(keys->lock);
    gt_key_set_release(old);
}

static gt_err_t *use_text(gt_bearer_keys_t *keys, gt_secret_t *text, apr_pool_t *p)
{
    const char *fault;
    gt_key_set_t *set = gt_key_set_of_text(&fault, text, keys->algorithms, p);

    gt_secret_wipe(text);
    if (set == NULL)
        return gt_err(p, GT_INTERNAL, "GT0554", "keys of <GraphTokJWT %s>: %s %s", keys->conf->name,
                      gt_source_name(keys->conf->keys), fault);
    install(keys, set);
    return GT_OK;
}

/** Of one reading. */
static gt_err_t *read_source(gt_task_t *task, void *state)
{
    gt_bearer_keys_t *keys = *(gt_bearer_keys_t **)state;
    gt_secret_t *text;
    gt_err_t *err = gt_source_read_new(&text, &keys->turn, keys->conf->keys, gt_task_pool(task));

    if (err == GT_OK && text != NULL)
        err = use_text(keys, text, gt_task_pool(task));
    if (err != GT_OK)
        gt_log_err(err, "keys of callers' tokens");
    return GT_OK;
}

static gt_step_fn *const reading_steps[] = {read_source, NULL};
static const gt_work_t reading = {"read keys of callers' tokens", reading_steps, NULL};

static void *keep_keys(const void *keys, apr_pool_t *p)
{
    return apr_pmemdup(p, keys, sizeof(gt_bearer_keys_t *));
}

static gt_flight_params_t job_of(gt_bearer_keys_t *const *keys, apr_pool_t *p)
{
    return (gt_flight_params_t){apr_pstrcat(p, "jwt ", (*keys)->conf->name, NULL), &reading,
                                keep_keys, keys};
}

static gt_key_set_t *present(gt_bearer_keys_t *keys, apr_pool_t *p)
{
    gt_key_set_t *set;

    apr_thread_mutex_lock(keys->lock);
    set = keys->set;
    if (set != NULL)
        gt_key_set_hold(set, p);
    apr_thread_mutex_unlock(keys->lock);
    return set;
}

/* ---- both ---- */

static apr_status_t drop_set(void *baton)
{
    gt_bearer_keys_t *keys = baton;

    gt_key_set_release(keys->set);
    return APR_SUCCESS;
}

/* Keys that the parent has read, before it gave up being root, are here without a wait. */
static void use_last(gt_bearer_keys_t *keys, apr_pool_t *p)
{
    gt_secret_t *text;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, p);
    if (gt_source_last(&text, keys->conf->keys, scratch) == GT_OK)
        /* A fault is told by the first reading. */
        (void)!use_text(keys, text, scratch);
    apr_pool_destroy(scratch);
}

gt_bearer_keys_t *gt_bearer_keys_make(const gt_jwt_conf_t *conf, const char *const *algorithms,
                                      gt_crew_t *crew, gt_crew_t *readers, apr_pool_t *p)
{
    gt_bearer_keys_t *keys = apr_pcalloc(p, sizeof(*keys));
    const gt_key_source_params_t params = {apr_pstrcat(p, "jwt ", conf->name, NULL), &fetch_keys,
                                           keys, FETCH_AGAIN};

    keys->conf = conf;
    keys->algorithms = algorithms;
    keys->readers = readers;
    if (apr_thread_mutex_create(&keys->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, keys, drop_set, apr_pool_cleanup_null);
    if (conf->keys == NULL) {
        keys->fetched = gt_key_source_make(&params, p);
        gt_key_source_run_by(keys->fetched, crew);
        return keys;
    }
    use_last(keys, p);
    return keys;
}

void gt_bearer_keys_follow(gt_bearer_keys_t *keys, apr_pool_t *scratch)
{
    const gt_flight_params_t job = job_of(&keys, scratch);

    if (keys->fetched != NULL)
        gt_key_source_renew(keys->fetched, scratch);
    else if (keys->readers != NULL)
        /* A process that ends takes no work, and nothing is lost by it. */
        (void)!gt_crew_launch(keys->readers, &job, scratch);
}

int gt_bearer_keys_at_hand(const gt_key_set_t **set, gt_bearer_keys_t *keys, const char *kid,
                           apr_pool_t *p)
{
    /* Of several keys a token without an id fits none, however new they are. */
    if (keys->fetched != NULL)
        return gt_key_source_at_hand(set, keys->fetched, kid, p) || (kid == NULL && *set != NULL);
    *set = present(keys, p);
    return *set != NULL;
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    gt_find_bearer_keys_t *find = state;
    const gt_flight_params_t job = job_of(&find->keys, gt_task_pool(task));

    if (find->keys->fetched != NULL) {
        find->find = (gt_find_keys_t){.source = find->keys->fetched, .kid = find->kid};
        gt_then_try(task, &gt_find_keys, &find->find, &find->failure);
        return GT_OK;
    }
    if (find->keys->readers == NULL)
        return read_source(task, &find->keys);
    GT_TRY(gt_crew_join(&find->flight, task, find->keys->readers, &job));
    gt_join_until(task, gt_ticks() + PATIENCE);
    return GT_OK;
}

static gt_err_t *take_set(gt_task_t *task, void *state)
{
    gt_find_bearer_keys_t *find = state;
    apr_pool_t *p = gt_task_pool(task);

    if (find->keys->fetched != NULL && find->failure != GT_OK)
        return passes(find->failure);
    find->set = find->keys->fetched != NULL ? find->find.keys : present(find->keys, p);
    if (find->set != NULL)
        return GT_OK;
    return passes(gt_err(p, GT_INTERNAL, "GT0555",
                         "<GraphTokJWT %s> has no keys now; the server's log says why",
                         find->keys->conf->name));
}

static gt_step_fn *const find_steps[] = {look, take_set, NULL};
const gt_work_t gt_find_bearer_keys = {"find keys of a caller's token", find_steps, NULL};
