/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_AUDIT_SINK_H
#define GTM_AUDIT_SINK_H

/**
 * @file audit_sink.h
 * The files or programs of the audit (GraphTokAudit) and of its heads (GraphTokAuditHeads): opened
 * by the parent as root at each start and restart, inherited by its children, of which each has a
 * writer of its own.
 */

#include "child/child.h"

/** open_logs hook. A file that cannot be opened is told; it does not stop the start. */
int gtm_audit_open(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/**
 * This child's writer, heard from now on; its background work goes to the child's crew.
 * @param heads  the shared memory of audit/chain.h
 * @param ring   NULL: not there yet, see gt_audit_key
 * @return NULL when no audit is configured
 */
gt_audit_t *gtm_audit_start(const gtm_child_t *child, void *heads, const gt_keyring_t *ring,
                            apr_pool_t *p);

#endif
