/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file pages.c The HTML of our pages: one frame, three contents. Contrasts are at least 4.5 to 1
 * (WCAG 2.2, 1.4.3). */

#include "request/pages.h"

#include <apr_base64.h>
#include <apr_strings.h>
#include <httpd.h>

#include "base/text.h"
#include "request/login_link.h"
#include "request/own_origin.h"
#include "request/page_words.h"

#define DIGEST 32

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--ground:#f3f5f8;--card:#fff;"
    "--line:#d0d7de;--act:#0a58ca}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9ba5b0;--ground:#0d1117;"
    "--card:#161b22;--line:#30363d;--act:#2563d6}}"
    "*{box-sizing:border-box}"
    "body{margin:0;padding:12vh 1rem 2rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
    "background:var(--ground)}"
    "main{max-width:32rem;margin:0 auto;padding:1.75rem 2rem;background:var(--card);"
    "border:1px solid var(--line);border-radius:12px;overflow-wrap:anywhere}"
    "h1{margin:0 0 .5rem;font-size:1.4rem;line-height:1.25}p{margin:0}"
    "nav{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}"
    "a{padding:.45rem 1rem;border:1px solid var(--soft);border-radius:8px;color:inherit;"
    "text-decoration:none}"
    "a:first-child{border-color:var(--act);background:var(--act);color:#fff}"
    "a:hover{text-decoration:underline}a:focus-visible{outline:3px solid var(--act);"
    "outline-offset:2px}"
    "footer{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);"
    "font-size:.875rem}";

const char *gtm_page_policy(apr_pool_t *p)
{
    unsigned char digest[DIGEST];
    char text[2 * DIGEST];

    gt_sha256(digest, style, sizeof(style) - 1);
    apr_base64_encode_binary(text, digest, DIGEST);
    return apr_pstrcat(p, "default-src 'none'; style-src 'sha256-", text,
                       "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'", NULL);
}

static const char *frame(const gtm_words_t *words, const char *title, const char *content,
                         apr_pool_t *p)
{
    return apr_pstrcat(p, "<!DOCTYPE html>\n<html lang=\"", words->tag,
                       "\"><head><meta charset=\"utf-8\">"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                       "<title>",
                       title, "</title><style>", style, "</style></head>\n<body><main><h1>", title,
                       "</h1>\n", content, "</main></body></html>\n", NULL);
}

static const char *paragraph(const char *text, apr_pool_t *p)
{
    return apr_pstrcat(p, "<p>", ap_escape_html(p, text), "</p>\n", NULL);
}

/* "" where there is nothing to link to. */
static const char *link_to(const char *url, const char *text, apr_pool_t *p)
{
    if (url == NULL)
        return "";
    return apr_pstrcat(p, "<a href=\"", ap_escape_html(p, url), "\">", ap_escape_html(p, text),
                       "</a>\n", NULL);
}

static const char *links(const char *first, const char *second, const char *third, apr_pool_t *p)
{
    return apr_pstrcat(p, "<nav>", first, second, third, "</nav>\n", NULL);
}

/* Where the administrator sends people after a sign-in, else the site's root. */
static const char *start_page(const gtm_request_t *x, const gtm_words_t *words)
{
    const char *url = x->dir->return_to != NULL && *x->dir->return_to ? x->dir->return_to : "/";

    /* One with a host is the administrator's own. */
    if (*url == '/')
        url = gtm_origin_path(x, url);
    return link_to(url, words->word[GTM_WORD_START_PAGE], x->r->pool);
}

const char *gtm_page_signed_in(gtm_request_t *x, const char *who)
{
    const gtm_words_t *words = gtm_words(x->r);
    apr_pool_t *p = x->r->pool;
    const char *told = paragraph(words->word[GTM_WORD_MAY_CLOSE], p);

    if (who != NULL && *who)
        told = apr_pstrcat(p, "<p>", words->word[GTM_WORD_SIGNED_IN_AS], " <strong>",
                           ap_escape_html(p, who), "</strong>.</p>\n", told, NULL);
    return frame(words, words->word[GTM_WORD_SIGNED_IN],
                 apr_pstrcat(p, told, links(start_page(x, words), "", "", p), NULL), p);
}

