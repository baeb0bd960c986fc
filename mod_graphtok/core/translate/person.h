/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PERSON_H
#define GT_PERSON_H

/** @file person.h The claims of a userinfo endpoint as Graph's user. Pure; thread-safe. Source:
 * OpenID Connect Core 1.0, sections 5.1 and 5.3; Microsoft Graph v1.0, "user". */

#include "base/json.h"

/** A userinfo endpoint's refusal, as gt_graph_error has Graph's (graph/call.h). */
GT_MUST gt_err_t *gt_person_error(int status, const char *body, apr_size_t len,
                                  const apr_table_t *headers, apr_pool_t *p);

/** The person of an answer. @param person  out: in `p`
 * @return GT_UPSTREAM (GT1315) when it names none */
GT_MUST gt_err_t *gt_person_read(json_t **person, const char *body, apr_size_t len, apr_pool_t *p);

#endif
