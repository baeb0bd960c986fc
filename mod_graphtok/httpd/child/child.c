/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file child.c
 * Start and end of a child. A database, network or keyring that is away never stops the start: a
 * post_config that fails at a graceful restart would end the whole server.
 */

#include "child/child.h"

#include <apr_strings.h>
#include <ap_mpm.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <mpm_common.h>
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/job_kinds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/run.h"
#include "base/text.h"
#include "child/mail_threads.h"
#include "child/start_warnings.h"
#include "child/audit_sink.h"
#include "child/bearers.h"
#include "child/httpd_thread.h"
#include "child/log_sink.h"
#include "child/segment.h"
#include "child/status.h"
#include "child/watch_credentials.h"
#include "child/write_hours.h"
#include "conf/keys.h"
#include "config/db_source.h"
#include "config/journal_folder.h"
#include "config/settings.h"
#include "net/loop.h"
#include "task/reader.h"
#include "vault/holder.h"

APLOG_USE_MODULE(graphtok);

#define CREW_THREADS 4
#define FINISHERS_LEAST 2
#define FINISHERS_MOST 8
#define HOST_CONNECTIONS 2048
#define STATUS_EVERY apr_time_from_sec(1)
#define ANSWER_LIMIT apr_time_from_sec(5) /* of a statement */
#define START_AGAIN apr_time_from_sec(1)
#define KEYS_EVERY apr_time_from_sec(5)
#define READERS_LEAST 2
#define READERS_MOST 16

/* Parts that the parent made for its children; replaced at each restart. */
static struct {
    gtm_segment_t *cache, *limits, *status, *signal;
    gtm_segment_t *figures, *audit;
    const apr_array_header_t *keys; /* of gt_keys_t *; each child follows them by itself */
} made;

static gtm_child_t *the_child;

/* A keyring, and the child whose readers look after it. */
typedef struct kept_keys_t {
    gtm_child_t *child;
    gt_keys_t *keys;
} kept_keys_t;

gtm_child_t *gtm_child(void)
{
    return the_child;
}

static int is_used(const gtm_server_t *server)
{
    /* Without a mount tokens may be passed on, or another module may ask for them. */
    return server != NULL && server->config != NULL &&
           (server->mounts->nelts > 0 || server->config->providers->nelts > 0 ||
            server->config->jwts->nelts > 0);
}

static int query_mpm(int what)
{
    int answer = 0;

    return ap_mpm_query(what, &answer) == APR_SUCCESS ? answer : 0;
}

int gtm_mpm_can_park(void)
{
    ap_version_t version;

    ap_get_server_revision(&version);
    return query_mpm(AP_MPMQ_IS_ASYNC) && version.major == 2 && version.minor >= 4 &&
           (version.minor > 4 || version.patch >= 52);
}

/* Names are added while children of the generation before only read them. */
static int map_figures(const gt_config_t *config, server_rec *s)
{
    gt_figures_t *figures;

    made.figures = gtm_segment("graphtok-figures", gt_figures_size(), s);
    made.audit = gtm_segment("graphtok-audit", gt_heads_size(), s);
    if (!made.figures || !made.audit)
        return 0;
    figures = gt_figures_open(made.figures->memory, made.figures->size);
    if (figures == NULL) {
        /* Left by another version of this module: figures begin anew. */
        memset(made.figures->memory, 0, made.figures->size);
        figures = gt_figures_open(made.figures->memory, made.figures->size);
    }
    for (int i = 0; i < config->providers->nelts; i++)
        gt_figures_name(figures, GT_LABEL_PROVIDER,
                        APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *)->name);
    for (int i = 0; i < config->stores->nelts; i++)
        gt_figures_name(figures, GT_LABEL_STORE,
                        APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *)->name);
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++)
        gt_figures_name(figures, GT_LABEL_LIMIT, gtm_limit_names[i]);
    for (int i = 0; config->jwts->nelts > 0 && gt_bearer_results[i] != NULL; i++)
        gt_figures_name(figures, GT_LABEL_CALLER, gt_bearer_results[i]);
    return 1;
}

