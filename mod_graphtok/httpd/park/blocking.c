/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file blocking.c The thread counts among those that wait in mod_status. */

#include "park/blocking.h"

#include "child/signals.h"
#include "child/status.h"
#include "request/time_limit.h"
#include "task/wait.h"

static int has_come(void *child)
{
    return gtm_child_ends_at_once(child);
}

gt_err_t *gtm_blocking_run(gtm_request_t *x, const gt_work_t *work, void *state)
{
    gtm_child_t *child = x->child;
    const gt_end_t end = {has_come, child};
    sigset_t before;
    gt_err_t *err;

    gtm_signals_hold(&before, child);
    gtm_status_waits(child->entry, 1);
    err = gt_wait_run_until(&end, work, state, child->loop, gtm_time_limit_begin(x), x->r->pool);
    gtm_status_waits(child->entry, -1);
    gtm_signals_release(&before, child);
    return err;
}
