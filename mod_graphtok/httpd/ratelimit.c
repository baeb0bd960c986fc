/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file ratelimit.c One counter a class, store and caller. */

#include "ratelimit.h"

#include <apr_strings.h>
#include <apr_network_io.h>

/* Whom a limit counts: an IPv6 customer has a /64 at least, and would else have 2^64 counters. */
static const char *address_of(request_rec *r)
{
    apr_sockaddr_t *address = r->useragent_addr;

#if APR_HAVE_IPV6
    if (address && address->family == AF_INET6) {
        const struct in6_addr *in6 = &address->sa.sin6.sin6_addr;

        if (!IN6_IS_ADDR_V4MAPPED(in6))
            return apr_psprintf(r->pool, "ip6 %02x%02x%02x%02x%02x%02x%02x%02x", in6->s6_addr[0],
                                in6->s6_addr[1], in6->s6_addr[2], in6->s6_addr[3], in6->s6_addr[4],
                                in6->s6_addr[5], in6->s6_addr[6], in6->s6_addr[7]);
    }
#endif
    return apr_pstrcat(r->pool, "ip ", r->useragent_ip, NULL);
}

static const char *counted_for(gtm_exchange_t *x)
{
    /* The callback's limit is the address's by mission O7; a login's only without a caller. */
    if (x->route->limit == GTM_LIMIT_CALLBACK || !*x->owner.user)
        return address_of(x->r);
    return apr_pstrcat(x->r->pool, "user ", x->owner.user, NULL);
}

static apr_int64_t seconds_up(apr_interval_time_t span)
{
    return (span + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC;
}

static void tell(gtm_exchange_t *x, const gt_limit_t *limit, const gt_limit_answer_t *answer)
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

static void announce(const gtm_exchange_t *x)
{
    gt_event(&(gt_event_t){.kind = GT_EV_LIMIT,
                           .store = x->dir->store,
                           .provider = x->owner.provider,
                           .user = *x->owner.user ? x->owner.user : NULL,
                           .asker = &x->asker,
                           .detail = gtm_limit_names[x->route->limit]});
}

gt_err_t *gtm_limit_check(gtm_exchange_t *x)
{
    const gt_limit_t *limit =
        &x->dir->limits[x->route->limit == GTM_LIMIT_NONE ? GTM_LIMIT_LOGIN : x->route->limit];
    gt_limit_answer_t answer;
    const char *name;
    gt_err_t *err;

    if (x->route->limit == GTM_LIMIT_NONE || x->dir->limits_off == 1 || limit->count <= 0 ||
        !x->child->limits)
        return GT_OK;
    name = apr_pstrcat(x->r->pool, gtm_limit_names[x->route->limit], "\n", x->dir->store, "\n",
                       counted_for(x), NULL);
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
