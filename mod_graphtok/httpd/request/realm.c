/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file realm.c The name of the place where a session holds. All virtual hosts behind one
 * GraphTokPublicURL are reached by the same name; ServerName tells them apart. */

#include "request/realm.h"

#include <apr_strings.h>

const char *gtm_realm(const gtm_request_t *x)
{
    const server_rec *s = x->r->server;

    if (x->dir->session_realm != NULL)
        return apr_pstrcat(x->r->pool, "realm ", x->dir->session_realm, NULL);
    if (x->child->config->public_url == NULL || !s->is_virtual)
        return x->base;
    return apr_psprintf(x->r->pool, "%s %s:%u", x->base, s->server_hostname,
                        (unsigned)s->addrs->host_port);
}

const char *gtm_realm_of_sign_in(const gtm_request_t *x)
{
    const char *realm = gtm_realm(x);

    return x->dir->session_realm == NULL ? realm
                                         : apr_pstrcat(x->r->pool, x->base, " ", realm, NULL);
}
