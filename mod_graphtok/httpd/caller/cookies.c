/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file cookies.c Reading and setting cookies. The Cookie field is cut at ';' only: values of ours
 * hold none. */

#include "caller/cookies.h"

#include <apr_strings.h>

#include "base/text.h"
#include "caller/strip_cookie.h"
#include "request/own_origin.h"

#define MOST_COOKIES 200
#define HOST_PREFIX "__Host-"

apr_array_header_t *gtm_cookies(request_rec *r)
{
    apr_array_header_t *cookies = apr_array_make(r->pool, 8, sizeof(gtm_cookie_t));
    const char *field = gtm_cookie_field(r);
    apr_array_header_t *parts = gt_split(field != NULL ? field : "", ";", r->pool);

    for (int i = 0; i < parts->nelts && i < MOST_COOKIES; i++) {
        char *name = gt_trim(APR_ARRAY_IDX(parts, i, char *), r->pool);
        char *equals = strchr(name, '=');

        if (equals != NULL && equals > name) {
            gtm_cookie_t *cookie = apr_array_push(cookies);

            *equals = '\0';
            cookie->name = name;
            cookie->value = equals + 1;
        }
    }
    return cookies;
}

const char *gtm_cookie_get(request_rec *r, const char *name)
{
    apr_array_header_t *cookies = gtm_cookies(r);
    const char *value = NULL;

    for (int i = 0; i < cookies->nelts; i++) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(cookies, i, gtm_cookie_t);

        if (strcmp(cookie->name, name) != 0)
            continue;
        if (value != NULL)
            return NULL;
        value = cookie->value;
    }
    return value;
}

const char *gtm_cookie_name(const gtm_request_t *x, const char *name)
{
    return gtm_origin_is_secure(x) ? apr_pstrcat(x->r->pool, HOST_PREFIX, name, NULL) : name;
}

int gtm_cookie_is_ours(const char *name)
{
    static const char hex[] = "0123456789abcdef";
    apr_size_t digits;

    if (strncmp(name, HOST_PREFIX, sizeof(HOST_PREFIX) - 1) == 0)
        name += sizeof(HOST_PREFIX) - 1;
    if (strncmp(name, GTM_COOKIE_STEM, sizeof(GTM_COOKIE_STEM) - 1) != 0)
        return 0;
    name += sizeof(GTM_COOKIE_STEM) - 1;
    if (strncmp(name, "s-", 2) != 0)
        return strspn(name, hex) == GTM_SESSION_DIGITS && name[GTM_SESSION_DIGITS] == '\0';
    name += 2;
    digits = strspn(name, hex);
    if ((digits != GTM_STATE_SECONDS_DIGITS && digits != GTM_STATE_MICROS_DIGITS) ||
        name[digits] != '-')
        return 0;
    name += digits + 1;
    return strspn(name, hex) == GTM_STATE_HASH_DIGITS && name[GTM_STATE_HASH_DIGITS] == '\0';
}

void gtm_cookie_set(gtm_request_t *x, const char *name, const char *value, apr_int64_t age)
{
    apr_table_addn(x->r->err_headers_out, "Set-Cookie",
                   apr_psprintf(x->r->pool,
                                "%s=%s; Path=/; Max-Age=%" APR_INT64_T_FMT
                                "; HttpOnly; SameSite=Lax%s",
                                name, value, age, gtm_origin_is_secure(x) ? "; Secure" : ""));
}
