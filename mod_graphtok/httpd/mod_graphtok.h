/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef MOD_GRAPHTOK_H
#define MOD_GRAPHTOK_H

/**
 * @file mod_graphtok.h
 * For other modules of the same httpd: the current user's token, and that user's id. Get the
 * functions in a hook that runs after all modules are loaded, such as optional_fn_retrieve or
 * post_config:
 *
 *     static APR_OPTIONAL_FN_TYPE(graphtok_token) *graphtok_token_fn;
 *     graphtok_token_fn = APR_RETRIEVE_OPTIONAL_FN(graphtok_token);
 *
 * It is NULL when mod_graphtok is not loaded. Provider, store and caller are those of the request's
 * location (GraphTokUseProvider, GraphTokUseStore, GraphTokUser); so call them when httpd has
 * authenticated the request: in fixups or later. Any thread may, that serves the request.
 */

#include <apr_optional.h>
#include <apr_time.h>
#include <httpd.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A token, or why there is none. New members come at the end. Lives in r->pool. */
typedef struct graphtok_token_t {
    const char *token;    /* wiped with r->pool; NULL: there is none, see error */
    apr_time_t expires;   /* the token's end */
    const char *user;     /* whose it is; "" when no caller is known */
    const char *provider; /* the provider's name in the configuration, or NULL */
    const char *error;    /* "sign-in-required", …: the end of the problem type; or NULL */
    const char *tag;      /* "GT0821", explained in docs/operating.md; or NULL */
    const char *detail;   /* for people, free of secrets; or NULL */
    int status;           /* the HTTP status that fits the error; 0: no error */
    apr_interval_time_t retry_after; /* µs until a retry makes sense; 0: not said */
    const char *login_url;           /* local path where the user signs in, or NULL */
} graphtok_token_t;

/**
 * A valid token for the request's caller. From shared memory as a rule; where it must be refreshed,
 * this thread waits for that.
 * @param resource  the token's resource: "graph", or NULL for the same
 * @return never NULL
 */
APR_DECLARE_OPTIONAL_FN(const graphtok_token_t *, graphtok_token,
                        (request_rec * r, const char *resource));

/** The user id of the request's caller; NULL when none is known. Never waits. */
APR_DECLARE_OPTIONAL_FN(const char *, graphtok_caller, (request_rec * r));

#ifdef __cplusplus
}
#endif

#endif
