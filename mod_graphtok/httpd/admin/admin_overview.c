/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admin_overview.c Sums and pictures of a store. Figures of the past come by hours, and are
 * shown by slots of the span that the reader chose. */

#include "admin/admin_pages.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/admin_charts.h"
#include "base/clock.h"
#include "conf/account.h"
#include "request/answer.h"

/** A span that the pictures may have. */
typedef struct span_t {
    const char *name;
    gtm_word_t word;
    int slots, hours; /* hours: of a slot */
} span_t;

static const span_t spans[] = {{"day", GTM_WORD_LAST_DAY, 24, 1},
                               {"week", GTM_WORD_LAST_WEEK, 28, 6},
                               {"month", GTM_WORD_LAST_MONTH, 30, 24}};

#define SPANS ((int)(sizeof(spans) / sizeof(spans[0])))
#define HOUR apr_time_from_sec(3600)

/* The week where none is asked for. */
static const span_t *span_of(const gtm_admin_page_t *page)
{
    for (int i = 0; i < SPANS; i++)
        if (strcmp(spans[i].name, gtm_admin_asked(page, "span")) == 0)
            return &spans[i];
    return &spans[1];
}

/* ---- sums ---- */

static void write_sum(gtm_admin_page_t *page, const char *name, apr_int64_t value,
                      const char *query)
{
    gtm_html(page->html, "<li><a href=\"%s/grants%s\"><b>%s</b> <span>%s</span></a></li>\n",
             page->root, query, gtm_admin_grouped(page, value), name);
}

static void write_sums(gtm_admin_page_t *page, const json_t *value)
{
    gtm_html_markup(page->html, "<ul class=\"sums\">\n");
    write_sum(page, GTM_SAY(page, TOTAL), gtm_admin_number(value, "total"), "");
    write_sum(page, GTM_SAY(page, FAILING), gtm_admin_number(value, "failing"), "?status=failing");
    write_sum(page, GTM_SAY(page, NEEDS_USER), gtm_admin_number(value, "needs_user"),
              "?status=needs-user");
    write_sum(page, GTM_SAY(page, EXPIRED), gtm_admin_number(value, "expired"), "?days=0");
    write_sum(page, GTM_SAY(page, EXPIRING_SOON), gtm_admin_number(value, "expiring_soon"),
              "?status=active&sort=expires");
    gtm_html_markup(page->html, "</ul>\n");
}

static void write_shares(gtm_admin_page_t *page, const json_t *value)
{
    const char *path = gtm_admin_path(page->x, "/grants?status=");
    apr_pool_t *p = page->x->r->pool;
    const gtm_share_t shares[] = {
        {GTM_SAY(page, ACTIVE), "good", apr_pstrcat(p, path, "active", NULL),
         gtm_admin_number(value, "active")},
        {GTM_SAY(page, NEEDS_USER), "warn", apr_pstrcat(p, path, "needs-user", NULL),
         gtm_admin_number(value, "needs_user")},
        {GTM_SAY(page, INACTIVE), "off", apr_pstrcat(p, path, "inactive", NULL),
         gtm_admin_number(value, "inactive")}};

    gtm_chart_shares(page, GTM_SAY(page, BY_STATUS), shares, 3);
}

/* ---- pictures ---- */

/** The figures of one slot of time. */
typedef struct slot_t {
    apr_time_t at;
    apr_int64_t refreshed, failed, calls, half_ms, most_ms; /* half_ms: times the calls, so far */
} slot_t;

static void add_hour(slot_t *slot, const json_t *hour)
{
    apr_int64_t calls = gtm_admin_number(hour, "calls");
    apr_int64_t most = gtm_admin_number(hour, "call_p95_ms");

    slot->refreshed += gtm_admin_number(hour, "refreshed");
    slot->failed += gtm_admin_number(hour, "failed");
    slot->calls += calls;
    slot->half_ms += calls * gtm_admin_number(hour, "call_p50_ms");
    if (most > slot->most_ms)
        slot->most_ms = most;
}

