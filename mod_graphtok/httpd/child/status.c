/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file status.c
 * The figures of mod_status. Words of one entry need not agree with each other: these are figures
 * to look at. The system tells whether a child lives; a beat tells a child of ours from another
 * process that has its pid by now.
 */

#include "child/status.h"

#include <ap_mpm.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_status.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "child/signals.h"
#include "graph/mailbox.h"
#include "net/loop.h"

/* A child without a beat for so long hangs or is gone. */
#define LONGEST_PAUSE apr_time_from_sec(30)

typedef enum figure_t {
    PARKED,
    WAITING,
    TRANSFERS,
    QUEUED,
    CONNECTIONS,
    JOBS,
    STARTED,
    FAILED,
    FIGURES
} figure_t;

static const struct {
    const char *key;   /* with ?auto, after "GraphTok" */
    const char *title; /* in the table */
} figures[FIGURES] = {
    [PARKED] = {"Parked", "parked"},
    [WAITING] = {"Waiting", "on threads"},
    [TRANSFERS] = {"Transfers", "calls under way"},
    [QUEUED] = {"Queued", "in queues of mailboxes"},
    [CONNECTIONS] = {"Connections", "connections to providers"},
    [JOBS] = {"Jobs", "refreshes and other jobs"},
    [STARTED] = {"Calls", "calls"},
    [FAILED] = {"Failed", "failed"},
};

typedef _Atomic apr_int64_t word_t;

struct gtm_entry_t {
    word_t pid;  /* 0: free */
    word_t beat; /* gt_ticks() of the last copy */
    word_t words[FIGURES];
    word_t spare[16 - 2 - FIGURES]; /* entries do not share cache lines */
};

/* This process's view. */
static struct {
    gtm_entry_t *entries;
    apr_size_t count;
} all;

apr_size_t gtm_status_size(void)
{
    int children = 0;

    if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &children) != APR_SUCCESS || children < 8)
        children = 8;
    return (apr_size_t)children * 2 * sizeof(gtm_entry_t);
}

/* ---- entries ---- */

static apr_status_t give_back(void *baton)
{
    atomic_store(&((gtm_entry_t *)baton)->pid, 0);
    return APR_SUCCESS;
}

