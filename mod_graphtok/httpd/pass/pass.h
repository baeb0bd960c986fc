/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PASS_H
#define GTM_PASS_H

/**
 * @file pass.h
 * The caller's token for the application that a request goes to (GraphTokPassToken):
 * as a header field for proxied ones, as a variable for CGI, FastCGI, PHP and mod_lua. Called on
 * the request's thread; results lie in its pool.
 */

#include <httpd.h>

/**
 * fixups hook, after those that choose another file or location (mod_dir, mod_rewrite), before
 * mod_headers, which may put the token where an application wants it. Answers itself, and nothing
 * else is served then, when there is no token and the application is not to be asked without one.
 */
int gtm_pass(request_rec *r);

/** log_transaction hook, before all others: no log format can show a token that was passed on. */
int gtm_pass_forget(request_rec *r);

#endif
