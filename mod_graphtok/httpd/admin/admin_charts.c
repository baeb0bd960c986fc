/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admin_charts.c The drawing is stretched to the figure's box, in units of its own: WIDE by
 * HIGH. */

#include "admin/admin_charts.h"

#define WIDE 6000
#define HIGH 1000
#define GAP 8 /* of a bar's width, an eighth */

static const gtm_chart_point_t *point(const gtm_chart_t *chart, int i)
{
    return &APR_ARRAY_IDX(chart->points, i, gtm_chart_point_t);
}

static apr_int64_t top_of(const gtm_chart_t *chart, int i)
{
    apr_int64_t top = 0;

    for (int s = 0; s < chart->series; s++) {
        apr_int64_t value = point(chart, i)->value[s];

        if (!chart->is_lines)
            top += value;
        else if (value > top)
            top = value;
    }
    return top;
}

/* The end of the scale: the highest value, rounded up to half of its first digit's unit. */
static apr_int64_t scale_of(const gtm_chart_t *chart)
{
    apr_int64_t most = 0, unit = 1;

    for (int i = 0; i < chart->points->nelts; i++)
        if (top_of(chart, i) > most)
            most = top_of(chart, i);
    while (unit <= most / 10)
        unit *= 10;
    if (unit > 1)
        unit /= 2;
    return (most + unit - 1) / unit * unit;
}

/* ---- drawings ---- */

static int height(apr_int64_t value, apr_int64_t scale)
{
    return value >= scale ? HIGH : (int)((double)value / (double)scale * HIGH);
}

static void write_hint(gtm_admin_page_t *page, const gtm_chart_t *chart, int i)
{
    gtm_html(page->html, "<title>%s", point(chart, i)->at);
    for (int s = 0; s < chart->series; s++)
        gtm_html(page->html, " · %s: %ld", chart->name[s], (long)point(chart, i)->value[s]);
    gtm_html_markup(page->html, "</title>");
}

static void write_bar(gtm_admin_page_t *page, const gtm_chart_t *chart, int i, apr_int64_t scale)
{
    int width = WIDE / chart->points->nelts, below = 0;

    gtm_html(page->html, "<g><rect class=\"hit\" x=\"%d\" y=\"0\" width=\"%d\" height=\"%d\"/>",
             i * width, width, HIGH);
    for (int s = 0; s < chart->series; s++) {
        apr_int64_t value = point(chart, i)->value[s];
        int high = value > 0 ? height(value, scale) : 0;

        if (value > 0 && high < HIGH / 100)
            high = HIGH / 100;
        if (high > 0)
            gtm_html(page->html,
                     "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
                     chart->kind[s], i * width + width / GAP / 2, HIGH - below - high,
                     width - width / GAP, high);
        below += high;
    }
    write_hint(page, chart, i);
    gtm_html_markup(page->html, "</g>\n");
}

/* A moment without calls has no answer time: the line goes on behind it. */
static void write_line(gtm_admin_page_t *page, const gtm_chart_t *chart, int s, apr_int64_t scale)
{
    int width = WIDE / chart->points->nelts;

    gtm_html(page->html, "<polyline class=\"%s\" points=\"", chart->kind[s]);
    for (int i = 0; i < chart->points->nelts; i++)
        if (top_of(chart, i) > 0)
            gtm_html(page->html, "%d,%d ", i * width + width / 2,
                     HIGH - height(point(chart, i)->value[s], scale));
    gtm_html_markup(page->html, "\"/>\n");
}

static void write_drawing(gtm_admin_page_t *page, const gtm_chart_t *chart, apr_int64_t scale)
{
    gtm_html(page->html,
             "<svg role=\"img\" aria-labelledby=\"%s-title\" viewBox=\"0 0 %d %d\" "
             "preserveAspectRatio=\"none\"><path class=\"grid\" d=\"M0 %dH%d\"/>\n",
             chart->id, WIDE, HIGH, HIGH / 2, WIDE);
    for (int i = 0; !chart->is_lines && i < chart->points->nelts; i++)
        write_bar(page, chart, i, scale);
    for (int s = 0; chart->is_lines && s < chart->series; s++)
        write_line(page, chart, s, scale);
    gtm_html_markup(page->html, "</svg>\n");
}

