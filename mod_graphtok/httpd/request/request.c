/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Making a gtm_request_t. Of both kinds of requests caller and owner are not known at first. */

#include "request/request.h"

static const gtm_route_t beside = {.name = "token for an application", .limit = GTM_LIMIT_NONE};

gtm_request_t *gtm_request_make(request_rec *r)
{
    gtm_request_t *x;

    if (gtm_child() == NULL || gtm_dir(r) == NULL)
        return NULL;
    x = apr_pcalloc(r->pool, sizeof(*x));
    x->r = r;
    x->dir = gtm_dir(r);
    x->child = gtm_child();
    x->caller = (gt_caller_t){.id = "", .from = x->dir->caller_from};
    x->owner = (gt_owner_t){"", ""};
    return x;
}

gtm_request_t *gtm_request_beside(request_rec *r)
{
    gtm_request_t *x = gtm_request_make(r);

    if (x != NULL)
        x->route = &beside;
    return x;
}
