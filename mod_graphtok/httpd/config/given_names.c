/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Names that only this module may give. They are compared by likeness (gt_is_alike): a client would
 * get past a filter for "X-Name" alone with "X_Name", which many frameworks read as the same.
 */

#include "config/given_names.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

static const char *const field_ends[GTM_PASS_PARTS] = {"", "-Expires", "-User", "-Reason"};
static const char *const variable_ends[GTM_PASS_PARTS] = {"", "_EXPIRES", "_USER", "_REASON"};

/* Fields that HTTP, httpd or the way to an application need: as names of ours they would be taken
 * out of all requests. */
static const char *const taken[] = {
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Forwarded",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Max-Forwards",
    "Origin",
    "Proxy",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
};

const char *gtm_given_name(const char *name, gtm_pass_part_t part, int is_variable, apr_pool_t *p)
{
    if (part == GTM_PART_TOKEN)
        return name;
    return apr_pstrcat(p, name, is_variable ? variable_ends[part] : field_ends[part], NULL);
}

const char *gtm_given_name_refuse(const char *name, int is_variable)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const char *rest = name;

    if (strspn(name, letters) == 0)
        return "must begin with a letter";
    for (rest += strspn(rest, more); *rest != '\0'; rest += strspn(rest, more)) {
        if (*rest != '_' && (is_variable || *rest != '-'))
            return is_variable ? "may hold letters, digits and _ only"
                               : "may hold letters, digits, - and _ only";
        rest++;
    }
    if (is_variable && strncasecmp(name, "HTTP_", 5) == 0)
        return "is where CGI puts what clients send: take another name, or header";
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (gt_is_alike(name, taken[i]))
            return "is a field that requests need themselves; take a name such as " GTM_PASS_FIELD;
    }
    return NULL;
}

int gtm_is_given_name(const char *name, const apr_array_header_t *names)
{
    for (int i = 0; i < names->nelts; i++) {
        if (gt_is_alike(name, APR_ARRAY_IDX(names, i, const char *)))
            return 1;
    }
    return 0;
}

void gtm_given_names_add(apr_array_header_t *names, const char *name)
{
    if (gtm_is_given_name(name, names))
        return;
    for (int part = 0; part < GTM_PASS_PARTS; part++)
        APR_ARRAY_PUSH(names, const char *) =
            gtm_given_name(name, (gtm_pass_part_t)part, 0, names->pool);
}

const char *gtm_given_origin(const char *variable)
{
    while (strncmp(variable, "REDIRECT_", 9) == 0)
        variable += 9;
    return strncmp(variable, "HTTP_", 5) == 0 ? variable + 5 : variable;
}
