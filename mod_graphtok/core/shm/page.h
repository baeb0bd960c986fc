/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PAGE_H
#define GT_PAGE_H

/**
 * @file page.h
 * Prometheus' text exposition format 0.0.4: families of samples, every family once, with its help
 * and type. Values of labels may hold any UTF-8; they are escaped here. A page is used by one
 * thread.
 */

#include "gt.h"

/** A page that grows in its pool. */
typedef struct gt_page_t {
    char *text; /* NUL-terminated */
    apr_size_t len, room;
    const char *family; /* the one that is open */
    apr_pool_t *pool;
} gt_page_t;

/** An empty page in `p`. */
gt_page_t *gt_page_make(apr_pool_t *p);

/** Begin a family. @param type counter, gauge or histogram @param help a line, no backslash */
void gt_page_family(gt_page_t *page, const char *name, const char *type, const char *help);

/** One label of a sample; a list ends with a NULL name. */
typedef struct gt_page_label_t {
    const char *name;
    const char *value;
} gt_page_label_t;

/** A sample of the open family. @param labels NULL: none */
void gt_page_sample(gt_page_t *page, const gt_page_label_t *labels, apr_int64_t value);

/** A sample of a histogram: family's name and suffix, µs printed as seconds where `is_span`. */
void gt_page_part(gt_page_t *page, const char *suffix, const gt_page_label_t *labels,
                  apr_int64_t value, int is_span);

/** A line that no program reads. */
void gt_page_comment(gt_page_t *page, const char *text);

#endif
