/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ADMIN_CHARTS_H
#define GTM_ADMIN_CHARTS_H

/**
 * @file admin_charts.h
 * Pictures of figures, as SVG in the page, each with the same figures as a table. Labels are HTML,
 * so that they keep their size on a narrow screen. Written by the page's thread.
 */

#include "admin/admin_frame.h"

#define GTM_CHART_SERIES 2

/** The figures of one moment. */
typedef struct gtm_chart_point_t {
    const char *at; /* RFC 3339, or a day */
    apr_int64_t value[GTM_CHART_SERIES];
} gtm_chart_point_t;

/** A picture. */
typedef struct gtm_chart_t {
    const char *id;             /* in the page */
    const char *title, *moment; /* moment: the heading of the table's first column */
    const char *name[GTM_CHART_SERIES];
    const char *kind[GTM_CHART_SERIES]; /* class that colours it: "good", "bad", "busy", "warn" */
    int series;
    int is_lines;                     /* 1: lines; 0: bars, one on the other */
    const apr_array_header_t *points; /* of gtm_chart_point_t, by time */
} gtm_chart_t;

/** Write the figure. */
void gtm_chart(gtm_admin_page_t *page, const gtm_chart_t *chart);

/** A part of a whole. */
typedef struct gtm_share_t {
    const char *name, *kind, *link;
    apr_int64_t value;
} gtm_share_t;

/** Write one bar of parts, with their numbers and links below it. */
void gtm_chart_shares(gtm_admin_page_t *page, const char *title, const gtm_share_t *shares, int n);

#endif
