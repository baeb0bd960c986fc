/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file admin_jobs.c
 * Jobs over many grants. The page of a job tells how far it is when it is opened; its script then
 * follows the job, and goes on with that after a reload, since the job's name is the address.
 */

#include "admin/admin_pages.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/admin_frame.h"
#include "request/answer.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = gt_json_text(object, key);

    return text != NULL ? text : "";
}

/* A text of words.def with its {n} and {m}. */
static const char *progress_text(const gtm_admin_page_t *page, const json_t *job)
{
    apr_pool_t *p = page->x->r->pool;
    const char *text = GTM_SAY(page, OF), *n = strstr(text, "{n}"), *m = strstr(text, "{m}");

    return apr_psprintf(p, "%.*s%" APR_INT64_T_FMT "%.*s%" APR_INT64_T_FMT "%s", (int)(n - text),
                        text, gtm_admin_number(job, "done"), (int)(m - n - 3), n + 3,
                        gtm_admin_number(job, "total"), m + 3);
}

static void write_bar(gtm_admin_page_t *page, const json_t *job, const char *label)
{
    apr_int64_t total = gtm_admin_number(job, "total");

    gtm_html(page->html, "<progress max=\"%ld\" value=\"%ld\" aria-label=\"%s\">%s</progress>",
             (long)(total > 0 ? total : 1), (long)gtm_admin_number(job, "done"), label,
             progress_text(page, job));
}

/* ---- the list ---- */

static void write_job_row(gtm_admin_page_t *page, const json_t *job)
{
    const char *id = text_of(job, "job"), *act = gtm_admin_word(page, text_of(job, "act"));

    gtm_html(page->html, "<tr><th scope=\"row\" class=\"user\"><a href=\"%s\">%s</a></th><td>",
             gtm_admin_path_of(page->x, "/bulk/", id), act);
    gtm_admin_badge(page, text_of(job, "state"));
    gtm_html_markup(page->html, "</td><td class=\"progress\">");
    write_bar(page, job, act);
    gtm_html(page->html, "<span class=\"soft\">%s</span></td><td class=\"number\">%ld</td><td>",
             progress_text(page, job), (long)gtm_admin_number(job, "failed"));
    gtm_admin_time(page, gt_json_text(job, "created_at"));
    gtm_html(page->html, "</td><td class=\"used\"><bdi>%s</bdi></td></tr>\n",
             text_of(job, "administrator"));
}

void gtm_admin_jobs(gtm_request_t *x, const json_t *value)
{
    gtm_admin_page_t *page =
        gtm_admin_begin(x, GTM_WORD_JOBS, gtm_words(x->r)->word[GTM_WORD_JOBS]);
    const json_t *jobs = json_object_get(value, "jobs");

    gtm_html(page->html,
             "<h1>%s</h1><div class=\"scroll card\"><table "
             "class=\"stack\"><caption>%s</caption><thead><tr>"
             "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>",
             GTM_SAY(page, JOBS), GTM_SAY(page, JOBS), GTM_SAY(page, ACT), GTM_SAY(page, STATE),
             GTM_SAY(page, PROGRESS));
    gtm_html(page->html,
             "<th scope=\"col\" class=\"number\">%s</th><th scope=\"col\">%s</th>"
             "<th scope=\"col\" class=\"used\">%s</th></tr></thead><tbody>\n",
             GTM_SAY(page, FAILED), GTM_SAY(page, STARTED), GTM_SAY(page, ADMINISTRATOR));
    for (size_t i = 0; i < json_array_size(jobs); i++)
        write_job_row(page, json_array_get(jobs, i));
    gtm_html_markup(page->html, "</tbody></table>\n");
    if (json_array_size(jobs) == 0)
        gtm_html(page->html, "<p class=\"empty\">%s</p>\n", GTM_SAY(page, NO_JOBS));
    gtm_html_markup(page->html, "</div>\n");
    gtm_admin_end(page);
}

/* ---- one job ---- */

static int is_either(const char *state, const char *one, const char *other)
{
    return strcmp(state, one) == 0 || strcmp(state, other) == 0;
}

static void write_switch(gtm_admin_page_t *page, const char *id, const char *what, int is_shown)
{
    gtm_html(page->html, "<form method=\"post\" action=\"%s/%s\" id=\"%s\"",
             gtm_admin_path_of(page->x, "/bulk/", id), what, what);
    if (!is_shown)
        gtm_html_markup(page->html, " hidden");
    gtm_html_markup(page->html, ">");
    gtm_admin_token(page);
    gtm_html(page->html, "<button>%s</button></form>\n",
             strcmp(what, "stop") == 0 ? GTM_SAY(page, STOP) : GTM_SAY(page, CONTINUE));
}

static void write_count(gtm_admin_page_t *page, const char *kind, const char *id, const char *name,
                        apr_int64_t value)
{
    gtm_html(page->html, "<span class=\"badge %s\">%s <b id=\"%s\">%ld</b></span>\n", kind, name,
             id, (long)value);
}

