/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Removing names that only this module may give. Variables that an internal redirect renamed, or
 * that CGI made of header fields, are known by their prefixes.
 */

#include "pass/strip.h"

#include <string.h>

#include <apr_strings.h>
#include <http_request.h>
#include <util_filter.h>

#include "base/text.h"
#include "config/given_names.h"
#include "config/settings.h"

/** The first key of a table that has such a name, or NULL. */
static const char *find(const apr_table_t *table, const apr_array_header_t *names,
                        int are_variables)
{
    const apr_array_header_t *rows = apr_table_elts(table);

    for (int i = 0; i < rows->nelts; i++) {
        const char *key = APR_ARRAY_IDX(rows, i, apr_table_entry_t).key;

        if (key != NULL && gtm_is_given_name(are_variables ? gtm_given_origin(key) : key, names))
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

/* Trailers come when the body is read; with MergeTrailers they make a new table of header fields,
 * in which what is ours must be what it was before. */
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

        if (row->key != NULL && gtm_is_given_name(row->key, names))
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

        if (gtm_is_given_name(word, names))
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