/* ---- what stands around them ---- */

static void write_legend(gtm_admin_page_t *page, const gtm_chart_t *chart, apr_int64_t scale)
{
    gtm_html_markup(page->html, "<p class=\"legend\">");
    for (int s = 0; chart->series > 1 && s < chart->series; s++)
        gtm_html(page->html, "<span class=\"badge %s\">%s</span> ", chart->kind[s], chart->name[s]);
    gtm_html(page->html, "<span class=\"scale\">%s</span></p>\n", gtm_admin_grouped(page, scale));
}

static void write_table(gtm_admin_page_t *page, const gtm_chart_t *chart)
{
    gtm_html(
        page->html,
        "<details><summary>%s</summary><div class=\"scroll\"><table aria-labelledby=\"%s-title\">"
        "<thead><tr><th scope=\"col\">%s</th>",
        GTM_SAY(page, AS_TABLE), chart->id, chart->moment);
    for (int s = 0; s < chart->series; s++)
        gtm_html(page->html, "<th scope=\"col\" class=\"number\">%s</th>", chart->name[s]);
    gtm_html_markup(page->html, "</tr></thead><tbody>\n");
    for (int i = 0; i < chart->points->nelts; i++) {
        gtm_html_markup(page->html, "<tr><th scope=\"row\">");
        gtm_admin_time(page, point(chart, i)->at);
        gtm_html_markup(page->html, "</th>");
        for (int s = 0; s < chart->series; s++)
            gtm_html(page->html, "<td class=\"number\">%ld</td>", (long)point(chart, i)->value[s]);
        gtm_html_markup(page->html, "</tr>\n");
    }
    gtm_html_markup(page->html, "</tbody></table></div></details>\n");
}

void gtm_chart(gtm_admin_page_t *page, const gtm_chart_t *chart)
{
    apr_int64_t scale = scale_of(chart);

    gtm_html(page->html, "<figure class=\"card\"><figcaption id=\"%s-title\">%s</figcaption>\n",
             chart->id, chart->title);
    if (scale == 0) {
        gtm_html(page->html, "<p class=\"empty\">%s</p></figure>\n", GTM_SAY(page, NO_FIGURES));
        return;
    }
    write_legend(page, chart, scale);
    gtm_html_markup(page->html, "<div class=\"plot\">\n");
    write_drawing(page, chart, scale);
    gtm_html_markup(page->html, "</div><p class=\"axis\">");
    gtm_admin_time(page, point(chart, 0)->at);
    gtm_html_markup(page->html, "<span></span>");
    gtm_admin_time(page, point(chart, chart->points->nelts - 1)->at);
    gtm_html_markup(page->html, "</p>\n");
    write_table(page, chart);
    gtm_html_markup(page->html, "</figure>\n");
}

void gtm_chart_shares(gtm_admin_page_t *page, const char *title, const gtm_share_t *shares, int n)
{
    apr_int64_t whole = 0;
    double from = 0;

    for (int i = 0; i < n; i++)
        whole += shares[i].value;
    gtm_html(page->html,
             "<figure class=\"card shares\"><figcaption id=\"shares-title\">%s</figcaption>"
             "<svg role=\"img\" aria-labelledby=\"shares-title\" viewBox=\"0 0 %d 100\" "
             "preserveAspectRatio=\"none\">",
             title, WIDE);
    for (int i = 0; whole > 0 && i < n; i++) {
        double to = from + (double)shares[i].value / (double)whole * WIDE;

        if (shares[i].value > 0)
            gtm_html(page->html,
                     "<rect class=\"%s\" x=\"%d\" y=\"0\" width=\"%d\" height=\"100\"/>",
                     shares[i].kind, (int)from, (int)to - (int)from);
        from = to;
    }
    gtm_html_markup(page->html, "</svg>\n<ul>");
    for (int i = 0; i < n; i++)
        gtm_html(page->html,
                 "<li><a href=\"%s\"><span class=\"badge %s\">%s</span> <b>%s</b></a></li>\n",
                 shares[i].link, shares[i].kind, shares[i].name,
                 gtm_admin_grouped(page, shares[i].value));
    gtm_html_markup(page->html, "</ul></figure>\n");
}
