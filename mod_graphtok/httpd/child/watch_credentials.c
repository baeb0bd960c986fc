/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file watch_credentials.c
 * Certificates are read by the readers' threads, which may wait for a file or a command. Shared
 * memory remembers an alarm for a day, so that one child gives it.
 */

#include "child/watch_credentials.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/expiry.h"
#include "oauth/credentials.h"
#include "vault/cache.h"

#define LOOK_EVERY apr_time_from_sec(60)
#define SAID_FOR apr_time_from_sec(86400)

static void tell(gt_cache_t *cache, const gt_provider_conf_t *conf, const gt_expiry_t *expiry,
                 apr_pool_t *p)
{
    int is_over;
    const char *text = gt_expiry_alarm(&is_over, expiry, conf, gt_now(), p);
    const char *mark = apr_psprintf(p, "expiry %s %s %" APR_TIME_T_FMT " %d", conf->name,
                                    expiry->what, expiry->at, is_over);

    if (text == NULL || !gt_cache_once(cache, mark, SAID_FOR))
        return;
    if (is_over)
        gt_log(GT_LOG_ERROR, "GT0868", "%s", text);
    else
        gt_log(GT_LOG_WARNING, "GT0869", "%s", text);
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    const gtm_child_t *child = *(gtm_child_t **)state;
    const gt_vault_t *vault = child->vault;
    const apr_array_header_t *providers = child->config->providers;
    apr_pool_t *p = gt_task_pool(task);

    for (int i = 0; i < providers->nelts; i++) {
        const gt_provider_conf_t *conf = APR_ARRAY_IDX(providers, i, gt_provider_conf_t *);
        gt_credentials_t *credentials =
            gt_provider_credentials(gt_vault_provider(vault, conf->name));
        gt_expiry_t expiries[GT_EXPIRIES_MAX];
        int count;

        gt_credentials_look(credentials, p);
        count = gt_credentials_expiries(expiries, credentials);
        for (int e = 0; e < count; e++)
            tell(gt_vault_parts(vault)->cache, conf, &expiries[e], p);
    }
    return GT_OK;
}

static gt_step_fn *const steps[] = {look, NULL};
static const gt_work_t work = {"look at credentials", steps, NULL};

static void *keep_child(const void *child, apr_pool_t *p)
{
    return apr_pmemdup(p, child, sizeof(gtm_child_t *));
}

static void look_soon(void *baton, apr_pool_t *scratch)
{
    gtm_child_t *child = baton;
    const gt_flight_params_t params = {"credentials", &work, keep_child, &child};

    /* A child that ends takes no work, and nothing is lost by it. */
    (void)!gt_crew_launch(child->readers, &params, scratch);
}

void gtm_watch_credentials(gtm_child_t *child, apr_pool_t *scratch)
{
    look_soon(child, scratch);
    gt_crew_every(child->crew, "credentials", LOOK_EVERY, look_soon, child);
}
