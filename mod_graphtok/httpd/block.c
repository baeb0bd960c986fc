/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Under prefork a signal's handler ends the child from wherever it is: that must not be while we
 * hold a lock, so signals are blocked for the time.
 */

#include "block.h"

#include <signal.h>

#include "status.h"
#include "task/wait.h"

/* Every transfer has a time limit of its own; this one only bounds a client that reads forever. */
#define LONGEST_WAIT apr_time_from_sec(3600)

gt_err_t *gtm_block_run(const gtm_child_t *child, const gt_work_t *work, void *state, apr_pool_t *p)
{
    sigset_t ends, before;
    gt_err_t *err;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGUSR1);
    if (child->single)
        pthread_sigmask(SIG_BLOCK, &ends, &before);
    gtm_status_waits(child->entry, 1);
    err = gt_wait_run(work, state, child->loop, LONGEST_WAIT, p);
    gtm_status_waits(child->entry, -1);
    if (child->single)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}
