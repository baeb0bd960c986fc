/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Checks of what concerns the whole server and no place: its database, the journal's folder, its
 * time limits.
 */

#include "config/verify.h"

#include <string.h>

#include "base/clock.h"
#include "config/db_source.h"
#include "config/journal_folder.h"

/** A SQLite file that cannot be made, or a server that stands still or a network that swallows
 * packets, waited for without a limit. */
static void check_database(const gtm_verdict_t *v)
{
    const gt_config_t *config = v->server->config;
    const char *missing, *fault;

    if (config->db_params_where == NULL)
        return;
    fault = strcmp(config->db_driver, "sqlite3") == 0
                ? gtm_dbsource_unwritable(config->db_params, v->p)
                : NULL;
    if (fault != NULL)
        gtm_note(v->warnings, config->db_params_where, "DBDParams: %s", fault);
    if (strcmp(config->db_driver, "pgsql") != 0)
        return;
    missing = gtm_dbsource_unbounded(config->db_params, v->p);
    if (missing != NULL)
        gtm_note(v->warnings, config->db_params_where,
                 "DBDParams: add %s, so that a database that hangs is noticed", missing);
}

/** At a start the code that takes the folder logs it. */
static void check_journal(const gtm_verdict_t *v)
{
    const gt_config_t *config = v->server->config;
    const char *fault = v->is_test ? gtm_folder_fault(config, v->p) : NULL;

    if (fault != NULL && config->providers->nelts > 0)
        gtm_note(v->warnings, v->journal_where, "GraphTokJournal: %s", fault);
}

/* The shortest one of all hosts, and the slowest provider. A call may be preceded by a refresh. */
static void check_timeout(const gtm_verdict_t *v)
{
    const gt_provider_conf_t *slowest = NULL;
    const server_rec *host = v->s;

    for (const server_rec *s = v->s->next; s != NULL; s = s->next)
        if (s->timeout > 0 && s->timeout < host->timeout)
            host = s;
    for (int i = 0; i < v->server->config->providers->nelts; i++) {
        const gt_provider_conf_t *provider =
            APR_ARRAY_IDX(v->server->config->providers, i, gt_provider_conf_t *);

        if (slowest == NULL || provider->timeout > slowest->timeout)
            slowest = provider;
    }
    if (slowest == NULL || gtm_answer_span(host->timeout) >= 2 * slowest->timeout)
        return;
    gtm_note(v->warnings, slowest->where,
             "provider %s: a refresh and the call after it may take %s each (GraphTokTimeout), but "
             "with Timeout %s a client is told 504 after %s%s",
             slowest->name, gt_span_text(slowest->timeout, v->p), gt_span_text(host->timeout, v->p),
             gt_span_text(gtm_answer_span(host->timeout), v->p),
             gtm_host_shown(v, host == v->s ? NULL : host));
}

void gtm_check_server(const gtm_verdict_t *v)
{
    check_database(v);
    check_journal(v);
    check_timeout(v);
}
