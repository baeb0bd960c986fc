/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_metrics.c
 * The figures of this node as Prometheus reads them (mission O9); docs/metrics.md names each. No
 * caller, nothing that names a user. Counting the grants walks over a table, so a child asks each
 * store every 15 s at most, also while the database is away.
 */

#include <pthread.h>

#include <apr_strings.h>
#include <http_protocol.h>

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"
#include "route.h"
#include "shm/page.h"
#include "status.h"

#define KEEP apr_time_from_sec(15)
#define STORES_MAX 64

/** What is known of a store. */
typedef struct counted_t {
    gt_grant_stats_t stats;
    apr_time_t at; /* ticks; 0: never asked */
    int is_there;
} counted_t;

/* By the store's place in the configuration; a child has one configuration all its life. */
static struct {
    pthread_mutex_t lock;
    counted_t stores[STORES_MAX];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void ask_store(counted_t *counted, const gtm_exchange_t *x, const char *name)
{
    gt_store_t *store = x->child->vault ? gt_vault_store(x->child->vault, name) : NULL;
    gt_err_t *err;

    counted->at = gt_ticks();
    counted->is_there = 0;
    if (!store)
        return;
    err = gt_grant_stats(&counted->stats, store, x->child->config->refresh_margin, x->r->pool);
    counted->is_there = !err;
    if (err)
        gt_log(GT_LOG_WARNING, "GT0881", "metrics without the tokens of store %s: %s", name,
               err->detail);
}

/* Whoever comes while another request asks gets what was known before. */
static counted_t look_at_store(const gtm_exchange_t *x, int number, const char *name)
{
    counted_t found, *place = &kept.stores[number];
    int is_due;

    pthread_mutex_lock(&kept.lock);
    is_due = place->at == 0 || gt_ticks() - place->at >= KEEP;
    if (is_due)
        place->at = gt_ticks();
    found = *place;
    pthread_mutex_unlock(&kept.lock);
    if (!is_due)
        return found;
    ask_store(&found, x, name);
    pthread_mutex_lock(&kept.lock);
    *place = found;
    pthread_mutex_unlock(&kept.lock);
    return found;
}

static void print_store(gt_page_t *page, const char *name, const counted_t *counted)
{
    const gt_grant_stats_t *stats = &counted->stats;
    const struct {
        const char *status;
        apr_int64_t count;
    } rows[] = {{"active", stats->active},
                {"inactive", stats->inactive},
                {"needs_user", stats->needs_user},
                {"expired", stats->expired},
                {"expiring_soon", stats->expiring_soon},
                {"failing", stats->refresh_failures}};

    if (!counted->is_there) {
        gt_page_comment(page, apr_psprintf(page->pool, "store %s is left out: no answer", name));
        return;
    }
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_page_label_t labels[] = {
            {"store", name}, {"status", rows[i].status}, {NULL, NULL}};

        gt_page_sample(page, labels, rows[i].count);
    }
}

static void print_stores(gt_page_t *page, const gtm_exchange_t *x)
{
    const apr_array_header_t *stores = x->child->config->stores;

    gt_page_family(page, "graphtok_tokens", "gauge",
                   "Grants of a store; expired, expiring_soon and failing are also counted by "
                   "their status.");
    for (int i = 0; i < stores->nelts && i < STORES_MAX; i++) {
        const char *name = APR_ARRAY_IDX(stores, i, gt_store_conf_t *)->name;
        counted_t counted = look_at_store(x, i, name);

        print_store(page, name, &counted);
    }
}

static void print_cache(gt_page_t *page, const gtm_exchange_t *x)
{
    static const gt_page_label_t evicted[] = {{"reason", "evicted"}, {NULL, NULL}};
    static const gt_page_label_t large[] = {{"reason", "too_large"}, {NULL, NULL}};
    gt_slots_figures_t figures = {0};

    if (x->child->slots)
        gt_slots_figures(&figures, x->child->slots);
    gt_page_family(page, "graphtok_cache_slots", "gauge", "Slots of the token cache.");
    gt_page_sample(page, NULL, figures.slots);
    gt_page_family(page, "graphtok_cache_slots_used", "gauge", "Slots that hold something.");
    gt_page_sample(page, NULL, figures.used);
    gt_page_family(page, "graphtok_cache_losses_total", "counter",
                   "Values that had to make room, or were too large for a slot.");
    gt_page_sample(page, evicted, figures.evicted);
    gt_page_sample(page, large, figures.too_large);
}

static void print_work(gt_page_t *page)
{
    gtm_totals_t totals;

    gtm_status_totals(&totals);
    gt_page_family(page, "graphtok_children", "gauge", "Children of this httpd at work.");
    gt_page_sample(page, NULL, totals.children);
    gt_page_family(page, "graphtok_parked_requests", "gauge",
                   "Requests that wait for a provider and hold no thread.");
    gt_page_sample(page, NULL, totals.parked);
    gt_page_family(page, "graphtok_waiting_requests", "gauge",
                   "Requests that wait for a provider and hold a thread.");
    gt_page_sample(page, NULL, totals.waiting);
    gt_page_family(page, "graphtok_transfers", "gauge", "Calls to providers under way.");
    gt_page_sample(page, NULL, totals.transfers);
}

static gt_err_t *show_metrics(gt_task_t *task, void *state)
{
    gtm_exchange_t *x = state;
    gt_page_t *page = gt_page_make(x->r->pool);
    static const gt_page_label_t version[] = {{"version", GT_VERSION}, {NULL, NULL}};

    (void)task;
    gt_page_family(page, "graphtok_info", "gauge", "Which mod_graphtok this is; always 1.");
    gt_page_sample(page, version, 1);
    if (x->child->vault)
        gt_figures_set(x->child->figures, GT_GAUGE_JOURNAL,
                       gt_vault_journal_length(x->child->vault, x->r->pool));
    gt_figures_print(page, x->child->figures);
    print_cache(page, x);
    print_work(page);
    print_stores(page, x);
    gtm_answer_text(x, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", page->text);
    return GT_OK;
}

static gt_step_fn *const metrics_steps[] = {show_metrics, NULL};
static const gt_work_t metrics = {"metrics", metrics_steps, NULL};

const gtm_route_t gtm_metrics_routes[] = {
    {"metrics", "GET", "/", GTM_LIMIT_NONE, GTM_ANYBODY | GTM_NO_GRANT, &metrics},
    {NULL, NULL, NULL, GTM_LIMIT_NONE, 0, NULL}};
