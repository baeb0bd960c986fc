/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admin_accounts.c The table of mail accounts, with a form for each act. */

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

static int is_by_password(const json_t *account)
{
    return strcmp(text_of(account, "incoming_auth_method"), "password") == 0;
}

static void write_act(gtm_admin_page_t *page, const char *path, const char *act, const char *label)
{
    gtm_html(page->html, "<form method=\"post\" action=\"%s/%s\">", path, act);
    gtm_admin_token(page);
    gtm_html(page->html, "<button>%s</button></form>\n", label);
}

static void write_acts(gtm_admin_page_t *page, const json_t *account)
{
    const char *id =
        apr_psprintf(page->x->r->pool, "%" APR_INT64_T_FMT, gtm_admin_number(account, "id"));
    const char *path = gtm_admin_path_of(page->x, "/accounts/", id);
    const int is_on = json_is_true(json_object_get(account, "sync_enabled"));

    gtm_html_markup(page->html, "<td><div class=\"buttons\">");
    if (is_on)
        write_act(page, path, "sync", GTM_SAY(page, SYNC_NOW));
    write_act(page, path, is_on ? "stop" : "start",
              is_on ? GTM_SAY(page, SWITCH_OFF) : GTM_SAY(page, SWITCH_ON));
    write_act(page, path, is_by_password(account) ? "oauth" : "password",
              is_by_password(account) ? GTM_SAY(page, TO_OAUTH) : GTM_SAY(page, TO_PASSWORD));
    gtm_html_markup(page->html, "</div></td>");
}

static void write_row(gtm_admin_page_t *page, const json_t *account)
{
    const char *trouble = gt_json_text(account, "trouble");

    gtm_html(page->html,
             "<tr><th scope=\"row\" class=\"user\"><bdi>%s</bdi><br><span class=\"soft\">"
             "<bdi>%s</bdi> · %s</span></th><td>",
             text_of(account, "email_address"), text_of(account, "user"),
             text_of(account, "provider"));
    gtm_admin_badge(page, text_of(account, "state"));
    if (trouble != NULL)
        gtm_html(page->html, "<br><span class=\"soft\" lang=\"en\"><bdi>%s</bdi></span>", trouble);
    gtm_html(page->html, "</td><td>%s</td><td>",
             is_by_password(account) ? GTM_SAY(page, BY_PASSWORD) : GTM_SAY(page, BY_OAUTH));
    gtm_admin_time(page, gt_json_text(account, "last_sync_at"));
    gtm_html_markup(page->html, "</td>");
    write_acts(page, account);
    gtm_html_markup(page->html, "</tr>\n");
}

static void write_next(gtm_admin_page_t *page, const char *next)
{
    if (next == NULL)
        return;
    gtm_html(page->html,
             "<nav class=\"pages\" aria-label=\"%s\"><a class=\"button\" rel=\"next\" "
             "href=\"%s/accounts?cursor=%s\">%s</a></nav>\n",
             GTM_SAY(page, PAGES), page->root, next, GTM_SAY(page, NEXT_PAGE));
}

void gtm_admin_accounts(gtm_request_t *x, const json_t *value)
{
    gtm_admin_page_t *page =
        gtm_admin_begin(x, GTM_WORD_MAILBOXES, gtm_words(x->r)->word[GTM_WORD_MAILBOXES]);
    const json_t *accounts = json_object_get(value, "accounts");

    gtm_html(page->html, "<h1 id=\"accounts\">%s</h1>\n", GTM_SAY(page, MAILBOXES));
    if (*gtm_admin_asked(page, "done") != '\0')
        gtm_html(page->html, "<p class=\"note\" role=\"status\">%s</p>\n", GTM_SAY(page, DONE));
    gtm_html(page->html,
             "<div class=\"scroll card\"><table class=\"stack\" aria-labelledby=\"accounts\">"
             "<thead><tr><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
             "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
             "</tr></thead><tbody>\n",
             GTM_SAY(page, MAILBOX), GTM_SAY(page, STATE), GTM_SAY(page, METHOD),
             GTM_SAY(page, LAST_SYNC), GTM_SAY(page, ACTS));
    for (size_t i = 0; i < json_array_size(accounts); i++)
        write_row(page, json_array_get(accounts, i));
    gtm_html_markup(page->html, "</tbody></table>\n");
    if (json_array_size(accounts) == 0)
        gtm_html(page->html, "<p class=\"empty\">%s</p>\n", GTM_SAY(page, NO_ACCOUNTS));
    gtm_html_markup(page->html, "</div>\n");
    write_next(page, gt_json_text(value, "next"));
    gtm_admin_end(page);
}

void gtm_admin_account_acted(gtm_request_t *x, const json_t *value)
{
    (void)value;
    gtm_answer_redirect(x, HTTP_SEE_OTHER, gtm_admin_path(x, "/accounts?done=1"));
}