/* Slots up to now; hours before them, and texts that are no time, count for nothing. */
static apr_array_header_t *slots_of(const span_t *span, const json_t *hours, apr_pool_t *p)
{
    apr_array_header_t *slots = apr_array_make(p, span->slots, sizeof(slot_t));
    apr_time_t wide = span->hours * HOUR, end = (gt_now() / HOUR + 1) * HOUR, at;

    for (int i = 0; i < span->slots; i++)
        APR_ARRAY_PUSH(slots, slot_t) = (slot_t){.at = end - (span->slots - i) * wide};
    for (size_t i = 0; i < json_array_size(hours); i++) {
        const json_t *hour = json_array_get(hours, i);
        const char *text = gt_json_text(hour, "at");

        if (text == NULL || !gt_rfc3339_parse(&at, text) || at >= end ||
            at < end - span->slots * wide)
            continue;
        add_hour(&APR_ARRAY_IDX(slots, span->slots - 1 - (int)((end - 1 - at) / wide), slot_t),
                 hour);
    }
    return slots;
}

static void write_refreshes(gtm_admin_page_t *page, const apr_array_header_t *slots)
{
    apr_pool_t *p = page->x->r->pool;
    apr_array_header_t *points = apr_array_make(p, slots->nelts, sizeof(gtm_chart_point_t));

    for (int i = 0; i < slots->nelts; i++) {
        const slot_t *slot = &APR_ARRAY_IDX(slots, i, slot_t);

        APR_ARRAY_PUSH(points, gtm_chart_point_t) =
            (gtm_chart_point_t){gt_rfc3339(slot->at, p), {slot->refreshed, slot->failed}};
    }
    gtm_chart(page, &(gtm_chart_t){.id = "refreshes",
                                   .title = GTM_SAY(page, REFRESHES),
                                   .moment = GTM_SAY(page, TIME),
                                   .name = {GTM_SAY(page, REFRESHED), GTM_SAY(page, FAILED)},
                                   .kind = {"good", "bad"},
                                   .series = 2,
                                   .points = points});
}

static void write_latency(gtm_admin_page_t *page, const apr_array_header_t *slots)
{
    apr_pool_t *p = page->x->r->pool;
    apr_array_header_t *points = apr_array_make(p, slots->nelts, sizeof(gtm_chart_point_t));

    for (int i = 0; i < slots->nelts; i++) {
        const slot_t *slot = &APR_ARRAY_IDX(slots, i, slot_t);

        APR_ARRAY_PUSH(points, gtm_chart_point_t) =
            (gtm_chart_point_t){gt_rfc3339(slot->at, p),
                                {slot->calls > 0 ? slot->half_ms / slot->calls : 0, slot->most_ms}};
    }
    gtm_chart(page, &(gtm_chart_t){.id = "latency",
                                   .title = GTM_SAY(page, LATENCY),
                                   .moment = GTM_SAY(page, TIME),
                                   .name = {GTM_SAY(page, HALF_WITHIN), GTM_SAY(page, MOST_WITHIN)},
                                   .kind = {"busy", "warn"},
                                   .series = 2,
                                   .is_lines = 1,
                                   .points = points});
}

static void write_expiries(gtm_admin_page_t *page, const json_t *expiries)
{
    apr_array_header_t *points = apr_array_make(page->x->r->pool, 30, sizeof(gtm_chart_point_t));

    for (size_t i = 0; i < json_array_size(expiries); i++) {
        const json_t *day = json_array_get(expiries, i);

        APR_ARRAY_PUSH(points, gtm_chart_point_t) =
            (gtm_chart_point_t){gt_json_text(day, "day"), {gtm_admin_number(day, "count")}};
    }
    gtm_chart(page, &(gtm_chart_t){.id = "expiries",
                                   .title = GTM_SAY(page, EXPIRIES),
                                   .moment = GTM_SAY(page, DAY),
                                   .name = {GTM_SAY(page, TOKENS)},
                                   .kind = {"busy"},
                                   .series = 1,
                                   .points = points});
}

static void write_spans(gtm_admin_page_t *page, const span_t *chosen)
{
    gtm_html(page->html, "<nav class=\"spans\" aria-label=\"%s\">\n", GTM_SAY(page, SPAN));
    for (int i = 0; i < SPANS; i++) {
        gtm_html(page->html, "<a href=\"%s/?span=%s\"", page->root, spans[i].name);
        if (&spans[i] == chosen)
            gtm_html_markup(page->html, " aria-current=\"true\"");
        gtm_html(page->html, ">%s</a>\n", page->words->word[spans[i].word]);
    }
    gtm_html_markup(page->html, "</nav>\n");
}

/* ---- what can be done ---- */

