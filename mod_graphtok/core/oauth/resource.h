/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RESOURCE_H
#define GT_RESOURCE_H

/**
 * @file resource.h
 * The resources of a provider: what access tokens can be asked for, as its scopes say. At
 * Microsoft a scope with a short name is Graph's; another resource's stands in full behind an
 * address (`https://outlook.office.com/IMAP.AccessAsUser.All`), and a token request names the
 * scopes of one resource only, while a sign-in asks for all of them. Other providers give one
 * token for all scopes. Source: Microsoft, "Scopes and permissions in the Microsoft identity
 * platform". Pure; thread-safe.
 */

#include "conf/config.h"

/** 1 for a scope that goes with every resource: those of OpenID Connect (Core 1.0, 5.4 and 11). */
int gt_scope_is_of_all(const char *scope);

/** The resources that the configured scopes name: array of const char *, each once. The first is
 * GT_RESOURCE_GRAPH, the default; "outlook" is Outlook's IMAP, POP and SMTP, any other has the
 * address that its scopes begin with. */
apr_array_header_t *gt_provider_resources(const gt_provider_conf_t *conf, apr_pool_t *p);

/** 1 when a token can be asked for it. @param resource  NULL: the default one */
int gt_provider_has_resource(const gt_provider_conf_t *conf, const char *resource, apr_pool_t *p);

/** The resource that a client of ours names: one of those above, or the address of one, as RFC 8707
 * has it ("https://graph.microsoft.com"). @return NULL when there is no such resource */
const char *gt_provider_resource_named(const gt_provider_conf_t *conf, const char *text,
                                       apr_pool_t *p);

/** Of granted scopes those that are not among the allowed ones, blank-separated; NULL: all are
 * allowed. Those that go with every resource always are. Names are compared as the provider does:
 * without case, and without the address of their resource. Both are blank-separated. */
const char *gt_provider_scopes_beyond(const gt_provider_conf_t *conf, const char *granted,
                                      const char *allowed, apr_pool_t *p);

/** The configured scopes of a resource (NULL: the default one), without those that belong to no
 * resource. */
const char *gt_provider_resource_scope(const gt_provider_conf_t *conf, const char *resource,
                                       apr_pool_t *p);

/** The scope of a token request for a resource (NULL: the default one): its scopes, and those that
 * belong to no resource. */
const char *gt_provider_token_scope(const gt_provider_conf_t *conf, const char *resource,
                                    apr_pool_t *p);

/** Those of a list of scopes that a token request for a resource (NULL: the default one) names: its
 * own, and those that belong to no resource. */
const char *gt_scopes_of_resource(const char *scopes, const char *resource,
                                  const gt_provider_conf_t *conf, apr_pool_t *p);

#endif
