/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_STATUS_H
#define GTM_STATUS_H

/**
 * @file status.h
 * The figures on mod_status's page. Each child has an entry in memory that all of them share, so
 * that the child that answers knows every other; figures that are counted elsewhere are copied
 * there once a second. An entry is claimed by its child's pid, given back at its end, and taken
 * over from a child that died.
 */

#include <httpd.h>

#include "child/child.h"

/** A child's entry; only status.c looks inside. */
typedef struct gtm_entry_t gtm_entry_t;

/** Bytes of the segment for as many children as the MPM may run, old generations included. */
apr_size_t gtm_status_size(void);

/** child_init, before threads start: claim an entry for this child. One of its own, which is
 * not shown, when there is none left. */
gtm_entry_t *gtm_status_claim(void *memory, apr_size_t size, apr_pool_t *pchild);

/** A request begins (1) or ends (-1) to be parked. */
void gtm_status_parks(gtm_entry_t *entry, int by);

/** A request begins (1) or ends (-1) to hold a thread while it waits. */
void gtm_status_waits(gtm_entry_t *entry, int by);

/** For gt_crew_every: copy the figures that are counted elsewhere. @param child a gtm_child_t */
void gtm_status_copy(void *child, apr_pool_t *scratch);

/** The present work of all children. */
typedef struct gtm_totals_t {
    apr_int64_t children, parked, waiting, transfers;
} gtm_totals_t;

/** Add up the entries of children that live. */
void gtm_status_totals(gtm_totals_t *totals);

/** mod_status's hook. */
int gtm_status(request_rec *r, int flags);

#endif
