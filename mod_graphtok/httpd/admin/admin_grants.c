/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file admin_grants.c
 * The table of grants. Filter, order and page stand in the address, so that a reload, the back
 * button and a colleague's browser show the same.
 */

#include "admin/admin_pages.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/admin_frame.h"
#include "net/url.h"

/* All that says which grants the page has, in the form's order. The first four are the filter. */
static const char *const filters[] = {"q", "status", "provider", "days", "sort", "limit", NULL};

#define FILTER 4

/* ---- addresses ---- */

/* The page's own address with another value of one parameter, at its first page. */
static const char *address_with(const gtm_admin_page_t *page, const char *name, const char *value)
{
    gt_form_t *form = gt_form_make(page->x->r->pool);
    const char *path = gtm_admin_path(page->x, "/grants"), *query;

    for (int i = 0; filters[i] != NULL; i++) {
        const char *asked = gtm_admin_asked(page, filters[i]);

        if (strcmp(filters[i], name) != 0 && *asked != '\0')
            gt_form_add(form, filters[i], asked);
    }
    if (*value != '\0')
        gt_form_add(form, name, value);
    query = gt_form_text(form);
    return query != NULL && *query != '\0' ? gt_url_with_query(path, query, page->x->r->pool)
                                           : path;
}

/* The filter as POST bulk takes it: for the script. */
static const char *filter_json(const gtm_admin_page_t *page)
{
    json_t *filter = gt_json_object(page->x->r->pool);

    for (int i = 0; i < FILTER; i++) {
        const char *asked = gtm_admin_asked(page, filters[i]);

        if (*asked == '\0')
            continue;
        if (strcmp(filters[i], "days") == 0)
            gt_json_set_number(filter, "days", apr_atoi64(asked));
        else
            gt_json_set(filter, filters[i], asked);
    }
    return gt_json_dump(filter, page->x->r->pool);
}

/* ---- the filter ---- */

static void write_statuses(gtm_admin_page_t *page)
{
    static const char *const statuses[] = {"active", "needs-user", "inactive", "failing", NULL};
    const char *asked = gtm_admin_asked(page, "status");

    gtm_html(page->html, "<label>%s <select name=\"status\">\n", GTM_SAY(page, STATUS));
    gtm_admin_option(page, "", asked, GTM_SAY(page, ANY));
    for (int i = 0; statuses[i] != NULL; i++)
        gtm_admin_option(page, statuses[i], asked, gtm_admin_word(page, statuses[i]));
    gtm_html_markup(page->html, "</select></label>\n");
}

static void write_providers(gtm_admin_page_t *page)
{
    const apr_array_header_t *providers = page->x->child->config->providers;
    const char *asked = gtm_admin_asked(page, "provider");

    if (providers->nelts < 2 && *asked == '\0')
        return;
    gtm_html(page->html, "<label>%s <select name=\"provider\">\n", GTM_SAY(page, PROVIDER));
    gtm_admin_option(page, "", asked, GTM_SAY(page, ANY));
    for (int i = 0; i < providers->nelts; i++) {
        const char *name = APR_ARRAY_IDX(providers, i, const gt_provider_conf_t *)->name;

        gtm_admin_option(page, name, asked, name);
    }
    gtm_html_markup(page->html, "</select></label>\n");
}

static void write_ends(gtm_admin_page_t *page)
{
    const char *asked = gtm_admin_asked(page, "days");

    gtm_html(page->html, "<label>%s <select name=\"days\">\n", GTM_SAY(page, ENDS_WITHIN));
    gtm_admin_option(page, "", asked, GTM_SAY(page, WHENEVER));
    gtm_admin_option(page, "0", asked, GTM_SAY(page, HAS_ENDED));
    gtm_admin_option(page, "1", asked, GTM_SAY(page, WITHIN_DAY));
    gtm_admin_option(page, "7", asked, GTM_SAY(page, WITHIN_WEEK));
    gtm_admin_option(page, "30", asked, GTM_SAY(page, WITHIN_MONTH));
    gtm_html_markup(page->html, "</select></label>\n");
}

static int is_filtered(const gtm_admin_page_t *page)
{
    for (int i = 0; filters[i] != NULL; i++)
        if (*gtm_admin_asked(page, filters[i]) != '\0')
            return 1;
    return 0;
}

