/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Signals are blocked for the time: the handler runs when they are let through again. */

#include "block.h"

#include "deadline.h"
#include "status.h"
#include "task/wait.h"

void gtm_block_begin(sigset_t *before, const gtm_child_t *child)
{
    sigset_t ends;

    if (!child->single)
        return;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &ends, before);
}

void gtm_block_end(const sigset_t *before, const gtm_child_t *child)
{
    if (child->single)
        pthread_sigmask(SIG_SETMASK, before, NULL);
}

gt_err_t *gtm_block_run(gtm_exchange_t *x, const gt_work_t *work, void *state)
{
    const gtm_child_t *child = x->child;
    sigset_t before;
    gt_err_t *err;

    gtm_block_begin(&before, child);
    gtm_status_waits(child->entry, 1);
    err = gt_wait_run(work, state, child->loop, gtm_deadline_begin(x), x->r->pool);
    gtm_status_waits(child->entry, -1);
    gtm_block_end(&before, child);
    return err;
}
