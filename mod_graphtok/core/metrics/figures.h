/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FIGURES_H
#define GT_FIGURES_H

/**
 * @file figures.h
 * Counters and histograms of a whole node: in memory that its processes share and that outlives
 * graceful restarts, fed by announcements (base/notice.h), printed as Prometheus text. A count
 * is one relaxed addition to a cache line that other processors do not touch: counters stand once
 * for each of 16 stripes, chosen by the processor we run on, and are added up when they are read.
 * A process killed at any instruction leaves them right.
 *
 * Labels of rooms above (providers, classes of limits, results of a token) are registered by the
 * parent while no other process writes; a value that finds no place any more is counted as "other".
 * No text of a client becomes a label. Thread-safe.
 */

#include "base/notice.h"
#include "shm/page.h"

typedef struct gt_figures_t gt_figures_t;

/** Figures that are set, not counted. */
typedef enum gt_gauge_t {
    GT_GAUGE_JOURNAL, /* entries of the journal that wait for the database */
    GT_GAUGES
} gt_gauge_t;

/** Lists of names that are registered. */
typedef enum gt_label_t {
    GT_LABEL_PROVIDER,
    GT_LABEL_LIMIT,
    GT_LABEL_CALLER, /* how a caller's token was judged */
    GT_LABEL_STORE,
    GT_LABELS
} gt_label_t;

/** Bytes of the memory. */
apr_size_t gt_figures_size(void);

/** Use the memory; a zeroed one is formatted, one of the same shape is taken as it is.
 * @return NULL when it holds something else: zero it */
gt_figures_t *gt_figures_open(void *memory, apr_size_t size);

/** Register a label's value, once or more often. The parent alone, before it has children. */
void gt_figures_name(gt_figures_t *figures, gt_label_t label, const char *name);

/** Set a gauge of this node. */
void gt_figures_set(gt_figures_t *figures, gt_gauge_t gauge, apr_int64_t value);

/** For gt_notice_to. */
gt_notice_sink_t gt_figures_sink(gt_figures_t *figures);

/** Add all of them to a page. */
void gt_figures_print(gt_page_t *page, gt_figures_t *figures);

#endif