/* A segment of the same size but another shape (other numbers in the configuration) begins anew. */
static int map_segments(const gt_config_t *config, server_rec *s, apr_pool_t *p)
{
    made.cache = gtm_segment("graphtok-cache",
                             gt_slots_size(config->cache_slots, config->cache_slot_bytes), s);
    made.limits = gtm_segment("graphtok-limits", gt_limits_size(config->limit_slots), s);
    made.status = gtm_segment("graphtok-status", gtm_status_size(), s);
    made.signal = gtm_segment("graphtok-signal", sizeof(gt_signal_t), s);
    if (!made.cache || !made.limits || !made.status || !made.signal)
        return 0;
    if (!map_figures(config, s) || !gtm_bearers_map(config, s, p))
        return 0;
    if (gt_slots_open(made.cache->memory, made.cache->size, config->cache_slots,
                      config->cache_slot_bytes, p) == NULL)
        memset(made.cache->memory, 0, made.cache->size);
    if (gt_limits_open(made.limits->memory, made.limits->size, config->limit_slots, p) == NULL)
        memset(made.limits->memory, 0, made.limits->size);
    return 1;
}

/* One that is away is asked for again by the children, each for itself. */
static void read_keys(const gt_config_t *config, apr_pool_t *pconf)
{
    made.keys = gt_keys_make_all(config, pconf);
    for (int i = 0; i < made.keys->nelts; i++) {
        gt_err_t *err = gt_keys_read(APR_ARRAY_IDX(made.keys, i, gt_keys_t *), pconf);

        if (err != GT_OK)
            gt_log_err(err, "start");
    }
}

int gtm_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const gtm_server_t *server = gtm_server(s);

    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    gtm_check_tell(s);
    if (!is_used(server))
        return OK;
    gtm_log_to(s);
    gt_db_bound_connecting();
    if (!map_segments(server->config, s, ptemp))
        return HTTP_INTERNAL_SERVER_ERROR;
    if (!gtm_dbsource_find())
        gt_log(GT_LOG_ERROR, "GT0805",
               "mod_dbd is not loaded: a2enmod dbd, then DBDriver and "
               "DBDParams; until then no token can be kept");
    read_keys(server->config, pconf);
    gtm_folder_prepare(server->config, s);
    gtm_warn_at_start(server->config, s);
    return OK;
}

/* No thread that may use the database or run a program is left after this. */
static void stop_jobs(gtm_child_t *child)
{
    if (child->jobs != NULL)
        gt_jobs_end(child->jobs);
    gtm_mail_stop(child);
    if (child->vault != NULL)
        gt_vault_stop(child->vault, child->is_graceful);
    else if (child->crew != NULL)
        gt_crew_stop(child->crew, 0);
    gt_run_end_all();
    if (child->readers != NULL)
        gt_crew_stop(child->readers, 0);
}

/* The database users must be joined before mod_dbd's pool goes, the loop after the threads that
 * wait for its transfers. */
static apr_status_t end_child(void *baton)
{
    gtm_child_t *child = baton;
    apr_pool_t *scratch;

    if (child->finishers != NULL)
        gt_finishers_stop(child->finishers);
    stop_jobs(child);
    if (child->vault != NULL) {
        apr_pool_create(&scratch, NULL);
        gt_vault_flush(child->vault, scratch);
        apr_pool_destroy(scratch);
    }
    if (child->loop != NULL)
        gt_loop_stop(child->loop);
    if (child->audit != NULL)
        gt_audit_end(child->audit);
    gt_notice_to_none();
    the_child = NULL;
    return APR_SUCCESS;
}

/* The transfer loop feeds them, and is one thread: half the processors is more than it can. */
static int finishers(void)
{
    long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;

    return half < FINISHERS_LEAST  ? FINISHERS_LEAST
           : half > FINISHERS_MOST ? FINISHERS_MOST
                                   : (int)half;
}

/* Each secret may hang, and must hold up no other. */
static int readers(const gt_config_t *config)
{
    int sources = config->providers->nelts + config->jwts->nelts + made.keys->nelts;

    return sources < READERS_LEAST  ? READERS_LEAST
           : sources > READERS_MOST ? READERS_MOST
                                    : sources;
}

static gt_err_t *start_threads(gtm_child_t *child, apr_pool_t *p)
{
    gt_loop_limits_t bounds = {(int)child->config->max_transfers, HOST_CONNECTIONS,
                               gt_config_has_pins(child->config)};

    GT_TRY(gt_loop_start(&child->loop, &bounds, p));
    GT_TRY(gt_crew_start(&child->crew, "gt-crew", CREW_THREADS, child->loop, p));
    GT_TRY(gt_crew_start(&child->readers, "gt-readers", readers(child->config), child->loop, p));
    GT_TRY(gtm_mail_start(child, p));
    if (gtm_mpm_can_park())
        GT_TRY(gt_finishers_start(&child->finishers, finishers(), child->loop, p));
    gt_crew_every(child->crew, "status", STATUS_EVERY, gtm_status_copy, child);
    return GT_OK;
}