static int is_gone(apr_int64_t pid)
{
    return pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

static int claim(gtm_entry_t *entry)
{
    apr_int64_t owner = atomic_load(&entry->pid);

    if (!is_gone(owner) || !atomic_compare_exchange_strong(&entry->pid, &owner, getpid()))
        return 0;
    for (int i = 0; i < FIGURES; i++)
        atomic_store(&entry->words[i], 0);
    atomic_store(&entry->beat, gt_ticks());
    return 1;
}

gtm_entry_t *gtm_status_claim(void *memory, apr_size_t size, apr_pool_t *pchild)
{
    all.entries = memory;
    all.count = memory != NULL ? size / sizeof(gtm_entry_t) : 0;
    for (apr_size_t i = 0; i < all.count; i++) {
        if (claim(&all.entries[i])) {
            apr_pool_cleanup_register(pchild, &all.entries[i], give_back, apr_pool_cleanup_null);
            return &all.entries[i];
        }
    }
    return apr_pcalloc(pchild, sizeof(gtm_entry_t));
}

void gtm_status_parks(gtm_entry_t *entry, int by)
{
    atomic_fetch_add_explicit(&entry->words[PARKED], by, memory_order_relaxed);
}

void gtm_status_waits(gtm_entry_t *entry, int by)
{
    atomic_fetch_add_explicit(&entry->words[WAITING], by, memory_order_relaxed);
}

void gtm_status_copy(void *baton, apr_pool_t *scratch)
{
    gtm_child_t *child = baton;
    word_t *words = child->entry->words;
    gt_mailbox_figures_t mailboxes;
    gt_loop_figures_t loop;

    (void)scratch;
    gt_loop_figures(&loop, child->loop);
    gt_mailboxes_figures(&mailboxes, child->mailboxes);
    atomic_store(&words[TRANSFERS], loop.transfers);
    atomic_store(&words[CONNECTIONS], loop.connections);
    atomic_store(&words[STARTED], loop.started);
    atomic_store(&words[FAILED], loop.failed);
    atomic_store(&words[QUEUED], mailboxes.waiting);
    atomic_store(&words[JOBS], gt_crew_busy(child->crew));
    atomic_store(&child->entry->beat, gt_ticks());
}

static int is_shown(gtm_entry_t *entry)
{
    return !is_gone(atomic_load(&entry->pid)) &&
           gt_ticks() - atomic_load(&entry->beat) < LONGEST_PAUSE;
}

void gtm_status_totals(gtm_totals_t *totals)
{
    *totals = (gtm_totals_t){0};
    for (apr_size_t i = 0; i < all.count; i++) {
        gtm_entry_t *entry = &all.entries[i];

        if (!is_shown(entry))
            continue;
        totals->children++;
        totals->parked += atomic_load(&entry->words[PARKED]);
        totals->waiting += atomic_load(&entry->words[WAITING]);
        totals->transfers += atomic_load(&entry->words[TRANSFERS]);
    }
}

/* ---- the shared entries ---- */

typedef struct shared_t {
    const char *key, *title;
    apr_int64_t value;
} shared_t;

#define SHARED 12

/* Whole days; -1: no end is known. */
static apr_int64_t days_left(gtm_child_t *child)
{
    const gt_vault_t *vault = child->vault;
    const apr_array_header_t *providers = child->config->providers;
    apr_time_t first = 0;

    for (int i = 0; i < providers->nelts; i++) {
        const char *name = APR_ARRAY_IDX(providers, i, gt_provider_conf_t *)->name;
        gt_expiry_t expiries[GT_EXPIRIES_MAX];
        int count = gt_credentials_expiries(
            expiries, gt_provider_credentials(gt_vault_provider(vault, name)));

        for (int e = 0; e < count; e++)
            if (first == 0 || expiries[e].at < first)
                first = expiries[e].at;
    }
    if (first == 0)
        return -1;
    return first > gt_now() ? apr_time_sec(first - gt_now()) / 86400 : 0;
}

static void look_at_shared(shared_t rows[SHARED], gtm_child_t *child)
{
    gt_slots_figures_t cache = {0};
    const shared_t found[SHARED] = {
        {"MaxTransfers", "most calls under way in a child", child->config->max_transfers},
        {"CacheSlots", "slots of the token cache", 0},
        {"CacheUsed", "used", 0},
        {"CacheHits", "hits", 0},
        {"CacheMisses", "misses", 0},
        {"CacheStored", "stored", 0},
        {"CacheEvicted", "evicted", 0},
        {"CacheTooLarge", "too large", 0},
        {"CacheHealed", "healed", 0},
        {"LimitSlots", "counters of limits", child->config->limit_slots},
        {"LimitUsed", "used", child->limits != NULL ? gt_limits_used(child->limits) : 0},
        {"CredentialDays", "days until the first client certificate or secret ends",
         days_left(child)},
    };

    if (child->slots != NULL)
        gt_slots_figures(&cache, child->slots);
    memcpy(rows, found, sizeof(found));
    rows[1].value = cache.slots;
    rows[2].value = cache.used;
    rows[3].value = cache.hits;
    rows[4].value = cache.misses;
    rows[5].value = cache.stored;
    rows[6].value = cache.evicted;
    rows[7].value = cache.too_large;
    rows[8].value = cache.healed;
}

/* ---- pages ---- */

static void say_short(request_rec *r, const shared_t rows[SHARED])
{
    apr_int64_t sums[FIGURES] = {0};
    int children = 0;

    for (apr_size_t i = 0; i < all.count; i++) {
        if (!is_shown(&all.entries[i]))
            continue;
        children++;
        for (int f = 0; f < FIGURES; f++)
            sums[f] += atomic_load(&all.entries[i].words[f]);
    }
    ap_rprintf(r, "GraphTokChildren: %d\n", children);
    for (int f = 0; f < FIGURES; f++)
        ap_rprintf(r, "GraphTok%s: %" APR_INT64_T_FMT "\n", figures[f].key, sums[f]);
    for (int i = 0; i < SHARED; i++)
        ap_rprintf(r, "GraphTok%s: %" APR_INT64_T_FMT "\n", rows[i].key, rows[i].value);
}

static void say_child(request_rec *r, gtm_entry_t *entry)
{
    ap_rprintf(r, "<tr><td>%" APR_INT64_T_FMT "</td>", (apr_int64_t)atomic_load(&entry->pid));
    for (int f = 0; f < FIGURES; f++)
        ap_rprintf(r, "<td>%" APR_INT64_T_FMT "</td>", (apr_int64_t)atomic_load(&entry->words[f]));
    ap_rputs("</tr>\n", r);
}

static void say_page(request_rec *r, const shared_t rows[SHARED])
{
    ap_rputs("<hr />\n<h1>mod_graphtok</h1>\n<table border=\"0\"><tr><th>PID</th>", r);
    for (int f = 0; f < FIGURES; f++)
        ap_rprintf(r, "<th>%s</th>", figures[f].title);
    ap_rputs("</tr>\n", r);
    for (apr_size_t i = 0; i < all.count; i++) {
        if (is_shown(&all.entries[i]))
            say_child(r, &all.entries[i]);
    }
    ap_rputs("</table>\n<p>", r);
    for (int i = 0; i < SHARED; i++)
        ap_rprintf(r, "%s%s: <b>%" APR_INT64_T_FMT "</b>", i ? ", " : "", rows[i].title,
                   rows[i].value);
    ap_rputs("</p>\n", r);
}

int gtm_status(request_rec *r, int flags)
{
    gtm_child_t *child = gtm_child();
    shared_t rows[SHARED];
    sigset_t before;

    if (child == NULL)
        return DECLINED;
    gtm_signals_hold(&before, child);
    gtm_status_copy(child, r->pool);
    look_at_shared(rows, child);
    gtm_signals_release(&before, child);
    if (flags & AP_STATUS_SHORT)
        say_short(r, rows);
    else
        say_page(r, rows);
    return OK;
}
