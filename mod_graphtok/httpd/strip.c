/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Stripping by alikeness (gt_is_alike): a gateway that took out "X-Name" alone was passed by with
 * "X_Name", which many frameworks read as the same. What an internal redirect renames, and what CGI
 * makes of header fields, is known by its prefixes.
 */

#include "strip.h"

#include <string.h>

#include <apr_strings.h>
#include <http_request.h>
#include <util_filter.h>

#include "base/text.h"
#include "conf.h"

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

const char *gtm_strip_name(const char *name, gtm_pass_part_t part, int is_variable, apr_pool_t *p)
{
    if (part == GTM_PART_TOKEN)
        return name;
    return apr_pstrcat(p, name, is_variable ? variable_ends[part] : field_ends[part], NULL);
}

const char *gtm_strip_refuse(const char *name, int is_variable)
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

static int is_among(const char *name, const apr_array_header_t *names)
{
    for (int i = 0; i < names->nelts; i++) {
        if (gt_is_alike(name, APR_ARRAY_IDX(names, i, const char *)))
            return 1;
    }
    return 0;
}

void gtm_strip_add(apr_array_header_t *names, const char *name)
{
    if (is_among(name, names))
        return;
    for (int part = 0; part < GTM_PASS_PARTS; part++)
        APR_ARRAY_PUSH(names, const char *) =
            gtm_strip_name(name, (gtm_pass_part_t)part, 0, names->pool);
}

const char *gtm_strip_origin(const char *variable)
{
    while (strncmp(variable, "REDIRECT_", 9) == 0)
        variable += 9;
    return strncmp(variable, "HTTP_", 5) == 0 ? variable + 5 : variable;
}

/** The first key of a table that has such a name, or NULL. */
static const char *find(const apr_table_t *table, const apr_array_header_t *names,
                        int are_variables)
{
    const apr_array_header_t *rows = apr_table_elts(table);

    for (int i = 0; i < rows->nelts; i++) {
        const char *key = APR_ARRAY_IDX(rows, i, apr_table_entry_t).key;

        if (key != NULL && is_among(are_variables ? gtm_strip_origin(key) : key, names))
            return key;
    }
    return NULL;
}

static void strip(apr_table_t **table, const request_rec *r, const apr_array_header_t *names,
                  int are_variables)
{
    const char *key = *table != NULL ? find(*table, names, are_variables) : NULL;

    /* A sub-request has its main request's very table. */
    if (key != NULL && r->main != NULL)
        *table = apr_table_copy(r->pool, *table);
    for (; key != NULL; key = find(*table, names, are_variables))
        apr_table_unset(*table, key);
}

void gtm_strip(request_rec *r)
{
    const apr_array_header_t *names = gtm_server(r->server)->passed;

    strip(&r->headers_in, r, names, 0);
    strip(&r->trailers_in, r, names, 0);
    strip(&r->subprocess_env, r, names, 1);
}

/* Trailers come when the body is read; with MergeTrailers they make a new table of header fields, in
 * which what is ours must be what it was before. */
static apr_status_t clean_trailers(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                   apr_read_type_e block, apr_off_t wanted)
{
    const apr_array_header_t *names = gtm_server(f->r->server)->passed;
    const apr_table_t *before = f->r->headers_in;
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, wanted);
    const apr_array_header_t *rows = apr_table_elts(before);

    strip(&f->r->trailers_in, f->r, names, 0);
    if (f->r->headers_in == before)
        return rv;
    strip(&f->r->headers_in, f->r, names, 0);
    for (int i = 0; i < rows->nelts; i++) {
        const apr_table_entry_t *row = &APR_ARRAY_IDX(rows, i, apr_table_entry_t);

        if (row->key != NULL && is_among(row->key, names))
            apr_table_addn(f->r->headers_in, row->key, row->val);
    }
    return rv;
}

static ap_filter_rec_t *trailers;

void gtm_strip_register(void)
{
    trailers =
        ap_register_input_filter("GRAPHTOK_TRAILERS", clean_trailers, NULL, AP_FTYPE_RESOURCE);
}

/* A client that names a field of ours in Connection would have mod_proxy leave it out. */
static void clean_connection(request_rec *r)
{
    const apr_array_header_t *names = gtm_server(r->server)->passed;
    const char *field = apr_table_get(r->headers_in, "Connection");
    const apr_array_header_t *words = gt_split(field != NULL ? field : "", ", \t", r->pool);
    const char *kept = "";
    int dropped = 0;

    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);

        if (is_among(word, names))
            dropped = 1;
        else
            kept = apr_pstrcat(r->pool, kept, *kept != '\0' ? ", " : "", word, NULL);
    }
    if (dropped)
        apr_table_setn(r->headers_in, "Connection", kept);
}

int gtm_strip_request(request_rec *r)
{
    gtm_strip(r);
    clean_connection(r);
    if (ap_is_initial_req(r) &&
        (r->proto_num >= 2000 || apr_table_get(r->headers_in, "Transfer-Encoding") != NULL))
        ap_add_input_filter_handle(trailers, NULL, r, r->connection);
    return DECLINED;
}