const char *gtm_page_signed_out(gtm_request_t *x)
{
    const gtm_words_t *words = gtm_words(x->r);
    apr_pool_t *p = x->r->pool;
    const char *login =
        link_to(apr_pstrcat(p, gtm_origin_prefix(x), x->mount->path, "/login", NULL),
                words->word[GTM_WORD_SIGN_IN_AGAIN], p);

    return frame(words, words->word[GTM_WORD_SIGNED_OUT],
                 apr_pstrcat(p, paragraph(words->word[GTM_WORD_SIGNED_OUT_HERE], p),
                             links(login, start_page(x, words), "", p), NULL),
                 p);
}

/* Of which organisation, and why not: what an administrator looks for. */
static const char *consent_details(const gtm_consent_t *told, const gtm_words_t *words,
                                   apr_pool_t *p)
{
    const char *text = "";

    if (told->tenant != NULL)
        text =
            apr_pstrcat(p, "<p>", words->word[GTM_WORD_TENANT], ": ", told->tenant, "</p>", NULL);
    if (told->code != NULL)
        text = apr_pstrcat(p, text, "<p><b>", ap_escape_html(p, told->code), "</b></p>", NULL);
    if (text[0] == '\0')
        return "";
    return apr_pstrcat(p, "<footer aria-label=\"", words->word[GTM_WORD_DETAILS], "\">", text,
                       "</footer>\n", NULL);
}

const char *gtm_page_admin_consent(gtm_request_t *x, const gtm_consent_t *told)
{
    const gtm_words_t *words = gtm_words(x->r);
    apr_pool_t *p = x->r->pool;
    gtm_word_t word = told->is_refused ? GTM_WORD_CONSENT_REFUSED
                      : told->is_ours  ? GTM_WORD_CONSENT_ASKED
                                       : GTM_WORD_CONSENT_GIVEN;
    const char *login =
        link_to(apr_pstrcat(p, gtm_origin_prefix(x), x->mount->path, "/login", NULL),
                words->word[GTM_WORD_SIGN_IN], p);

    return frame(words, words->word[GTM_WORD_CONSENT],
                 apr_pstrcat(p, paragraph(words->word[word], p),
                             links(login, start_page(x, words), "", p),
                             consent_details(told, words, p), NULL),
                 p);
}

/* The tag and the provider's code, for an administrator to look up. */
static const char *codes(const gt_err_t *err, apr_pool_t *p)
{
    const char *text = err->tag;

    if (err->code != NULL)
        text = apr_pstrcat(p, text, " · ", ap_escape_html(p, err->code), NULL);
    if (err->request_id != NULL)
        text = apr_pstrcat(p, text, " · ", ap_escape_html(p, err->request_id), NULL);
    return text;
}

/* The part for an administrator, below the words for the person: an error's own words, which are
 * English as the log is. */
static const char *details(const gt_err_t *err, const gtm_words_t *words, apr_pool_t *p)
{
    return apr_pstrcat(p, "<footer aria-label=\"", words->word[GTM_WORD_DETAILS], "\"><p><b>",
                       codes(err, p), "</b></p><p lang=\"en\">",
                       ap_escape_html(p, gt_err_told(err, p)), "</p></footer>\n", NULL);
}

const char *gtm_page_error(gtm_request_t *x, const gt_err_t *err, const char *login_url)
{
    const gtm_words_t *words = gtm_words(x->r);
    const gtm_error_words_t *told =
        err->hint != GT_HINT_NONE ? &words->hint[err->hint] : &words->cls[err->cls];
    int is_first = err->cls == GT_SIGN_IN && !err->is_after_sign_in;
    gtm_word_t sign_in = is_first ? GTM_WORD_SIGN_IN : GTM_WORD_SIGN_IN_AGAIN;
    apr_pool_t *p = x->r->pool;
    /* A part of a sign-in is not repeated: its link begins another one. */
    const char *again =
        gt_class_row(err->cls)->may_retry && !gtm_login_is_part(x) ? gtm_login_asked_for(x) : NULL;

    return frame(words, told->title,
                 apr_pstrcat(p, paragraph(told->advice, p),
                             links(link_to(login_url, words->word[sign_in], p),
                                   link_to(again, words->word[GTM_WORD_TRY_AGAIN], p),
                                   start_page(x, words), p),
                             details(err, words, p), NULL),
                 p);
}