static void write_state(gtm_admin_page_t *page, const json_t *job)
{
    const char *id = text_of(job, "job"), *state = text_of(job, "state");

    gtm_html(page->html,
             "<section class=\"job card\" id=\"job\" data-job=\"%s\" data-state=\"%s\" "
             "data-updated=\"%s\" aria-label=\"%s\"><div class=\"line\"><span id=\"state\">",
             id, state, text_of(job, "updated_at"), GTM_SAY(page, PROGRESS));
    gtm_admin_badge(page, state);
    gtm_html(page->html,
             "</span><span id=\"of\">%s</span><span id=\"announced\" class=\"heard\" "
             "role=\"status\"></span><div class=\"buttons\">",
             progress_text(page, job));
    write_switch(page, id, "stop", is_either(state, "running", "waiting"));
    write_switch(page, id, "continue", is_either(state, "stopped", "stopping"));
    gtm_html_markup(page->html, "</div></div>\n");
    write_bar(page, job, GTM_SAY(page, PROGRESS));
    gtm_html_markup(page->html, "<p class=\"line\">");
    write_count(page, "good", "succeeded", GTM_SAY(page, SUCCEEDED),
                gtm_admin_number(job, "succeeded"));
    write_count(page, "bad", "failed", GTM_SAY(page, FAILED), gtm_admin_number(job, "failed"));
    gtm_html(page->html, "<span class=\"soft\">%s ", GTM_SAY(page, STARTED));
    gtm_admin_time(page, gt_json_text(job, "created_at"));
    gtm_html(page->html, " · <bdi>%s</bdi></span></p></section>\n", text_of(job, "administrator"));
}

/* ---- its results ---- */

static void write_tab(gtm_admin_page_t *page, const char *path, const char *outcome,
                      const char *label)
{
    gtm_html(page->html, "<a href=\"%s%s%s\"", path, *outcome != '\0' ? "?outcome=" : "", outcome);
    if (strcmp(gtm_admin_asked(page, "outcome"), outcome) == 0)
        gtm_html_markup(page->html, " aria-current=\"true\"");
    gtm_html(page->html, ">%s</a>\n", label);
}

static void write_result(gtm_admin_page_t *page, const json_t *result)
{
    const char *id = text_of(result, "id"), *user = text_of(result, "user");
    const char *tag = text_of(result, "tag");

    gtm_html(page->html,
             "<tr><th scope=\"row\" class=\"user\"><a href=\"%s\"><bdi>%s</bdi></a></th><td>",
             gtm_admin_path_of(page->x, "/grants/", id), *user != '\0' ? user : id);
    gtm_admin_badge(page, text_of(result, "outcome"));
    gtm_html_markup(page->html, "</td><td lang=\"en\" class=\"detail\">");
    if (*tag != '\0')
        gtm_html(page->html, "<code>%s</code> ", tag);
    gtm_html(page->html, "<bdi>%s</bdi></td><td class=\"updated\">", text_of(result, "detail"));
    if (gt_json_text(result, "at") != NULL)
        gtm_admin_time(page, gt_json_text(result, "at"));
    gtm_html_markup(page->html, "</td></tr>\n");
}

static void write_results(gtm_admin_page_t *page, const json_t *results)
{
    gtm_html(
        page->html,
        "<div class=\"scroll card\"><table class=\"stack\" aria-labelledby=\"results\"><thead><tr>"
        "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
        "<th scope=\"col\" class=\"updated\">%s</th></tr></thead><tbody id=\"rows\">\n",
        GTM_SAY(page, USER), GTM_SAY(page, OUTCOME), GTM_SAY(page, DETAIL), GTM_SAY(page, TIME));
    for (size_t i = 0; i < json_array_size(results); i++)
        write_result(page, json_array_get(results, i));
    gtm_html_markup(page->html, "</tbody></table><p class=\"empty\" id=\"no-rows\"");
    if (json_array_size(results) > 0)
        gtm_html_markup(page->html, " hidden");
    gtm_html(page->html, ">%s</p></div>\n", GTM_SAY(page, NO_RESULTS));
}

static void write_next(gtm_admin_page_t *page, const char *path, const char *next)
{
    const char *outcome = gtm_admin_asked(page, "outcome");

    if (next == NULL)
        return;
    gtm_html(page->html,
             "<nav class=\"pages\" aria-label=\"%s\"><a class=\"button\" rel=\"next\" "
             "href=\"%s?cursor=%s%s%s\">%s</a></nav>\n",
             GTM_SAY(page, PAGES), path, next, *outcome != '\0' ? "&outcome=" : "", outcome,
             GTM_SAY(page, NEXT_PAGE));
}

void gtm_admin_job(gtm_request_t *x, const json_t *value)
{
    const char *act = text_of(value, "act"), *path;
    gtm_admin_page_t *page = gtm_admin_begin(x, GTM_WORD_JOBS, gtm_words(x->r)->word[GTM_WORD_JOB]);

    path = gtm_admin_path_of(x, "/bulk/", text_of(value, "job"));
    gtm_html(page->html, "<p class=\"back\"><a href=\"%s/bulk\">← %s</a></p><h1>%s</h1>\n",
             page->root, GTM_SAY(page, BACK_TO_JOBS), gtm_admin_word(page, act));
    write_state(page, value);
    gtm_html(page->html,
             "<div class=\"top\"><h2 id=\"results\">%s</h2><nav class=\"tabs\" "
             "aria-labelledby=\"results\">\n",
             GTM_SAY(page, RESULTS));
    write_tab(page, path, "", GTM_SAY(page, ALL_RESULTS));
    write_tab(page, path, "succeeded", GTM_SAY(page, SUCCEEDED));
    write_tab(page, path, "failed", GTM_SAY(page, FAILED));
    write_tab(page, path, "waiting", GTM_SAY(page, WAITING));
    gtm_html_markup(page->html, "</nav></div>\n");
    write_results(page, json_object_get(value, "results"));
    write_next(page, path, gt_json_text(value, "next"));
    gtm_admin_end(page);
}

void gtm_admin_job_set(gtm_request_t *x, const json_t *value)
{
    gtm_answer_redirect(x, HTTP_SEE_OTHER, gtm_admin_path_of(x, "/bulk/", text_of(value, "job")));
}
