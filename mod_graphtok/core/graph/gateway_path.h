/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GATEWAY_PATH_H
#define GT_GATEWAY_PATH_H

/**
 * @file gateway_path.h
 * A path of Graph as a client of the gateway asks for it: judged, and made anew. The path that
 * rules are held against and the path that goes to Graph are made from the same decoded segments,
 * so that no two readings of one path can differ: a segment that would be another one when it is
 * decoded once more, or that climbs, is refused. Pure; thread-safe. Fuzzed.
 */

#include "base/err.h"

/** A path of Graph. */
typedef struct gt_gateway_path_t {
    const char *version; /* "v1.0" or "beta" */
    const char *judged;  /* what rules are held against: "/v1.0/me/messages('AA')", decoded */
    const char *url;     /* the same as it is sent, below Graph's root: percent-encoded */
    const char *mailbox; /* whose it is about: of /users/NAME or /groups/ID; NULL: the user's own,
                          * or none */
    int is_of_mailbox;   /* 1: Exchange counts the call at that mailbox */
} gt_gateway_path_t;

/** Graph's address without the version that it may end with: all versions are below it. */
const char *gt_gateway_root(const char *graph_url, apr_pool_t *p);

/** The version of Graph's address: "beta" where it ends with that, else "v1.0". */
const char *gt_gateway_version(const char *graph_url);

/** A path with a version, as it stands behind gt_gateway_root: without it where Graph's address,
 * that of another gateway, has none and v1.0 goes without saying. */
const char *gt_gateway_target(const char *url, const char *graph_url);

/**
 * Read a path that is decoded already, "v1.0/me/events" with or without its version and the slash
 * before it.
 * @param version  the one that is meant where the path names none
 * @return GT_INVALID (GT0774) for one that no rule could be held against
 */
GT_MUST gt_err_t *gt_gateway_path_read(gt_gateway_path_t *path, const char *decoded,
                                       const char *version, apr_pool_t *p);

/**
 * Read a path as it stands in a URL, below a version: "/me/events/AA%3D". Each segment is decoded
 * by itself.
 */
GT_MUST gt_err_t *gt_gateway_path_read_encoded(gt_gateway_path_t *path, const char *encoded,
                                               const char *version, apr_pool_t *p);

/**
 * Where a link of Graph's leads, below its root: "/v1.0/me/messages?$skip=10". Where `graph_url` is
 * a gateway in front of Graph, links to Microsoft's own host are links of Graph's, too.
 * @return NULL when it is no link to Graph
 */
const char *gt_gateway_link(const char *link, const char *graph_url, apr_pool_t *p);

#endif