/* Work that no request asks for; without it requests refresh what they need. */
static void start_jobs(gtm_child_t *child, apr_pool_t *p)
{
    gt_err_t *err;

    child->jobs = gt_jobs_make(child->vault, gt_job_kinds, p);
    err = gt_jobs_start(child->jobs);
    if (err != GT_OK)
        gt_log_err(err, "background work");
}

static void give_rings(gt_vault_parts_t *parts, apr_pool_t *p)
{
    parts->rings = apr_hash_make(p);
    for (int i = 0; i < made.keys->nelts; i++) {
        const gt_keys_t *keys = APR_ARRAY_IDX(made.keys, i, gt_keys_t *);

        if (keys->store == NULL)
            parts->ring = keys->ring;
        else
            apr_hash_set(parts->rings, keys->store, APR_HASH_KEY_STRING, keys->ring);
        if (parts->journal != NULL)
            gt_journal_judge_by(parts->journal, keys->ring);
    }
}

static void make_vault(gtm_child_t *child, gt_db_t *db, gt_cache_t *cache, apr_pool_t *p)
{
    gt_vault_parts_t *parts = apr_pcalloc(p, sizeof(*parts));

    parts->config = child->config;
    parts->db = db;
    parts->cache = cache;
    parts->loop = child->loop;
    parts->crew = child->crew;
    parts->readers = child->readers;
    parts->limits = child->limits;
    parts->signal = made.signal->memory;
    parts->journal = gtm_folder_journal(child->config, p);
    parts->holder = gt_holder_name(parts->journal != NULL ? child->config->journal : NULL, p);
    give_rings(parts, p);
    child->vault = gt_vault_make(parts, p);
}

/* ---- keys ---- */

/* Audit records from now on are tied to the new key, so the old one may be retired. */
static void keys_changed(void *baton)
{
    const kept_keys_t *kept = baton;

    if (kept->child->audit != NULL)
        gt_audit_key(kept->child->audit, kept->keys->ring);
}

static gt_err_t *look_at_keys(gt_task_t *task, void *state)
{
    gt_keys_follow((*(kept_keys_t **)state)->keys, gt_task_pool(task));
    return GT_OK;
}

static gt_step_fn *const key_steps[] = {look_at_keys, NULL};
static const gt_work_t key_work = {"look at a keyring", key_steps, NULL};

static void *keep_pointer(const void *kept, apr_pool_t *p)
{
    return apr_pmemdup(p, kept, sizeof(kept_keys_t *));
}

/* A rotated key is taken over while requests run. */
static void follow_keys(void *baton, apr_pool_t *scratch)
{
    kept_keys_t *kept = baton;
    const gt_flight_params_t params = {kept->keys->name, &key_work, keep_pointer, &kept};

    /* A child that ends takes no work, and nothing is lost by it. */
    (void)!gt_crew_launch(kept->child->readers, &params, scratch);
}

static void look_soon(void *baton)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, NULL);
    follow_keys(baton, scratch);
    apr_pool_destroy(scratch);
}

/* Every few seconds, and when a step lacks a key. */
static void keep_keys(gtm_child_t *child, apr_pool_t *p)
{
    for (int i = 0; i < made.keys->nelts; i++) {
        kept_keys_t *kept = apr_pcalloc(p, sizeof(*kept));
        gt_keys_t *keys = APR_ARRAY_IDX(made.keys, i, gt_keys_t *);

        *kept = (kept_keys_t){child, keys};
        keys->changed = i == 0 ? keys_changed : NULL; /* the audit is the server's */
        keys->look_soon = look_soon;
        keys->baton = kept;
        gt_crew_every(child->crew, keys->name, KEYS_EVERY, follow_keys, kept);
    }
}

/* ---- start ---- */

/* @param cache  out; NULL: there is none */
static void open_segments(gt_cache_t **cache, gtm_child_t *child, apr_pool_t *p)
{
    const gt_config_t *config = child->config;

    child->limits = gt_limits_open(made.limits->memory, made.limits->size, config->limit_slots, p);
    child->mailboxes = gt_mailboxes_make(child->limits, p);
    child->arrivals = gt_arrivals_make(p);
    child->slots = gt_slots_open(made.cache->memory, made.cache->size, config->cache_slots,
                                 config->cache_slot_bytes, p);
    *cache = child->slots != NULL
                 ? gt_cache_make(child->slots, made.cache->key, config->cache_time, p)
                 : NULL;
}

