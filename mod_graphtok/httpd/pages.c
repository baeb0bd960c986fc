/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file pages.c One frame, two contents. */

#include "pages.h"

#include <apr_strings.h>
#include <httpd.h>

#include "origin.h"

static const char *frame(const char *title, const char *content, apr_pool_t *p)
{
    return apr_pstrcat(
        p,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>",
        title,
        "</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;"
        "padding:0 1rem;color:#1b1f24}small{color:#57606a}</style></head><body><h1>",
        title, "</h1>", content, "</body></html>\n", NULL);
}

const char *gtm_page_signed_in(gtm_exchange_t *x, const char *who)
{
    apr_pool_t *p = x->r->pool;
    const char *content = "<p>You can close this page now.</p>";

    if (who && *who)
        content = apr_pstrcat(p, "<p>Signed in as <strong>", ap_escape_html(p, who),
                              "</strong>. You can close this page now.</p>", NULL);
    return frame("Signed in", content, p);
}

const char *gtm_page_admin_consent(gtm_exchange_t *x, int is_refused)
{
    apr_pool_t *p = x->r->pool;
    const char *told = is_refused ? "<p>The provider says that consent was not given.</p>"
                                  : "<p>The provider says that an administrator has consented. "
                                    "Signing in shows whether it holds.</p>";

    return frame("Consent for the organisation",
                 apr_pstrcat(p, told, "<p><a href=\"",
                             ap_escape_html(p, apr_pstrcat(p, gtm_origin_prefix(x), x->mount->path,
                                                           "/login", NULL)),
                             "\">Sign in</a></p>", NULL),
                 p);
}

const char *gtm_page_error(gtm_exchange_t *x, const gt_err_t *err, const char *login_url)
{
    apr_pool_t *p = x->r->pool;
    const char *content =
        apr_pstrcat(p, "<p>", ap_escape_html(p, gt_err_told(err, p)), "</p>", NULL);

    if (login_url)
        content = apr_pstrcat(p, content, "<p><a href=\"", ap_escape_html(p, login_url),
                              "\">Sign in</a></p>", NULL);
    content = apr_pstrcat(p, content, "<p><small>", err->tag, err->code ? " · " : "",
                          err->code ? ap_escape_html(p, err->code) : "", "</small></p>", NULL);
    return frame(gt_class_row(err->cls)->title, content, p);
}