static void write_filter(gtm_admin_page_t *page)
{
    const char *path = gtm_admin_path(page->x, "/grants");

    gtm_html(page->html,
             "<form class=\"filter card\" role=\"search\" method=\"get\" action=\"%s\">"
             "<label class=\"wide\">%s <input type=\"search\" name=\"q\" value=\"%s\" "
             "maxlength=\"320\" autocomplete=\"off\" spellcheck=\"false\"></label>\n",
             path, GTM_SAY(page, SEARCH_FOR), gtm_admin_asked(page, "q"));
    write_statuses(page);
    write_providers(page);
    write_ends(page);
    for (int i = FILTER; filters[i] != NULL; i++)
        if (*gtm_admin_asked(page, filters[i]) != '\0')
            gtm_html(page->html, "<input type=\"hidden\" name=\"%s\" value=\"%s\">", filters[i],
                     gtm_admin_asked(page, filters[i]));
    gtm_html(page->html, "<span class=\"buttons\"><button class=\"main\">%s</button>\n",
             GTM_SAY(page, SEARCH));
    if (is_filtered(page))
        gtm_html(page->html, "<a class=\"button\" href=\"%s\">%s</a>\n", path,
                 GTM_SAY(page, RESET));
    gtm_html_markup(page->html, "</span></form>\n");
}

/* ---- acts on many ---- */

