/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file login_link.c "/beta/calendar" belongs to "/beta/auth", not to "/auth". */

#include "login_link.h"

#include <apr_strings.h>

#include "answer.h"
#include "net/url.h"

static apr_size_t shared_prefix(const char *a, const char *b)
{
    apr_size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static const gtm_mount_t *find_mount(const gtm_exchange_t *x)
{
    const apr_array_header_t *mounts = gtm_server(x->child->server)->mounts;
    const gtm_mount_t *best = NULL;
    apr_size_t most = 0;

    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);
        apr_size_t shared = shared_prefix(mount->path, x->r->uri);

        if (strcmp(mount->handler, "graphtok-auth") != 0 ||
            (mount->server && mount->server != x->r->server))
            continue;
        if (!best || shared > most ||
            (shared == most && strlen(mount->path) < strlen(best->path))) {
            best = mount;
            most = shared;
        }
    }
    return best;
}

const char *gtm_login_link(const gtm_exchange_t *x, const gt_err_t *err)
{
    const gtm_mount_t *mount = find_mount(x);
    gt_form_t *form = gt_form_make(x->r->pool);
    const char *query;

    if (!mount)
        return NULL;
    if (gtm_answer_is_page(x->r) && !gtm_login_is_part(x) && gt_is_local_path(x->r->unparsed_uri))
        gt_form_add(form, "return_to", x->r->unparsed_uri);
    gt_form_add(form, "claims", err->claims);
    query = gt_form_text(form);
    return apr_pstrcat(x->r->pool, mount->path, "/login", *query ? "?" : "", query, NULL);
}

int gtm_login_is_part(const gtm_exchange_t *x)
{
    return x->route &&
           (x->route->limit == GTM_LIMIT_LOGIN || x->route->limit == GTM_LIMIT_CALLBACK);
}
