/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file rate_limit.c Limits of routes: one counter for each class, store and caller. */

#include "request/rate_limit.h"

#include <apr_strings.h>
#include <apr_network_io.h>

/* The address that a limit counts: an IPv6 customer has a /64 at least, and would else have 2^64
 * counters. */
static const char *address_of(request_rec *r)
{
    apr_sockaddr_t *address = r->useragent_addr;

#if APR_HAVE_IPV6
    if (address != NULL && address->family == AF_INET6) {
        const struct in6_addr *in6 = &address->sa.sin6.sin6_addr;

        if (!IN6_IS_ADDR_V4MAPPED(in6))
            return apr_psprintf(r->pool, "ip6 %02x%02x%02x%02x%02x%02x%02x%02x", in6->s6_addr[0],
                                in6->s6_addr[1], in6->s6_addr[2], in6->s6_addr[3], in6->s6_addr[4],
                                in6->s6_addr[5], in6->s6_addr[6], in6->s6_addr[7]);
    }
#endif
    return apr_pstrcat(r->pool, "ip ", r->useragent_ip, NULL);
}

/** The limit of a class here; NULL: none. */
static const gt_limit_t *limit_of(const gtm_request_t *x, gtm_limit_class_t class)
{
    const gt_limit_t *limit = class != GTM_LIMIT_NONE ? &x->dir->limits[class] : NULL;

    return limit != NULL && limit->count > 0 && x->dir->limits_off != 1 && x->child->limits != NULL
               ? limit
               : NULL;
}

/** The name of a class's counter for this caller. */
static const char *counter_of(const gtm_request_t *x, gtm_limit_class_t class)
{
    apr_pool_t *p = x->r->pool;
    /* The callback's limit always counts the address, a login's only without a caller. */
    int by_address = class == GTM_LIMIT_CALLBACK || !*x->caller.id;

    /* A client that calls as a user uses up a count of its own, and not the user's. */
    const char *client = x->client_token != NULL ? x->asker.client : "";

    return apr_pstrcat(p, gtm_limit_names[class], "\n", x->dir->store, "\n",
                       *client ? "client " : "", client, *client ? "\n" : "",
                       by_address ? address_of(x->r) : "user ", by_address ? "" : x->caller.id,
                       NULL);
}

static apr_int64_t seconds_up(apr_interval_time_t span)
{
    return (span + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC;
}

static void tell(gtm_request_t *x, const gt_limit_t *limit, const gt_limit_answer_t *answer)
{
    apr_pool_t *p = x->r->pool;
    const char *name = gtm_limit_names[x->route->limit];

    apr_table_setn(x->r->err_headers_out, "RateLimit-Policy",
                   apr_psprintf(p, "\"%s\";q=%" APR_INT64_T_FMT ";w=%" APR_INT64_T_FMT, name,
                                limit->count, seconds_up(limit->span)));
    apr_table_setn(x->r->err_headers_out, "RateLimit",
                   apr_psprintf(p, "\"%s\";r=%" APR_INT64_T_FMT ";t=%" APR_INT64_T_FMT, name,
                                answer->remaining, seconds_up(answer->retry_after)));
}

static void announce(const gtm_request_t *x)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_LIMIT,
                             .store = x->dir->store,
                             .provider = x->owner.provider,
                             .user = *x->caller.id ? x->caller.id : NULL,
                             .asker = &x->asker,
                             .detail = gtm_limit_names[x->route->limit]});
}

gt_err_t *gtm_limit_check(gtm_request_t *x)
{
    const gt_limit_t *limit = limit_of(x, x->route->limit);
    gt_limit_answer_t answer;
    const char *name;
    gt_err_t *err;

    if (limit == NULL)
        return GT_OK;
    name = counter_of(x, x->route->limit);
    gt_limit_check(&answer, x->child->limits, limit, name, strlen(name));
    tell(x, limit, &answer);
    if (answer.allowed)
        return GT_OK;
    announce(x);
    err = gt_err(x->r->pool, GT_LIMITED, "GT0816",
                 "more than %" APR_INT64_T_FMT " calls of kind \"%s\" in %" APR_INT64_T_FMT
                 " seconds",
                 limit->count, gtm_limit_names[x->route->limit], seconds_up(limit->span));
    err->retry_after = answer.retry_after;
    return err;
}

void gtm_limit_give_back(gtm_request_t *x, gtm_limit_class_t class)
{
    const gt_limit_t *limit = limit_of(x, class);
    const char *name = limit != NULL ? counter_of(x, class) : "";

    if (limit != NULL)
        gt_limit_give_back(x->child->limits, limit, name, strlen(name));
}