static void write_bulk(gtm_admin_page_t *page)
{
    static const char *const acts[] = {"refresh", "validate", "activate", "deactivate", "revoke"};

    gtm_html(page->html,
             "<section class=\"bulk card\" id=\"bulk\" hidden aria-label=\"%s\" data-filter=\"%s\">"
             "<p><b id=\"selected\" role=\"status\"></b> <button type=\"button\" "
             "id=\"select-filter\">%s</button> <button type=\"button\" id=\"select-none\">%s"
             "</button></p><p class=\"buttons\">\n",
             GTM_SAY(page, BULK), filter_json(page), GTM_SAY(page, ALL_OF_FILTER),
             GTM_SAY(page, CLEAR_SELECTION));
    for (apr_size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        gtm_html(page->html, "<button type=\"button\" data-act=\"%s\">%s</button>\n", acts[i],
                 gtm_admin_word(page, acts[i]));
    gtm_html_markup(page->html, "</p></section>\n");
    gtm_html(page->html, "<noscript><p class=\"soft\">%s</p></noscript>\n",
             GTM_SAY(page, NEEDS_SCRIPT));
}

/* ---- the table ---- */

/** A column that the table may be sorted by. */
static void write_sorted_head(gtm_admin_page_t *page, const char *key, const char *label)
{
    const char *asked = gtm_admin_asked(page, "sort");
    int is_up = strcmp(asked, key) == 0 || (*asked == '\0' && strcmp(key, "user") == 0);
    int is_down = *asked == '-' && strcmp(asked + 1, key) == 0;
    const char *other =
        is_up && strcmp(key, "user") != 0 ? apr_pstrcat(page->x->r->pool, "-", key, NULL) : key;

    gtm_html(page->html, "<th scope=\"col\" class=\"%s\"", key);
    if (is_up || is_down)
        gtm_html(page->html, " aria-sort=\"%s\"", is_up ? "ascending" : "descending");
    gtm_html(page->html, "><a href=\"%s\">%s</a></th>\n", address_with(page, "sort", other), label);
}

static void write_head(gtm_admin_page_t *page)
{
    gtm_html(page->html,
             "<thead><tr><td class=\"pick\"><input type=\"checkbox\" id=\"pick-page\" "
             "aria-label=\"%s\" hidden></td>\n",
             GTM_SAY(page, SELECT_ALL));
    write_sorted_head(page, "user", GTM_SAY(page, USER));
    gtm_html(page->html, "<th scope=\"col\">%s</th><th scope=\"col\" class=\"provider\">%s</th>\n",
             GTM_SAY(page, STATUS), GTM_SAY(page, PROVIDER));
    write_sorted_head(page, "expires", GTM_SAY(page, TOKEN_ENDS));
    write_sorted_head(page, "updated", GTM_SAY(page, UPDATED));
    gtm_html(page->html, "<th scope=\"col\" class=\"used\">%s</th></tr></thead>\n",
             GTM_SAY(page, LAST_USED));
}

/* The person below the user's id, where another name or address is known. */
static void write_person(gtm_admin_page_t *page, const json_t *grant)
{
    const char *email = gt_json_text(grant, "email");

    if (email != NULL && *email != '\0' && strcmp(email, gt_json_text(grant, "user")) != 0)
        gtm_html(page->html, "<br><span class=\"soft\"><bdi>%s</bdi></span>", email);
}

static void write_row(gtm_admin_page_t *page, const json_t *grant)
{
    const char *id = gt_json_text(grant, "id"), *user = gt_json_text(grant, "user");
    const char *error = gt_json_text(grant, "error_message");
    const char *meaning = gt_json_text(grant, "error_meaning");

    gtm_html(page->html,
             "<tr><td class=\"pick\"><input type=\"checkbox\" value=\"%s\" aria-label=\"%s %s\" "
             "hidden></td><th scope=\"row\" class=\"user\"><a href=\"%s\"><bdi>%s</bdi></a>",
             id, GTM_SAY(page, SELECT), user, gtm_admin_path_of(page->x, "/grants/", id), user);
    write_person(page, grant);
    gtm_html_markup(page->html, "</th><td class=\"state\">");
    gtm_admin_badge(page, gt_json_text(grant, "status"));
    if (error != NULL && *error != '\0')
        gtm_html(page->html, "<br><span class=\"error\" lang=\"en\"><bdi>%s</bdi></span>",
                 meaning != NULL && *meaning != '\0' ? meaning : error);
    gtm_html(page->html, "</td><td class=\"provider\">%s</td><td class=\"expires\">",
             gt_json_text(grant, "provider"));
    gtm_admin_time(page, gt_json_text(grant, "expires_at"));
    gtm_html_markup(page->html, "</td><td class=\"updated\">");
    gtm_admin_time(page, gt_json_text(grant, "updated_at"));
    gtm_html_markup(page->html, "</td><td class=\"used\">");
    gtm_admin_time(page, gt_json_text(grant, "last_used_at"));
    gtm_html_markup(page->html, "</td></tr>\n");
}

static void write_table(gtm_admin_page_t *page, const json_t *grants)
{
    gtm_html(page->html,
             "<div class=\"scroll card\"><table class=\"stack grants%s\"><caption>%s</caption>\n",
             page->x->child->config->providers->nelts < 2 ? " one-provider" : "",
             GTM_SAY(page, GRANTS));
    write_head(page);
    gtm_html_markup(page->html, "<tbody>\n");
    for (size_t i = 0; i < json_array_size(grants); i++)
        write_row(page, json_array_get(grants, i));
    gtm_html_markup(page->html, "</tbody></table>\n");
    if (json_array_size(grants) == 0)
        gtm_html(page->html, "<p class=\"empty\">%s</p>\n", GTM_SAY(page, NOTHING_FOUND));
    gtm_html_markup(page->html, "</div>\n");
}

static void write_pages(gtm_admin_page_t *page, const char *next)
{
    int is_first = *gtm_admin_asked(page, "cursor") == '\0';

    if (is_first && next == NULL)
        return;
    gtm_html(page->html, "<nav class=\"pages\" aria-label=\"%s\">\n", GTM_SAY(page, PAGES));
    if (!is_first)
        gtm_html(page->html, "<a class=\"button\" href=\"%s\">%s</a>\n",
                 address_with(page, "cursor", ""), GTM_SAY(page, FIRST_PAGE));
    if (next != NULL)
        gtm_html(page->html, "<a class=\"button\" rel=\"next\" href=\"%s\">%s</a>\n",
                 address_with(page, "cursor", next), GTM_SAY(page, NEXT_PAGE));
    gtm_html_markup(page->html, "</nav>\n");
}

void gtm_admin_grants(gtm_request_t *x, const json_t *value)
{
    gtm_admin_page_t *page =
        gtm_admin_begin(x, GTM_WORD_GRANTS, gtm_words(x->r)->word[GTM_WORD_GRANTS]);

    gtm_html(page->html, "<h1>%s</h1>\n", GTM_SAY(page, GRANTS));
    gtm_admin_tell_done(page);
    write_filter(page);
    write_bulk(page);
    write_table(page, json_object_get(value, "grants"));
    write_pages(page, gt_json_text(value, "next"));
    gtm_admin_end(page);
}
