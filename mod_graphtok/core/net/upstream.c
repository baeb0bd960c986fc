/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file upstream.c Announcing a call's end for the figures: an answer of any status counts with
 * its time, no answer counts as a failure. */

#include "net/upstream.h"

#include "base/notice.h"

void gt_upstream_tell(gt_transfer_t *transfer, const char *provider, const char *purpose,
                      apr_pool_t *p)
{
    const gt_answer_t *answer = gt_transfer_answer(transfer);
    gt_notice_t event = {.kind = GT_NOTICE_UPSTREAM, .provider = provider, .detail = purpose};

    event.err = gt_transfer_error(transfer, p);
    if (event.err != GT_OK && event.err->cls == GT_CANCELLED)
        return;
    if (event.err == GT_OK && answer != NULL)
        event.took = answer->took;
    gt_notice(&event);
}
