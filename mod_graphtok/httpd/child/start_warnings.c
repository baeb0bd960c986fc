/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file start_warnings.c
 * Warnings at the start about numbers that do not fit. The MPM can be asked for its threads, but
 * not for AsyncRequestWorkerFactor and H2MaxWorkers, so these are looked up in the configuration
 * tree. Source of the numbers: server/mpm/event/event.c (a child accepts while connections <
 * ThreadsPerChild + idle workers × factor), mod_http2's H2MaxWorkers.
 */

#include "child/start_warnings.h"

#include <ap_mpm.h>
#include <http_log.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "child/child.h"
#include "child/memory.h"
#include "config/tree.h"

APLOG_USE_MODULE(graphtok);

/* The client's, an eventfd, the provider's. */
#define DESCRIPTORS_A_CALL 3

/* httpd's default of AsyncRequestWorkerFactor. */
#define FACTOR_UNSAID 2.0
#define H2_WORKERS_A_THREAD 1.5

/* Directives of the tree; of two of one name the last counts, as in httpd. */
typedef struct said_t {
    double factor;  /* AsyncRequestWorkerFactor */
    double h2_most; /* H2MaxWorkers; 0: not said */
    int speaks_h2;  /* Protocols names h2 or h2c */
    apr_pool_t *pool;
} said_t;

static void look(void *baton, const ap_directive_t *node)
{
    said_t *said = baton;
    const char *args = node->args;
    const char *word;

    if (gtm_tree_is(node, "AsyncRequestWorkerFactor"))
        said->factor = strtod(gtm_tree_word(&args, said->pool), NULL);
    else if (gtm_tree_is(node, "H2MaxWorkers"))
        said->h2_most = strtod(gtm_tree_word(&args, said->pool), NULL);
    else if (gtm_tree_is(node, "Protocols")) {
        while (*(word = gtm_tree_word(&args, said->pool)))
            said->speaks_h2 |= !strcmp(word, "h2") || !strcmp(word, "h2c");
    }
}

static void tell_of_descriptors(apr_int64_t calls, server_rec *s)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur / DESCRIPTORS_A_CALL >= (rlim_t)calls)
        return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "GT0804: %lu descriptors a child carry about %lu calls, but GraphTokMaxTransfers "
                 "is %" APR_INT64_T_FMT ": raise LimitNOFILE (systemd) or APACHE_ULIMIT_MAX_FILES "
                 "to %" APR_INT64_T_FMT " or more",
                 (unsigned long)files.rlim_cur, (unsigned long)files.rlim_cur / DESCRIPTORS_A_CALL,
                 calls, (calls + 1) * DESCRIPTORS_A_CALL);
}

static void tell_of_connections(int threads, double factor, apr_int64_t calls, server_rec *s)
{
    double most = threads * (factor + 1);

    if (most >= (double)calls)
        return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "GT0808: a child takes about %d connections (ThreadsPerChild %d times "
                 "the sum of AsyncRequestWorkerFactor %g and 1), but GraphTokMaxTransfers is "
                 "%" APR_INT64_T_FMT ": AsyncRequestWorkerFactor %d lets it take as many",
                 (int)most, threads, factor, calls, (int)((calls + threads - 1) / threads));
}

static void tell_of_http2(int threads, const said_t *said, apr_int64_t calls, server_rec *s)
{
    double most = said->h2_most > 0 ? said->h2_most : threads * H2_WORKERS_A_THREAD;

    if (!said->speaks_h2 || ap_find_linked_module("mod_http2.c") == NULL || most >= (double)calls)
        return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "GT0809: over HTTP/2 each call holds a thread while it waits, %d a child: "
                 "H2MaxWorkers sets how many (GraphTokMaxTransfers is %" APR_INT64_T_FMT ")",
                 (int)most, calls);
}

static void tell_of_memory(const gt_config_t *config, server_rec *s)
{
    const gtm_memory_t memory = gtm_memory(config);

    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                 "shared memory: %" APR_SIZE_T_FMT " KiB for %" APR_INT64_T_FMT
                 " tokens (GraphTokCacheSlots), %" APR_SIZE_T_FMT " KiB for %" APR_INT64_T_FMT
                 " limits (GraphTokLimitSlots), %" APR_SIZE_T_FMT " KiB for mod_status",
                 memory.cache / 1024, config->cache_slots, memory.limits / 1024,
                 config->limit_slots, memory.status / 1024);
}

void gtm_warn_at_start(const gt_config_t *config, server_rec *s)
{
    said_t said = {FACTOR_UNSAID, 0, 0, NULL};
    int threads = 0;

    tell_of_memory(config, s);
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS || threads < 1)
        threads = 1;
    if (!gtm_mpm_can_park()) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "GT0803: this MPM cannot park: every call to a provider holds one of %d "
                     "threads a child while it waits; mpm_event does not (a2enmod mpm_event)",
                     threads);
        return;
    }
    apr_pool_create(&said.pool, NULL);
    gtm_tree_each(look, &said);
    apr_pool_destroy(said.pool);
    tell_of_descriptors(config->max_transfers, s);
    tell_of_connections(threads, said.factor, config->max_transfers, s);
    tell_of_http2(threads, &said, config->max_transfers, s);
}
