/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admin_grant.c One grant: why it fails comes first, then what can be done to it, what it is
 * and what happened to it. Its forms work without script. */

#include "admin/admin_pages.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/admin_frame.h"
#include "base/text.h"
#include "request/answer.h"

static int is_text(const char *text)
{
    return text != NULL && *text != '\0';
}

/* ---- why it fails ---- */

static void write_fault(gtm_admin_page_t *page, const json_t *grant)
{
    const char *error = gt_json_text(grant, "error_message");
    const char *meaning = gt_json_text(grant, "error_meaning");

    if (!is_text(error))
        return;
    gtm_html(page->html, "<section class=\"fault card\"><h2>%s</h2>", GTM_SAY(page, WHY_FAILING));
    if (is_text(meaning))
        gtm_html(page->html, "<p lang=\"en\">%s</p><p class=\"soft\" lang=\"en\"><bdi>%s</bdi></p>",
                 meaning, error);
    else
        gtm_html(page->html, "<p lang=\"en\"><bdi>%s</bdi></p>", error);
    if (gtm_admin_number(grant, "error_count") > 0)
        gtm_html(page->html, "<p class=\"soft\">%s: %ld</p>", GTM_SAY(page, ERRORS_IN_A_ROW),
                 (long)gtm_admin_number(grant, "error_count"));
    gtm_html_markup(page->html, "</section>\n");
}

/* ---- acts ---- */

static void begin_form(gtm_admin_page_t *page, const json_t *grant, const char *act)
{
    const char *path = gtm_admin_path_of(page->x, "/grants/", gt_json_text(grant, "id"));

    gtm_html(page->html, "<form method=\"post\" action=\"%s/%s\">", path, act);
    gtm_admin_token(page);
}

static void write_act(gtm_admin_page_t *page, const json_t *grant, const char *act)
{
    begin_form(page, grant, act);
    gtm_html(page->html, "<button>%s</button></form>\n", gtm_admin_word(page, act));
}

/* One that takes something away is opened first. */
static void write_grave_act(gtm_admin_page_t *page, const json_t *grant, const char *act,
                            const char *means)
{
    gtm_html(page->html, "<details><summary class=\"button\">%s …</summary><div><p>%s</p>\n",
             gtm_admin_word(page, act), means);
    begin_form(page, grant, act);
    gtm_html(page->html, "<button class=\"grave\">%s</button></form></div></details>\n",
             gtm_admin_word(page, act));
}

static void write_acts(gtm_admin_page_t *page, const json_t *grant)
{
    const char *status = gt_json_text(grant, "status");

    gtm_html(page->html, "<section class=\"acts\" aria-label=\"%s\">\n", GTM_SAY(page, ACTS));
    write_act(page, grant, "refresh");
    write_act(page, grant, "validate");
    if (strcmp(status, "active") != 0)
        write_act(page, grant, "activate");
    if (strcmp(status, "inactive") != 0)
        write_grave_act(page, grant, "deactivate", GTM_SAY(page, DEACTIVATE_MEANS));
    write_grave_act(page, grant, "revoke", GTM_SAY(page, REVOKE_MEANS));
    gtm_html_markup(page->html, "</section>\n");
}

/* ---- what it is ---- */

static void write_fact(gtm_admin_page_t *page, const char *name, const char *value)
{
    if (is_text(value))
        gtm_html(page->html, "<div><dt>%s</dt><dd><bdi>%s</bdi></dd></div>\n", name, value);
}

static void write_moment(gtm_admin_page_t *page, const char *name, const char *time)
{
    gtm_html(page->html, "<div><dt>%s</dt><dd>", name);
    gtm_admin_time(page, time);
    gtm_html_markup(page->html, "</dd></div>\n");
}

static void write_scopes(gtm_admin_page_t *page, const char *scope)
{
    apr_array_header_t *scopes;

    if (!is_text(scope))
        return;
    scopes = gt_split(scope, " ", page->x->r->pool);
    gtm_html(page->html, "<div class=\"wide\"><dt>%s</dt><dd>", GTM_SAY(page, SCOPE));
    for (int i = 0; i < scopes->nelts; i++)
        gtm_html(page->html, "<code>%s</code> ", APR_ARRAY_IDX(scopes, i, const char *));
    gtm_html_markup(page->html, "</dd></div>\n");
}

