/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CORS_H
#define GTM_CORS_H

/**
 * @file cors.h
 * Pages of other origins that may call the routes of a location (GraphTokAllowOrigin), as the Fetch
 * standard has it ("HTTP CORS protocol"). Origins that are named get credentials, and may change
 * something; "*" lets all others read what needs no cookie.
 */

#include <httpd.h>

#include "config/settings.h"

/**
 * header_parser hook: before httpd's authentication, since a preflight carries none, and so that an
 * answer of httpd itself (401, 403, 413) can be read, too. Answers a preflight; any other request
 * goes on with the fields in err_headers_out.
 * @return DONE when it has answered; else DECLINED
 */
int gtm_cors(request_rec *r);

/** 1 when a location's GraphTokAllowOrigin names this origin; "*" names none. */
int gtm_cors_names(const gtm_dir_t *dir, const char *origin);

#endif
