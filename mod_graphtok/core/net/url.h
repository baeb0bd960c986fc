/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_URL_H
#define GT_URL_H

/**
 * @file url.h
 * Build and judge URLs, queries and forms. One validator for every place where a URL could lead
 * away from its host: redirects, discovery documents, next links. A form is used by one thread; all
 * else is pure and thread-safe.
 */

#include "gt.h"

/** A query or form under construction. */
typedef struct gt_form_t gt_form_t;

/** An empty one. */
gt_form_t *gt_form_make(apr_pool_t *p);

/** One with the pairs of another. */
gt_form_t *gt_form_copy(const gt_form_t *form, apr_pool_t *p);

/** Add a pair, percent-encoded. NULL values are left out. */
void gt_form_add(gt_form_t *form, const char *name, const char *value);

/** Add a secret value, percent-encoded. */
void gt_form_add_secret(gt_form_t *form, const char *name, const gt_secret_t *value);

/** The text "a=b&c=d" so far, as a secret (wiped with its pool). */
gt_secret_t *gt_form_secret(const gt_form_t *form);

/** "USER:PASSWORD" for the header of a client (RFC 6749 section 2.3.1): both are form-encoded, so
 * that the colon parts them. */
gt_secret_t *gt_form_basic(const char *user, const gt_secret_t *password, apr_pool_t *p);

/** The text so far, for queries without secrets. */
const char *gt_form_text(const gt_form_t *form);

/** Append a query to a URL that may have one. */
char *gt_url_with_query(const char *url, const char *query, apr_pool_t *p);

/**
 * Parse a query string or form strictly: every name once, at most `max` pairs, names and values
 * well-formed (see gt_unpercent).
 * @return GT_INVALID naming the field
 */
GT_MUST gt_err_t *gt_query_parse(apr_table_t **pairs, const char *text, int max, apr_pool_t *p);

/**
 * Read a query that another party wrote, of which only some parameters matter. Those named in
 * `strict` must be well-formed and come once (RFC 6749 3.1), as with gt_query_parse; any other
 * value is cut where it is not well-formed, and pairs past `max` or without a name are left out.
 * @param text    not NULL
 * @param strict  names, NULL last
 */
GT_MUST gt_err_t *gt_query_parse_leniently(apr_table_t **pairs, const char *text, int max,
                                           const char *const *strict, apr_pool_t *p);

/** 1 when `url` is absolute https (or http to a loopback host), with a host, no user info, no
 * fragment, no control characters or blanks. */
int gt_url_is_safe(const char *url);

/** 1 when `url` is "http://HOST:PORT" and nothing more: a proxy. */
int gt_url_is_proxy(const char *url);

/** Scheme, host and port in canonical form ("https://graph.microsoft.com"), or NULL. */
char *gt_url_origin(const char *url, apr_pool_t *p);

/**
 * An origin as a browser writes it in its Origin field (RFC 6454 section 6.1): lower case, the
 * scheme's own port left out. Schemes of applications ("capacitor://localhost") are taken, too.
 * @return in `p`; NULL when `text` is no origin, or more than one: a path, a dot behind the host
 */
char *gt_url_exact_origin(const char *text, apr_pool_t *p);

/** 1 when `url` is below `base`: the same origin, and its path begins with base's path. */
int gt_url_is_below(const char *url, const char *base, apr_pool_t *p);

/** Percent-encode what may not stand in a URL as it is: blanks, controls, bytes beyond ASCII, and
 * "<>\^`{|} with the double quote. Escapes that stand there already stay. */
char *gt_url_escape_stray(const char *text, apr_pool_t *p);

/** Longest path on our own origin, bytes: httpd takes request lines of 8,190. */
#define GT_LOCAL_PATH_MAX 8192

/**
 * Judge a `return_to`: a path on our own origin, with a query and a fragment perhaps. It is
 * visible ASCII without backslash, and begins with exactly one '/', also as a browser reads it
 * (WHATWG URL: dot segments removed) and after escapes are decoded. Beyond its beginning any
 * escape is left alone, and so are query and fragment. (CVE-2019-14857, CVE-2020-5233,
 * CVE-2020-11053, CVE-2022-23527 and their kin.)
 * @return 1 when it may be followed
 */
int gt_is_local_path(const char *path);

/** 1 when a path on our own origin is `prefix` ("": the root) or below it, as a browser reads it:
 * dot segments removed. */
int gt_path_is_below(const char *path, const char *prefix);

#endif
