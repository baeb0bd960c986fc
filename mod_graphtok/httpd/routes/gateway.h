/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_GATEWAY_H
#define GTM_GATEWAY_H

/**
 * @file gateway.h
 * Private to the files of the graphtok-graph route set: what both its kinds of requests share. Any
 * path of Graph that a GraphTokAllow of the location allows is asked for with the caller's token;
 * what Graph says goes back as it is, but for its links to itself, which become ours. Called by the
 * thread that has the request; results lie in its pool.
 */

#include "graph/call.h"
#include "graph/gateway_path.h"
#include "graph/relink.h"
#include "request/request.h"

/** The client's header fields that go on to Graph, with requests and with the parts of a batch;
 * NULL last. No other field does. */
extern const char *const gtm_gateway_fields[];

/** Graph's address, without a version. */
const char *gtm_gateway_root(const gtm_request_t *x);

/** A path with a version as it stands behind that. */
const char *gtm_gateway_target(const gtm_request_t *x, const char *url);

/** The version that is meant where a path names none: that of GraphTokGraphURL. */
const char *gtm_gateway_version(const gtm_request_t *x);

/** Whether the caller may do this. @return GT_FORBIDDEN (GT1701) naming method and path */
GT_MUST gt_err_t *gtm_gateway_judge(const gtm_request_t *x, const char *method,
                                    const gt_gateway_path_t *path);

/** Fill in what every call of the gateway has in common. */
void gtm_gateway_call(gt_call_t *call, gtm_request_t *x);

/** A link of Graph's as ours; any other one as it is. */
GT_MUST gt_err_t *gtm_gateway_link(const char **ours, void *baton, const char *link, apr_pool_t *p);

/** Makes links in JSON ours. */
gt_relink_t *gtm_gateway_relink(gtm_request_t *x);

/** The same the other way round: links in the JSON of a client that begin with our address. */
GT_MUST gt_err_t *gtm_gateway_unlink(const char **bytes, apr_size_t *len, gtm_request_t *x);

/** The works of the two kinds of requests. */
extern const gt_work_t gtm_gateway_work, gtm_gateway_batch_work;

#endif
