/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file blocking.c Running a task on the request's thread, which counts among those that wait in
 * mod_status. */

#include "park/blocking.h"

#include <apr_portable.h>
#include <http_core.h>
#include <poll.h>

#include "child/signals.h"
#include "child/status.h"
#include "request/time_limit.h"
#include "task/wait.h"

/* A client whose connection is broken. One that only writes no more still reads. mod_http2 says it
 * of a stream that was reset, whose connection goes on. */
static int look_for_hang_up(conn_rec *c)
{
    struct pollfd client = {.fd = -1};

    if (c->aborted || c->master != NULL)
        return c->aborted ? 1 : 0;
    apr_os_sock_get(&client.fd, ap_get_conn_socket(c));
    return poll(&client, 1, 0) > 0;
}

static int has_come(void *baton)
{
    const gtm_request_t *x = baton;

    return gtm_child_ends_at_once(x->child) || look_for_hang_up(x->r->connection);
}

/* A client that still listens is told why. */
static gt_err_t *explain(gt_err_t *err, const gtm_request_t *x)
{
    if (err == GT_OK || err->cls != GT_CANCELLED || !gtm_child_ends_at_once(x->child))
        return err;
    err = gt_err(x->r->pool, GT_BUSY, "GT0840", "the server ends");
    err->retry_after = APR_USEC_PER_SEC;
    return err;
}

gt_err_t *gtm_blocking_run(gtm_request_t *x, const gt_work_t *work, void *state)
{
    gtm_child_t *child = x->child;
    const gt_end_t end = {has_come, x};
    sigset_t before;
    gt_err_t *err;

    gtm_signals_hold(&before, child);
    gtm_status_waits(child->entry, 1);
    err = gt_wait_run_until(&end, work, state, child->loop, gtm_time_limit_begin(x), x->r->pool);
    gtm_status_waits(child->entry, -1);
    err = explain(err, x);
    gtm_signals_release(&before, child);
    return err;
}