/* The audit comes first: an operation that it refuses does not happen and must not be counted. */
static void announce_to(gtm_child_t *child, apr_pool_t *p)
{
    gt_notice_sink_t figures;

    child->audit = gtm_audit_start(child, made.audit->memory, gt_keys_of(made.keys, "")->ring, p);
    child->figures = gt_figures_open(made.figures->memory, made.figures->size);
    figures = gt_figures_sink(child->figures);
    gt_notice_to(&figures);
}

/* Secrets are read now, so that a slow source is done before the first sign-in. */
static void read_ahead(const gtm_child_t *child, apr_pool_t *scratch)
{
    const apr_array_header_t *providers = child->config->providers;

    for (int i = 0; i < providers->nelts; i++) {
        const gt_provider_conf_t *conf = APR_ARRAY_IDX(providers, i, gt_provider_conf_t *);

        for (int s = 0; s < GT_PROVIDER_SOURCES; s++) {
            gt_source_t *source = gt_provider_conf_source(conf, s, NULL);

            if (source != NULL)
                gt_read_ahead(child->readers, source, scratch);
        }
        for (int j = 0; j < conf->tenant_clients->nelts; j++)
            gt_read_ahead(
                child->readers,
                APR_ARRAY_IDX(conf->tenant_clients, j, gt_tenant_client_t *)->client_secret,
                scratch);
    }
}

/* The parent starts another child. Not with APEXIT_CHILDSICK: of MPMs with threads that ends the
 * whole server when no other child is there at the moment. */
static void make_room_for_another(const gt_err_t *err)
{
    gt_log_err(err, "child start");
    apr_sleep(START_AGAIN);
    exit(0);
}

void gtm_child_init(apr_pool_t *pchild, server_rec *s)
{
    const gtm_server_t *server = gtm_server(s);
    gtm_child_t *child;
    gt_db_source_t source = gtm_dbsource(s);
    gt_db_limits_t bounds;
    gt_cache_t *cache;
    gt_err_t *err;
    gt_db_t *db;

    if (!is_used(server) || !made.cache || !made.limits)
        return;
    gtm_log_to(s);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    child = apr_pcalloc(pchild, sizeof(*child));
    child->server = s;
    child->config = server->config;
    child->single = query_mpm(AP_MPMQ_MAX_THREADS) <= 1;
    bounds.users = (int)child->config->db_users;
    bounds.wait = child->config->db_wait;
    bounds.answer = ANSWER_LIMIT;
    db = gt_db_make(&source, &bounds, pchild);
    open_segments(&cache, child, pchild);
    child->entry = gtm_status_claim(made.status->memory, made.status->size, pchild);
    gtm_threads_begin(pchild);
    err = start_threads(child, pchild);
    apr_pool_pre_cleanup_register(pchild, child, end_child);
    if (err != GT_OK)
        make_room_for_another(err);
    announce_to(child, pchild);
    keep_keys(child, pchild);
    make_vault(child, db, cache, pchild);
    gtm_write_hours(child);
    start_jobs(child, pchild);
    gtm_bearers_make(child, pchild);
    read_ahead(child, pchild);
    gtm_watch_credentials(child, pchild);
    the_child = child;
}

/* prefork calls every end ungraceful; but an end that its parent will not wait for runs in TERM's
 * handler. */
static int has_time(const gtm_child_t *child, int graceful)
{
    sigset_t blocked;

    if (!child->single)
        return graceful;
    return pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, SIGTERM);
}

void gtm_child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    if (the_child)
        the_child->is_graceful = has_time(the_child, graceful);
    if (the_child)
        gt_jobs_stop(the_child->jobs);
    /* Parked calls of a graceful end still need the loop and the crew: end_child stops them when
     * the last connection is gone. An ungraceful end waits for no client. */
    if (the_child && !the_child->is_graceful) {
        __atomic_store_n(&the_child->ends_at_once, 1, __ATOMIC_RELEASE);
        gt_loop_close(the_child->loop);
    }
    if (the_child && the_child->finishers)
        gt_finishers_close(the_child->finishers);
}

/* The MPMs with threads say it by child_stopping. prefork's would, in the handler of a signal that
 * is held back while its thread waits (child/signals.h). */
int gtm_child_ends_at_once(const gtm_child_t *child)
{
    sigset_t pending;

    if (!child->single)
        return __atomic_load_n(&child->ends_at_once, __ATOMIC_ACQUIRE);
    return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1;
}
