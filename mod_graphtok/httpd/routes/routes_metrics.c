/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_metrics.c
 * The figures of this node as Prometheus reads them; docs/metrics.md names each. No
 * caller, nothing that names a user. Grants are sums that all nodes share (core/store/survey.h).
 */

#include <stdatomic.h>

#include <apr_strings.h>
#include <http_protocol.h>

#include "base/clock.h"
#include "base/log.h"
#include "child/status.h"
#include "request/answer.h"
#include "routes/route_sets.h"
#include "shm/page.h"

#define WARN_EVERY apr_time_from_sec(15)

/* Once in 15 s, however often the figures are scraped. */
static int may_warn(void)
{
    static atomic_llong warned_at;
    long long before = atomic_load(&warned_at);

    return (before == 0 || gt_ticks() - before >= WARN_EVERY) &&
           atomic_compare_exchange_strong(&warned_at, &before, gt_ticks());
}

/* 0: it does not answer. */
static int ask_store(gt_grant_stats_t *stats, const gtm_request_t *x, const char *name)
{
    gt_store_t *store = gt_vault_store(x->child->vault, name);
    gt_err_t *err;

    if (store == NULL)
        return 0;
    err = gt_survey_stats(stats, gt_vault_survey(x->child->vault, store), x->r->pool);
    if (err != GT_OK && may_warn())
        gt_log(GT_LOG_WARNING, "GT0881", "metrics without the tokens of store %s: %s", name,
               err->detail);
    return err == GT_OK;
}

/* The answer of a store. */
typedef struct asked_t {
    const char *name;
    int is_there;
    gt_grant_stats_t stats;
} asked_t;

static void print_store(gt_page_t *page, const asked_t *asked)
{
    const gt_grant_stats_t *stats = &asked->stats;
    const struct {
        const char *status;
        apr_int64_t count;
    } rows[] = {{"active", stats->active},
                {"inactive", stats->inactive},
                {"needs_user", stats->needs_user},
                {"expired", stats->expired},
                {"expiring_soon", stats->expiring_soon},
                {"failing", stats->refresh_failures}};

    if (!asked->is_there) {
        gt_page_comment(page,
                        apr_psprintf(page->pool, "store %s is left out: no answer", asked->name));
        return;
    }
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_page_label_t labels[] = {
            {"store", asked->name}, {"status", rows[i].status}, {NULL, NULL}};

        gt_page_sample(page, labels, rows[i].count);
    }
}

static void print_stores(gt_page_t *page, const gtm_request_t *x)
{
    const apr_array_header_t *stores = x->child->config->stores;
    asked_t *asked = apr_pcalloc(x->r->pool, sizeof(*asked) * (apr_size_t)stores->nelts);

    gt_page_family(page, "graphtok_tokens", "gauge",
                   "Grants of a store; expired, expiring_soon and failing are also counted by "
                   "their status.");
    for (int i = 0; i < stores->nelts; i++) {
        asked[i].name = APR_ARRAY_IDX(stores, i, gt_store_conf_t *)->name;
        asked[i].is_there = ask_store(&asked[i].stats, x, asked[i].name);
        print_store(page, &asked[i]);
    }
    gt_page_family(page, "graphtok_tokens_age_seconds", "gauge",
                   "How long ago the grants of a store were counted, the oldest part of them.");
    for (int i = 0; i < stores->nelts; i++) {
        const gt_page_label_t labels[] = {{"store", asked[i].name}, {NULL, NULL}};

        if (asked[i].is_there)
            gt_page_sample(page, labels, apr_time_sec(asked[i].stats.age));
    }
}

static void print_mail(gt_page_t *page, const gtm_request_t *x)
{
    const apr_array_header_t *stores = x->child->config->stores;

    gt_page_family(page, "graphtok_mail_accounts", "gauge", "Mail accounts of a store.");
    for (int i = 0; i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);
        gt_store_t *store = gt_vault_store(x->child->vault, conf->name);
        apr_interval_time_t age;
        gt_mail_sums_t sums;

        if (store == NULL || !gt_mail_is_kept(store, x->r->pool) ||
            gt_survey_mail(&sums, &age, gt_vault_survey(x->child->vault, store), x->r->pool) !=
                GT_OK)
            continue;
        const struct {
            const char *state;
            apr_int64_t count;
        } rows[] = {{"active", sums.active}, {"error", sums.error}, {"off", sums.off}};

        for (apr_size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
            const gt_page_label_t labels[] = {
                {"store", conf->name}, {"state", rows[r].state}, {NULL, NULL}};

            gt_page_sample(page, labels, rows[r].count);
        }
    }
}

static void print_cache(gt_page_t *page, const gtm_request_t *x)
{
    static const gt_page_label_t evicted[] = {{"reason", "evicted"}, {NULL, NULL}};
    static const gt_page_label_t large[] = {{"reason", "too_large"}, {NULL, NULL}};
    gt_slots_figures_t figures = {0};

    if (x->child->slots != NULL)
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

static void print_expiries(gt_page_t *page, const gtm_request_t *x)
{
    const apr_array_header_t *providers = x->child->config->providers;

    gt_page_family(page, "graphtok_credential_expiry_timestamp_seconds", "gauge",
                   "When a client certificate or secret ends, in seconds since 1970.");
    for (int i = 0; i < providers->nelts; i++) {
        const char *name = APR_ARRAY_IDX(providers, i, gt_provider_conf_t *)->name;
        gt_expiry_t expiries[GT_EXPIRIES_MAX];
        int count = gt_credentials_expiries(
            expiries, gt_provider_credentials(gt_vault_provider(x->child->vault, name)));

        for (int e = 0; e < count; e++) {
            const gt_page_label_t labels[] = {
                {"provider", name}, {"credential", expiries[e].what}, {NULL, NULL}};

            gt_page_sample(page, labels, apr_time_sec(expiries[e].at));
        }
    }
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
    gtm_request_t *x = state;
    gt_page_t *page = gt_page_make(x->r->pool);
    static const gt_page_label_t version[] = {{"version", GT_VERSION}, {NULL, NULL}};

    (void)task;
    gt_page_family(page, "graphtok_info", "gauge", "Which mod_graphtok this is; always 1.");
    gt_page_sample(page, version, 1);
    gt_figures_set(x->child->figures, GT_GAUGE_JOURNAL,
                   gt_vault_journal_length(x->child->vault, x->r->pool));
    gt_figures_print(page, x->child->figures);
    print_cache(page, x);
    print_work(page);
    print_expiries(page, x);
    print_stores(page, x);
    print_mail(page, x);
    gtm_answer_text(x, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", page->text);
    return GT_OK;
}

static gt_step_fn *const metrics_steps[] = {show_metrics, NULL};
static const gt_work_t metrics = {"metrics", metrics_steps, NULL};

const gtm_route_t gtm_metrics_routes[] = {{"metrics", "GET", "/", GTM_LIMIT_NONE,
                                           .demands = GTM_NO_CALLER | GTM_NO_GRANT,
                                           .work = &metrics},
                                          {.name = NULL}};