static void write_facts(gtm_admin_page_t *page, const json_t *grant)
{
    gtm_html_markup(page->html, "<dl class=\"facts card\">\n");
    write_fact(page, GTM_SAY(page, NAME), gt_json_text(grant, "name"));
    write_fact(page, GTM_SAY(page, EMAIL), gt_json_text(grant, "email"));
    write_fact(page, GTM_SAY(page, PROVIDER), gt_json_text(grant, "provider"));
    write_moment(page, GTM_SAY(page, TOKEN_ENDS), gt_json_text(grant, "expires_at"));
    write_moment(page, GTM_SAY(page, UPDATED), gt_json_text(grant, "updated_at"));
    write_moment(page, GTM_SAY(page, CREATED), gt_json_text(grant, "created_at"));
    write_moment(page, GTM_SAY(page, LAST_USED), gt_json_text(grant, "last_used_at"));
    gtm_html(page->html, "<div><dt>%s</dt><dd>%ld</dd></div>\n", GTM_SAY(page, USES),
             (long)gtm_admin_number(grant, "use_count"));
    write_scopes(page, gt_json_text(grant, "scope"));
    gtm_html(page->html, "<div class=\"wide\"><dt>%s</dt><dd><code>%s</code></dd></div>\n",
             GTM_SAY(page, ID), gt_json_text(grant, "id"));
    gtm_html_markup(page->html, "</dl>\n");
}

/* ---- what happened to it ---- */

static void write_happening(gtm_admin_page_t *page, const json_t *one)
{
    const char *tag = gt_json_text(one, "tag"), *detail = gt_json_text(one, "detail");

    gtm_html_markup(page->html, "<tr><td>");
    gtm_admin_time(page, gt_json_text(one, "at"));
    gtm_html(page->html, "</td><th scope=\"row\">%s</th><td>",
             gtm_admin_word(page, gt_json_text(one, "event")));
    gtm_admin_badge(page, gt_json_text(one, "outcome"));
    gtm_html_markup(page->html, "</td><td lang=\"en\">");
    if (is_text(tag))
        gtm_html(page->html, "<code>%s</code> ", tag);
    gtm_html(page->html, "<bdi>%s</bdi></td><td class=\"who\"><bdi>%s</bdi></td></tr>\n", detail,
             gt_json_text(one, "administrator"));
}

static void write_history(gtm_admin_page_t *page, const json_t *history)
{
    gtm_html(page->html, "<section class=\"card\"><h2 id=\"history\">%s</h2>\n",
             GTM_SAY(page, HISTORY));
    if (json_array_size(history) == 0) {
        gtm_html(page->html, "<p class=\"soft\">%s</p></section>\n", GTM_SAY(page, NO_HISTORY));
        return;
    }
    gtm_html(
        page->html,
        "<div class=\"scroll\"><table aria-labelledby=\"history\"><thead><tr>"
        "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
        "<th scope=\"col\">%s</th><th scope=\"col\" class=\"who\">%s</th></tr></thead><tbody>\n",
        GTM_SAY(page, TIME), GTM_SAY(page, EVENT), GTM_SAY(page, OUTCOME), GTM_SAY(page, DETAIL),
        GTM_SAY(page, ADMINISTRATOR));
    for (size_t i = 0; i < json_array_size(history); i++)
        write_happening(page, json_array_get(history, i));
    gtm_html_markup(page->html, "</tbody></table></div></section>\n");
}

/* ---- the way on after an act ---- */

static const struct {
    const char *done;
    gtm_word_t word;
} outcomes[] = {{"refreshed", GTM_WORD_IS_REFRESHED},
                {"valid", GTM_WORD_IS_VALID},
                {"deactivated", GTM_WORD_IS_DEACTIVATED},
                {"activated", GTM_WORD_IS_ACTIVATED},
                {"revoked", GTM_WORD_IS_REVOKED}};

/* An address of any making shows words of ours alone. */
void gtm_admin_tell_done(gtm_admin_page_t *page)
{
    const char *done = gtm_admin_asked(page, "done");

    for (apr_size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
        if (strcmp(outcomes[i].done, done) == 0)
            gtm_html(page->html, "<p class=\"note\" role=\"status\">%s</p>\n",
                     page->words->word[outcomes[i].word]);
}

void gtm_admin_acted(gtm_request_t *x, const json_t *value)
{
    const char *done = gt_json_text(value, "status");
    const char *path = strcmp(done, "revoked") == 0
                           ? gtm_admin_path(x, "/grants")
                           : gtm_admin_path_of(x, "/grants/", gt_json_text(value, "id"));

    gtm_answer_redirect(x, HTTP_SEE_OTHER, apr_pstrcat(x->r->pool, path, "?done=", done, NULL));
}

void gtm_admin_grant(gtm_request_t *x, const json_t *value)
{
    const char *user = gt_json_text(value, "user");
    gtm_admin_page_t *page = gtm_admin_begin(x, GTM_WORD_GRANTS, user);

    gtm_html(page->html, "<p class=\"back\"><a href=\"%s/grants\">← %s</a></p><h1><bdi>%s</bdi> ",
             page->root, GTM_SAY(page, BACK_TO_GRANTS), user);
    gtm_admin_badge(page, gt_json_text(value, "status"));
    gtm_html_markup(page->html, "</h1>\n");
    gtm_admin_tell_done(page);
    write_fault(page, value);
    write_acts(page, value);
    write_facts(page, value);
    write_history(page, json_object_get(value, "history"));
    gtm_admin_end(page);
}
