/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admin_frame.c Head, sections and end of a page, and its fields of HTTP. */

#include "admin/admin_frame.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_protocol.h>

#include "admin/admin_assets.h"
#include "caller/csrf.h"
#include "net/url.h"
#include "request/answer.h"
#include "request/own_origin.h"

/* Only our own files, and no script or style within the page. */
#define POLICY                                                                                     \
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src "        \
    "'self'; "                                                                                     \
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const char *gtm_admin_path(const gtm_request_t *x, const char *below)
{
    return apr_pstrcat(x->r->pool, gtm_origin_prefix(x), x->mount->path, below, NULL);
}

const char *gtm_admin_path_of(const gtm_request_t *x, const char *below, const char *id)
{
    return gtm_admin_path(
        x, apr_pstrcat(x->r->pool, below, ap_escape_urlencoded(x->r->pool, id), NULL));
}

const char *gtm_admin_asked(const gtm_admin_page_t *page, const char *name)
{
    const char *value = apr_table_get(page->asked, name);

    return value != NULL ? value : "";
}

apr_int64_t gtm_admin_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* ---- the frame ---- */

static void write_head(gtm_admin_page_t *page, const char *title)
{
    const char *assets = apr_pstrcat(page->x->r->pool, page->root, "/assets/", NULL);
    apr_pool_t *p = page->x->r->pool;

    gtm_html(page->html,
             "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
             "<meta name=\"csrf-token\" content=\"%s\"><title>%s · %s</title>\n",
             page->words->tag, page->csrf, title, GTM_SAY(page, ADMINISTRATION));
    gtm_html(page->html,
             "<link rel=\"icon\" href=\"%s%s\"><link rel=\"stylesheet\" href=\"%s%s\">"
             "<script src=\"%s%s\" defer></script></head>\n",
             assets, gtm_admin_asset_name(".svg", p), assets, gtm_admin_asset_name(".css", p),
             assets, gtm_admin_asset_name(".js", p));
}

/* The words that the script needs, by name. */
static const char *script_words(const gtm_admin_page_t *page)
{
    static const struct {
        const char *name;
        gtm_word_t word;
    } rows[] = {{"selected", GTM_WORD_SELECTED},
                {"allSelected", GTM_WORD_ALL_SELECTED},
                {"of", GTM_WORD_OF},
                {"askBulk", GTM_WORD_ASK_BULK},
                {"askOne", GTM_WORD_ASK_ONE},
                {"all", GTM_WORD_ALL},
                {"cancel", GTM_WORD_CANCEL},
                {"notDone", GTM_WORD_NOT_DONE},
                {"tooOld", GTM_WORD_PAGE_TOO_OLD},
                {"lost", GTM_WORD_CONNECTION_LOST},
                {"acquired", GTM_WORD_ACQUIRED},
                {"noResults", GTM_WORD_NO_RESULTS},
                {"waiting", GTM_WORD_WAITING},
                {"running", GTM_WORD_RUNNING},
                {"stopping", GTM_WORD_STOPPING},
                {"stopped", GTM_WORD_STOPPED},
                {"done", GTM_WORD_DONE},
                {"succeeded", GTM_WORD_SUCCEEDED},
                {"failed", GTM_WORD_FAILED}};
    json_t *words = gt_json_object(page->x->r->pool);

    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        gt_json_set(words, rows[i].name, page->words->word[rows[i].word]);
    return gt_json_dump(words, page->x->r->pool);
}

static void write_sections(gtm_admin_page_t *page, gtm_word_t chosen)
{
    static const struct {
        gtm_word_t word;
        const char *below;
        int is_of_mail;
    } sections[] = {{GTM_WORD_OVERVIEW, "/", 0},
                    {GTM_WORD_GRANTS, "/grants", 0},
                    {GTM_WORD_MAILBOXES, "/accounts", 1},
                    {GTM_WORD_JOBS, "/bulk", 0}};
    const int has_mail = gt_store_conf(page->x->store)->mail_sync;

    gtm_html(page->html, "<nav aria-label=\"%s\">\n", GTM_SAY(page, SECTIONS));
    for (apr_size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (sections[i].is_of_mail && !has_mail)
            continue;
        gtm_html(page->html, "<a href=\"%s%s\"", page->root, sections[i].below);
        if (sections[i].word == chosen)
            gtm_html_markup(page->html, " aria-current=\"page\"");
        gtm_html(page->html, ">%s</a>\n", page->words->word[sections[i].word]);
    }
    gtm_html_markup(page->html, "</nav>\n");
}

gtm_admin_page_t *gtm_admin_begin(gtm_request_t *x, gtm_word_t section, const char *title)
{
    gtm_admin_page_t *page = apr_pcalloc(x->r->pool, sizeof(*page));

    page->x = x;
    page->words = gtm_words(x->r);
    page->html = gtm_html_make(x->r->pool);
    page->root = gtm_admin_path(x, "");
    if (gt_query_parse(&page->asked, x->r->args, GTM_QUERY_MAX, x->r->pool) != GT_OK)
        page->asked = apr_table_make(x->r->pool, 1);
    if (gtm_csrf_make(&page->csrf, x) != GT_OK)
        page->csrf = "";
    write_head(page, title);
    gtm_html(page->html,
             "<body data-root=\"%s\" data-words=\"%s\"><a class=\"skip\" "
             "href=\"#main\">%s</a>\n<header><div class=\"bar\"><a class=\"brand\" "
             "href=\"%s/\"><img src=\"%s/assets/%s\" alt=\"\">%s</a>\n",
             page->root, script_words(page), GTM_SAY(page, SKIP), page->root, page->root,
             gtm_admin_asset_name(".svg", x->r->pool), GTM_SAY(page, ADMINISTRATION));
    write_sections(page, section);
    gtm_html(page->html,
             "<p class=\"who\"><span>%s <b><bdi>%s</bdi></b></span> <span>%s "
             "<b><bdi>%s</bdi></b></span></p></div></header>\n<main id=\"main\" tabindex=\"-1\">"
             "<p id=\"told\" role=\"status\" class=\"told\"></p>\n",
             GTM_SAY(page, STORE), x->dir->store, GTM_SAY(page, ADMINISTRATOR), x->caller.id);
    return page;
}

