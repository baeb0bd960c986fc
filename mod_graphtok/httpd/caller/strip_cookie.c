/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Sub-requests and internal redirects inherit their header fields from the request that they come
 * from, and may go to another handler: each is judged by itself, from what the client sent.
 */

#include "caller/strip_cookie.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "caller/cookies.h"
#include "config/given_names.h"
#include "config/route_set.h"
#include "config/settings.h"

const char *gtm_cookie_field(const request_rec *r)
{
    for (const request_rec *at = r; at != NULL; at = at->prev != NULL ? at->prev : at->main) {
        const gtm_kept_t *own = gtm_kept_find(at);

        if (own != NULL && own->cookies != NULL)
            return own->cookies;
    }
    return apr_table_get(r->headers_in, "Cookie");
}

/* The length of the cookie at `text`. It ends at ';', or at ", " where httpd joined two fields. */
static apr_size_t cookie_length(const char *text)
{
    apr_size_t len = 0;

    while (text[len] != '\0' && text[len] != ';' && !(text[len] == ',' && text[len + 1] == ' '))
        len++;
    return len;
}

static int is_ours(const char *cookie, apr_size_t len, apr_pool_t *p)
{
    const char *equals = memchr(cookie, '=', len);
    apr_size_t name = equals != NULL ? (apr_size_t)(equals - cookie) : len;

    return gtm_cookie_is_ours(gt_trim(apr_pstrmemdup(p, cookie, name), p));
}

const char *gtm_cookies_of_others(const char *field, apr_pool_t *p)
{
    char *others = apr_palloc(p, strlen(field) + 1), *end = others;
    apr_size_t len;
    int dropped = 0;

    if (strstr(field, GTM_COOKIE_STEM) == NULL)
        return field;
    for (const char *at = field;; at += len + 1) {
        len = cookie_length(at);
        if (is_ours(at, len, p))
            dropped = 1;
        else {
            /* With the separator before it, which is the only byte that can stand there. */
            const char *from = end > others ? at - 1 : at + strspn(at, " \t");

            memcpy(end, from, (apr_size_t)(at + len - from));
            end += at + len - from;
        }
        if (at[len] == '\0')
            break;
    }
    *end = '\0';
    return dropped ? others : field;
}

static void put(request_rec *r, const char *cookies)
{
    if (r->main != NULL)
        r->headers_in = apr_table_copy(r->pool, r->headers_in);
    if (*cookies != '\0')
        apr_table_setn(r->headers_in, "Cookie", cookies);
    else
        apr_table_unset(r->headers_in, "Cookie");
}

/* The field that another location's application was not to see. A field that another module changed
 * stays. */
static void give_back(request_rec *r, const char *field)
{
    const char *sent = gtm_cookie_field(r);

    if (sent != NULL && strcmp(sent, field) != 0 &&
        strcmp(gtm_cookies_of_others(sent, r->pool), field) == 0)
        put(r, sent);
}

/* Variables of a CGI program that sent its request elsewhere: REDIRECT_HTTP_COOKIE. */
static void strip_variables(request_rec *r)
{
    const apr_array_header_t *rows = apr_table_elts(r->subprocess_env);
    apr_table_t *clean = NULL;

    for (int i = 0; i < rows->nelts; i++) {
        const apr_table_entry_t *row = &APR_ARRAY_IDX(rows, i, apr_table_entry_t);
        const char *others;

        if (row->key == NULL || strcmp(gtm_given_origin(row->key), "COOKIE") != 0)
            continue;
        others = gtm_cookies_of_others(row->val, r->pool);
        if (others == row->val)
            continue;
        if (clean == NULL)
            clean = apr_table_copy(r->pool, r->subprocess_env);
        apr_table_setn(clean, row->key, others);
    }
    if (clean != NULL)
        r->subprocess_env = clean;
}

int gtm_strip_cookies(request_rec *r)
{
    const char *field = apr_table_get(r->headers_in, "Cookie");
    const gtm_dir_t *dir = gtm_dir(r);
    const char *others;

    if (gtm_route_is_set(r->handler) || (dir != NULL && dir->pass_cookie == 1)) {
        give_back(r, field != NULL ? field : "");
        return DECLINED;
    }
    strip_variables(r);
    if (field == NULL)
        return DECLINED;
    others = gtm_cookies_of_others(field, r->pool);
    if (others == field)
        return DECLINED;
    if (gtm_cookie_field(r) == field)
        gtm_kept(r)->cookies = field;
    put(r, others);
    return DECLINED;
}
