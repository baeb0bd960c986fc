/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ACCESS_H
#define GTM_ACCESS_H

/**
 * @file access.h
 * Which AuthType and which Require hold at a path, as the configuration tree tells. httpd keeps
 * both to modules of its own, which do not tell. Its rules: Locations are merged in the order in
 * which they were written, those of a virtual host after the main server's; the last AuthType
 * counts, and the last section with a Require, as a whole (AuthMerging Off). Sections without a
 * fixed path (LocationMatch, Directory, Files) are kept apart: where they count is not known here.
 * Parent only, while the configuration is read or checked.
 */

#include "config/settings.h"

/** One AuthType, Require, GraphTokUseJWT or GraphTokPassToken. */
typedef struct gtm_rule_t {
    const ap_directive_t *node;
    const ap_directive_t *section; /* its Location; NULL: the server */
    const server_rec *server;      /* NULL: every host */
    const char *path;              /* NULL: no fixed one */
} gtm_rule_t;

/** The result of a walk, arrays of gtm_rule_t in the order of the tree. */
typedef struct gtm_access_t {
    const server_rec *servers;
    apr_array_header_t *types;
    apr_array_header_t *requires;
    apr_array_header_t *use_jwts;     /* of places, not those of clients */
    apr_array_header_t *applications; /* GraphTokPassToken that is not off */
    apr_pool_t *p;
} gtm_access_t;

/** Walk the tree. @param s  the main server */
gtm_access_t *gtm_access_find(const server_rec *s, apr_pool_t *p);

/** The first word of a rule's arguments. */
const char *gtm_rule_word(const gtm_rule_t *rule, apr_pool_t *p);

/** The AuthType at a path, or NULL, also for None. @param server  NULL: every host */
const char *gtm_access_type(const gtm_access_t *access, const server_rec *server, const char *path);

/** 1 when a Require lets no request in without a user; those of other modules count as such. */
int gtm_require_wants_user(const gtm_rule_t *rule, apr_pool_t *p);

/** The first Require that holds at a path for which `fits` is true, or NULL. */
const gtm_rule_t *gtm_access_require(const gtm_access_t *access, const server_rec *server,
                                     const char *path,
                                     int (*fits)(const gtm_rule_t *rule, apr_pool_t *p));

/** 1 when no Require holds at a path, or `all granted` beside others. @param server  NULL: what all
 * hosts have in common */
int gtm_access_is_open(const gtm_access_t *access, const server_rec *server, const char *path);

/** 1 when a path is not open, on any host. @param server  NULL: every host */
int gtm_access_is_guarded(const gtm_access_t *access, const server_rec *server, const char *path);

#endif