void gtm_admin_end(gtm_admin_page_t *page)
{
    gtm_request_t *x = page->x;
    apr_table_t *out = x->r->err_headers_out;

    gtm_html_markup(page->html, "</main></body></html>\n");
    gtm_answer_page(x, HTTP_OK, gtm_html_text(page->html));
    apr_table_setn(out, "Content-Security-Policy", POLICY);
    apr_table_setn(out, "Referrer-Policy", "same-origin");
    apr_table_setn(out, "Cross-Origin-Opener-Policy", "same-origin");
}

/* ---- pieces ---- */

const char *gtm_admin_grouped(const gtm_admin_page_t *page, apr_int64_t n)
{
    apr_pool_t *p = page->x->r->pool;
    const char *text = apr_psprintf(p, "%" APR_INT64_T_FMT, n), *grouped = "";
    apr_size_t len = strlen(text);

    for (apr_size_t i = 0; i < len; i++)
        grouped =
            apr_pstrcat(p, grouped, i > 0 && (len - i) % 3 == 0 ? GTM_SAY(page, GROUPING) : "",
                        apr_pstrndup(p, text + i, 1), NULL);
    return grouped;
}

void gtm_admin_time(gtm_admin_page_t *page, const char *time)
{
    apr_pool_t *p = page->x->r->pool;

    if (time == NULL)
        gtm_html(page->html, "<span class=\"soft\">%s</span>", GTM_SAY(page, NEVER));
    else if (strlen(time) < 16)
        gtm_html(page->html, "<time datetime=\"%s\">%s</time>", time, time);
    else
        gtm_html(page->html, "<time datetime=\"%s\">%s %s UTC</time>", time,
                 apr_pstrndup(p, time, 10), apr_pstrndup(p, time + 11, 5));
}

/* Names of the API, the class that colours their mark, and their words. */
static const struct {
    const char *name, *kind;
    gtm_word_t word;
} names[] = {{"active", "good", GTM_WORD_ACTIVE},
             {"inactive", "off", GTM_WORD_INACTIVE},
             {"needs-user", "warn", GTM_WORD_NEEDS_USER},
             {"failing", "bad", GTM_WORD_FAILING},
             {"waiting", "off", GTM_WORD_WAITING},
             {"running", "busy", GTM_WORD_RUNNING},
             {"stopping", "warn", GTM_WORD_STOPPING},
             {"stopped", "warn", GTM_WORD_STOPPED},
             {"done", "good", GTM_WORD_DONE},
             {"succeeded", "good", GTM_WORD_SUCCEEDED},
             {"success", "good", GTM_WORD_SUCCEEDED},
             {"failed", "bad", GTM_WORD_FAILED},
             {"failure", "bad", GTM_WORD_FAILED},
             {"refresh", "", GTM_WORD_REFRESH},
             {"validate", "", GTM_WORD_VALIDATE},
             {"deactivate", "", GTM_WORD_DEACTIVATE},
             {"activate", "", GTM_WORD_ACTIVATE},
             {"revoke", "", GTM_WORD_REVOKE},
             {"new", "off", GTM_WORD_IS_NEW},
             {"syncing", "busy", GTM_WORD_SYNCING},
             {"ok", "good", GTM_WORD_IN_ORDER},
             {"error", "bad", GTM_WORD_IN_ERROR},
             {"off", "off", GTM_WORD_SWITCHED_OFF},
             {"halted", "warn", GTM_WORD_HALTED}};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *gtm_admin_word(const gtm_admin_page_t *page, const char *name)
{
    for (apr_size_t i = 0; name != NULL && i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return page->words->word[names[i].word];
    return name;
}

void gtm_admin_badge(gtm_admin_page_t *page, const char *state)
{
    const char *kind = "off";

    for (apr_size_t i = 0; state != NULL && i < NAMES; i++)
        if (strcmp(names[i].name, state) == 0)
            kind = names[i].kind;
    gtm_html(page->html, "<span class=\"badge %s\">%s</span>", kind, gtm_admin_word(page, state));
}

void gtm_admin_token(gtm_admin_page_t *page)
{
    gtm_html(page->html, "<input type=\"hidden\" name=\"" GTM_CSRF_FIELD "\" value=\"%s\">",
             page->csrf);
}

void gtm_admin_option(gtm_admin_page_t *page, const char *value, const char *chosen,
                      const char *label)
{
    int is_chosen = strcmp(value, chosen != NULL ? chosen : "") == 0;

    gtm_html(page->html, "<option value=\"%s\"", value);
    if (is_chosen)
        gtm_html_markup(page->html, " selected");
    gtm_html(page->html, ">%s</option>\n", label);
}
