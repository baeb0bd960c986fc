/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_REQUEST_H
#define GTM_REQUEST_H

/**
 * @file request.h
 * One request: route → caller → limit → body → work → answer. The state of every route's
 * work is a gtm_request_t; a route's own state hangs on `own`. Lives in r->pool; one thread at a
 * time touches it, as it does the request.
 */

#include <httpd.h>

#include "bearer/bearer.h"
#include "child/child.h"
#include "config/route_set.h"
#include "config/settings.h"
#include "task/task.h"

/** An answer that is not streamed. */
typedef struct gtm_reply_t {
    int status;               /* 0: nothing yet */
    const char *content_type; /* NULL: no body */
    const char *text;
    apr_size_t len;
    int is_httpds; /* 1: httpd answers the status, by an ErrorDocument */
} gtm_reply_t;

/** A session that a cookie named. */
typedef struct gtm_session_t {
    gt_session_name_t name;
    const char *secret; /* what the cookie holds, and `name.id` is a hash of */
    const char *user;
    apr_time_t used_at; /* as the cookie says it; 0: it does not */
    apr_time_t ends_at;
    int is_former; /* 1: its cookie is of a version before */
} gtm_session_t;

typedef struct gtm_request_t {
    request_rec *r;
    gtm_child_t *child;
    const gtm_dir_t *dir;
    const gtm_mount_t *mount;
    const gtm_route_t *route;
    const char *param;    /* the segment in place of {}, decoded; NULL: the pattern has none */
    const char *param2;   /* the same for a second one */
    const char *tail;     /* the path in place of {*}, decoded (net/path.h); NULL: the pattern has
                          * none */
    const char *mailbox;  /* of /users/{mailbox} before the route, or NULL: the caller's own */
    const char *calendar; /* of /calendars/{calendar} before the route, or NULL: the default one */
    const char *group;    /* of /groups/{group} in the route, or NULL: no group's calendar */
    const char *base;     /* where we are reached, "https://host[:port]"; gtm_origin_find */
    gt_asker_t asker;     /* for audit records */
    gt_caller_t caller;   /* the caller; gtm_caller_find */
    gt_owner_t owner;     /* of the grant in question, user "" while not known; gtm_owner_find */
    gt_store_t *store;
    gt_provider_t *provider;
    int is_known;              /* 1: the caller is known, as far as every gate could tell */
    int gate;                  /* of the road: how many of its gates are passed */
    gt_bearer_check_t *bearer; /* of the caller's token; NULL: none was shown */
    gt_err_t *bearer_failure;  /* how waiting for them ended */
    int bearer_waits;          /* 1: keys for it have to be waited for, by gt_check_bearer */
    int bearer_in_cookie;      /* 1: it came in a cookie, as browsers send it by themselves */
    const char *bearer_error;  /* RFC 6750's code for WWW-Authenticate; NULL: none */
    gtm_session_t *session;    /* the caller's; NULL: a caller by other means, or none */
    struct gtm_client_token_t *client_token; /* of a client that calls as the caller, or NULL */
    apr_table_t *query;  /* strict: every name once; but see GTM_PROVIDERS_QUERY */
    apr_table_t *fields; /* of the client's header fields those that the route names */
    json_t *body;        /* for GTM_BODY_JSON */
    const char *bytes;   /* for GTM_BODY_BYTES: a short body; NULL: none, or a long one */
    apr_size_t bytes_len;
    int body_streams;        /* 1: for GTM_BODY_BYTES: its work reads the body */
    apr_int64_t body_length; /* of such a body; -1: not known */
    apr_table_t *form;  /* for GTM_BODY_FORM: every name once; values are wiped with the pool */
    const char *target; /* where the sign-in under way is to lead; NULL or "": not known */
    gtm_reply_t reply;
    const gt_work_t *work; /* what the drivers run, with this as its state */
    gt_task_t *task;
    apr_time_t ends_by;  /* gt_ticks: its answer begins before; 0: not begun; time_limit.h */
    int stays;           /* 1: the browser is sent nowhere, not even to sign in */
    int parked_road;     /* 1: the driver parks: output may be awaited */
    int is_answered;     /* 1: an input filter has answered in our stead */
    int head_sent;       /* 1: streaming began: errors can only cut */
    apr_pool_t *scratch; /* of one piece of a stream */
    void *own;           /* the route's */
    /** The work has ended: write its answer, or its error. Set by the handler, for the drivers. */
    void (*end)(struct gtm_request_t *x);
} gtm_request_t;

/** A request of ours before its first gate; in r->pool. NULL when this process serves nothing of
 * ours. */
gtm_request_t *gtm_request_make(request_rec *r);

/** The same for a request that another handler serves, and whose caller or token is asked for: its
 * route is named in the audit, limits nothing and has no work. */
gtm_request_t *gtm_request_beside(request_rec *r);

#endif
