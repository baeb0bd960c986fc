/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_NOTICE_H
#define GT_NOTICE_H

/**
 * @file notice.h
 * Announcements of operations. The code that decides about an operation announces it once; log
 * line, audit record and figure are made by three readers of the same announcement (sinks). No
 * secret can be in one: there is no place for it. Safe on any thread, also on the transfer loop's;
 * sinks never wait for the network.
 */

#include "base/err.h"
#include "base/trace.h"

typedef enum gt_notice_kind_t {
    GT_NOTICE_PASSED,       /* a token is about to be given to an application */
    GT_NOTICE_EXCHANGE,     /* a client's exchange came to its end; ok: a token is about to leave */
    GT_NOTICE_CLIENT_CALL,  /* a client called a route of ours as a user, or was refused */
    GT_NOTICE_CALL,         /* a token is about to be sent to the provider's API */
    GT_NOTICE_SIGN_IN,      /* a sign-in came to its end */
    GT_NOTICE_REFRESH,      /* a refresh came to its end */
    GT_NOTICE_SIGN_OUT,     /* a session was ended before its time; `detail` is by whom */
    GT_NOTICE_REVOKE,       /* a grant was deleted */
    GT_NOTICE_DEACTIVATE,   /* an administrator deactivated a grant */
    GT_NOTICE_ACTIVATE,     /* an administrator took that back */
    GT_NOTICE_MAIL_ACCOUNT, /* an administrator changed a mail account, or all; `detail` is how */
    GT_NOTICE_MAIL_SYNC,    /* a synchronisation of a mail account ended */
    GT_NOTICE_VALIDATE,     /* the provider was asked whether a token works */
    GT_NOTICE_BULK,         /* an item of a bulk job has its result; `detail` is the act */
    GT_NOTICE_CLEANUP,      /* a grant was deactivated or removed for its age */
    GT_NOTICE_REKEY,        /* a row was sealed anew with another key */
    GT_NOTICE_CHALLENGE,    /* an API made demands of a token, which was dropped; `detail` is what
                               comes next: refresh or sign-in */
    GT_NOTICE_REFUSED,      /* a token was wanted, and none can be had */
    GT_NOTICE_LIMIT,        /* a limit was hit; `detail` is its class */
    GT_NOTICE_CACHE,        /* a look-up; `detail` is "hit" or "miss" */
    GT_NOTICE_CALLER,       /* a caller's token was judged; `detail` is of gt_bearer_results */
    GT_NOTICE_LEASE_WAIT,   /* another process refreshes: wait */
    GT_NOTICE_MAIL,         /* a mail was to be sent; `detail` begins with its outcome */
    GT_NOTICE_DRAFT,        /* a draft was to be put into a mail account; `detail` likewise */
    GT_NOTICE_UPSTREAM,     /* a call to a provider; `detail` is token, graph or discovery */
    GT_NOTICE_CLIENT,       /* a provider took or refused one of two secrets; `detail` says which */
    GT_NOTICE_SUBSCRIPTION, /* one to changes was to be `detail`: made, renewed, ended */
    GT_NOTICE_NOTIFIED,     /* `added` notifications of changes were `detail`: stored, … */
    GT_NOTICE_DELIVERED,    /* a try to deliver one ended: `detail` is delivered, retried, dead */
    GT_NOTICE_FORGED,       /* one came with a wrong secret, and was dropped */
    GT_NOTICE_STORE_FAILED, /* the database did not do what it was asked */
    GT_NOTICE_AUDITED,      /* a record was written */
    GT_NOTICE_AUDIT_FAILED, /* a record could not be written */
    GT_NOTICE_KINDS
} gt_notice_kind_t;

/** Set of kinds. */
typedef apr_uint64_t gt_notices_t;
#define GT_NOTICES(kind) ((gt_notices_t)1 << (kind))
_Static_assert(GT_NOTICE_KINDS <= 64, "a set has room for all kinds");

/** The request that an operation is for. Lives as long as the request; work that outlives the
 * request copies it. */
typedef struct gt_asker_t {
    const char *address;       /* the client's, as httpd sees it */
    const char *request_id;    /* as the access log's %L has it */
    const char *route;         /* "events" */
    const char *client;        /* the application that acts for the user; NULL: none */
    const char *administrator; /* that acts on a user's grant; NULL: none */
    const char *job;           /* the bulk job that the act is part of; NULL: none */
    const gt_trace_t *trace;   /* that the request is part of; NULL: none */
} gt_asker_t;

/** One announcement. Texts are the caller's; NULL: not known. */
typedef struct gt_notice_t {
    gt_notice_kind_t kind;
    const char *store;        /* the store's name */
    const char *provider;     /* the provider's name */
    const char *user;         /* the grant's */
    const gt_asker_t *asker;  /* NULL: no request, but background work of ours */
    const gt_err_t *err;      /* why it failed; NULL: it succeeded */
    const char *detail;       /* a word of ours: "rotated"; never a value that came from outside */
    apr_interval_time_t took; /* µs; 0: not measured */
    apr_int64_t added, changed, removed; /* messages, by a synchronisation; `added` also of
                                          * notifications */
} gt_notice_t;

/** A receiver of every event. */
typedef struct gt_notice_sink_t {
    void *baton;
    gt_notices_t kinds; /* GT_NOTICES(…) | … */
    /** 0: the operation must be recorded and cannot be, so it must not happen. */
    int (*take)(void *baton, const gt_notice_t *notice);
} gt_notice_sink_t;

/** Add a sink, heard in this order after the log, which is always there. Copied; before threads
 * start. At most four. */
void gt_notice_to(const gt_notice_sink_t *sink);

/** Take all sinks away again; the log stays. */
void gt_notice_to_none(void);

/** "sign_in", …: in audit records. */
const char *gt_notice_name(gt_notice_kind_t kind);

/** Announce an operation that is over. */
void gt_notice(const gt_notice_t *notice);

/**
 * Announce an operation before it happens: a token leaves.
 * @return GT_INTERNAL with status 503 when it must be recorded and cannot be: do not do it
 */
GT_MUST gt_err_t *gt_notice_before(const gt_notice_t *notice, apr_pool_t *p);

/** A copy for the life of `p`. NULL gives NULL. */
gt_asker_t *gt_asker_dup(const gt_asker_t *asker, apr_pool_t *p);

/** The trace that calls for it are part of; NULL: none, or no asker. */
const gt_trace_t *gt_asker_trace(const gt_asker_t *asker);

#endif