static void write_account(gtm_admin_page_t *page, const gt_account_conf_t *account)
{
    gtm_html(page->html,
             "<li><span><b>%s</b> <span class=\"soft\">%s</span></span> <button type=\"button\" "
             "data-acquire=\"%s\" hidden>%s</button></li>\n",
             account->name, gt_account_provider(page->x->child->config, account), account->name,
             GTM_SAY(page, ACQUIRE));
}

/* Those of this store: the others are out of reach here. */
static void write_accounts(gtm_admin_page_t *page)
{
    const apr_array_header_t *accounts = page->x->child->config->accounts;
    int written = 0;

    for (int i = 0; i < accounts->nelts; i++) {
        const gt_account_conf_t *account = APR_ARRAY_IDX(accounts, i, const gt_account_conf_t *);

        if (strcmp(account->store, page->x->dir->store) != 0)
            continue;
        if (written++ == 0)
            gtm_html(page->html, "<section class=\"card\"><h2>%s</h2><ul class=\"accounts\">\n",
                     GTM_SAY(page, ACCOUNTS));
        write_account(page, account);
    }
    if (written > 0)
        gtm_html_markup(page->html, "</ul></section>\n");
}

static void write_cleanup(gtm_admin_page_t *page)
{
    gtm_html(page->html,
             "<section class=\"card\"><h2>%s</h2><p class=\"soft\">%s</p><form method=\"post\" "
             "action=\"%s/cleanup\">",
             GTM_SAY(page, MAINTENANCE), GTM_SAY(page, CLEAN_UP_MEANS), page->root);
    gtm_admin_token(page);
    gtm_html(page->html, "<button>%s</button></form></section>\n", GTM_SAY(page, CLEAN_UP));
}

void gtm_admin_cleaned(gtm_request_t *x, const json_t *value)
{
    gtm_answer_redirect(x, HTTP_SEE_OTHER,
                        apr_psprintf(x->r->pool,
                                     "%s?done=cleaned&deactivated=%" APR_INT64_T_FMT
                                     "&removed=%" APR_INT64_T_FMT,
                                     gtm_admin_path(x, "/"), gtm_admin_number(value, "deactivated"),
                                     gtm_admin_number(value, "removed")));
}

static void tell_cleaned(gtm_admin_page_t *page)
{
    if (strcmp(gtm_admin_asked(page, "done"), "cleaned") == 0)
        gtm_html(page->html, "<p class=\"note\" role=\"status\">%s: %ld %s, %ld %s.</p>\n",
                 GTM_SAY(page, CLEANED_UP), (long)apr_atoi64(gtm_admin_asked(page, "deactivated")),
                 GTM_SAY(page, DEACTIVATED), (long)apr_atoi64(gtm_admin_asked(page, "removed")),
                 GTM_SAY(page, REMOVED));
}

static void write_counted(gtm_admin_page_t *page, const json_t *value)
{
    gtm_html(page->html, "<p class=\"soft\">%s ", GTM_SAY(page, COUNTED));
    gtm_admin_time(page, gt_json_text(value, "counted_at"));
    if (!json_is_true(json_object_get(value, "complete")))
        gtm_html(page->html, " · %s", GTM_SAY(page, INCOMPLETE));
    gtm_html_markup(page->html, "</p>\n");
}

void gtm_admin_overview(gtm_request_t *x, const json_t *value)
{
    gtm_admin_page_t *page =
        gtm_admin_begin(x, GTM_WORD_OVERVIEW, gtm_words(x->r)->word[GTM_WORD_OVERVIEW]);
    const span_t *span = span_of(page);
    const apr_array_header_t *slots = slots_of(span, json_object_get(value, "hours"), x->r->pool);

    gtm_html(page->html, "<div class=\"top\"><h1>%s</h1>\n", GTM_SAY(page, OVERVIEW));
    write_counted(page, value);
    gtm_html_markup(page->html, "</div>\n");
    tell_cleaned(page);
    write_sums(page, value);
    write_shares(page, value);
    write_spans(page, span);
    gtm_html_markup(page->html, "<div class=\"charts\">\n");
    write_refreshes(page, slots);
    write_latency(page, slots);
    write_expiries(page, json_object_get(value, "expiries"));
    write_accounts(page);
    write_cleanup(page);
    gtm_html_markup(page->html, "</div>\n");
    gtm_admin_end(page);
}
