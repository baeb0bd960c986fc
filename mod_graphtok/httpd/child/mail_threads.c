/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_threads.c Mails under way at once are bounded by their loop. */

#include "child/mail_threads.h"

#define THREADS 2
#define MAILS_AT_ONCE 200
#define HOST_CONNECTIONS 100

/* A mail that is dropped between its end and the server's answer has an unknown outcome. */
#define PATIENCE apr_time_from_sec(5)
#define PATIENCE_GRACEFUL apr_time_from_sec(60)

static int keeps_mail(const gt_config_t *config)
{
    for (int i = 0; i < config->stores->nelts; i++)
        if (APR_ARRAY_IDX(config->stores, i, const gt_store_conf_t *)->mail_sync)
            return 1;
    return 0;
}

gt_err_t *gtm_mail_start(gtm_child_t *child, apr_pool_t *p)
{
    const gt_loop_limits_t bounds = {MAILS_AT_ONCE, HOST_CONNECTIONS, 0};

    if (!keeps_mail(child->config))
        return GT_OK;
    GT_TRY(gt_loop_start(&child->mail_loop, &bounds, p));
    return gt_crew_start(&child->mail_crew, "gt-mail", THREADS, child->mail_loop, p);
}

void gtm_mail_stop(gtm_child_t *child)
{
    if (child->mail_crew != NULL)
        gt_crew_stop(child->mail_crew, child->is_graceful ? PATIENCE_GRACEFUL : PATIENCE);
    if (child->mail_loop != NULL)
        gt_loop_stop(child->mail_loop);
}
