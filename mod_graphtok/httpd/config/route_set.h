/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROUTE_SET_H
#define GTM_ROUTE_SET_H

/**
 * @file route_set.h
 * Route sets as tables. The rooms below know them by a pointer, which the module hands down when
 * its hooks are registered: the tables themselves, with their work, stand in routes/. Built in the
 * parent while the configuration is read; constant afterwards, so any thread may read it.
 */

#include "base/json.h"
#include "config/settings.h"
#include "task/task.h"

/** The demands of a route on a request before its work begins. */
enum {
    GTM_NO_CALLER = 1,       /* no caller needed (sign-in with session users) */
    GTM_PROVIDERS_QUERY = 2, /* the provider wrote its query: it holds secrets that no log may show,
                                and parameters that no code reads need not be well-formed */
    GTM_NO_GRANT = 4,        /* has to do with no grant: needs neither keyring nor provider */
    GTM_ANYONE = 8,          /* the answer is the same for all: no credentials are looked at */
    GTM_ADMINISTRATOR = 32,  /* an administrator asks, of any grant of the store: the user that a
                               Require of the place has let in */
    GTM_NAMES_PROVIDER = 64, /* the first {} is one of the place's providers */
    GTM_CLIENT_CALLS = 16 /* no user asks but a client (RFC 6749): its work authenticates it, and an
                             error is told as section 5.2 there has it */
};

/** The kind of body that a route takes. */
typedef enum gtm_body_kind_t {
    GTM_BODY_NONE,       /* what a client sends all the same is dropped */
    GTM_BODY_JSON,       /* an object, in x->body */
    GTM_BODY_MAYBE_JSON, /* the same; without a body it is an empty one */
    GTM_BODY_NOTHING,    /* an empty body or {}, and an empty query: all else is refused */
    GTM_BODY_FORM,       /* application/x-www-form-urlencoded, in x->form */
    GTM_BODY_BYTES       /* any: a short one in x->bytes, a longer one is read by the work */
} gtm_body_kind_t;

/** Most parameters of a query, unless a route says otherwise. */
#define GTM_QUERY_MAX 24

struct gtm_request_t;
struct gt_graph_params_t;

/** One route of a set. */
typedef struct gtm_route_t {
    const char *name;    /* as GraphTokRoutes and the log say it */
    const char *method;  /* GET (HEAD goes with it), POST, PUT, PATCH, DELETE */
    const char *pattern; /* below the mount: "/events/{}", "/drive/{*}"; see net/path.h */
    gtm_limit_class_t limit;
    int demands; /* GTM_… */
    gtm_body_kind_t body;
    const char *const
        *fields; /* the client's header fields that it may read or pass on, NULL last; NULL: none */
    int is_of_group;       /* 1: the first {} is a group's id, and the second is x->param */
    int query_max;         /* most parameters of its query; 0: GTM_QUERY_MAX */
    int is_gateway;        /* 1: its query goes on as it is, x->query is empty */
    const gt_work_t *work; /* state: the gtm_request_t */
    /** Sets owner.user, the owner of the grant in question, of a request whose caller is found.
     * NULL: the caller. */
    gt_err_t *(*owner)(struct gtm_request_t *x);
    /** Makes the request to Graph, for gtm_graph_work; NULL for any other work. Fills in parameters
     * that are zeroed. */
    gt_err_t *(*asks)(struct gt_graph_params_t *params, struct gtm_request_t *x);
    /** Answers a page in the place of the JSON that its work has made. NULL: the JSON itself. */
    void (*page)(struct gtm_request_t *x, const json_t *value);
} gtm_route_t;

/** A handler's routes. */
typedef struct gtm_route_set_t {
    const char *handler;       /* "graphtok-auth" */
    const gtm_route_t *routes; /* NULL name last */
    int is_of_calendars;       /* 1: /users/{mailbox} and /calendars/{calendar} may stand before */
    const gtm_route_t *api;    /* another set's, for the scripts of this one's pages: served below
                                * GTM_API as well. NULL: none */
} gtm_route_set_t;

/** The place of such routes, below the mount. */
#define GTM_API "/api"

/** Use these sets, NULL handler last, from now on. Called once, before a configuration is read. */
void gtm_route_sets_use(const gtm_route_set_t *sets);

/** All sets, NULL handler last. */
const gtm_route_set_t *gtm_route_sets(void);

/** A handler's set, or NULL. */
const gtm_route_set_t *gtm_route_set_find(const char *handler);

/** 1 when a handler's name is one of ours. */
int gtm_route_is_set(const char *handler);

/** 1 when a handler of ours is for administrators alone. */
int gtm_route_is_administration(const char *handler);

/** 1 when a handler of ours has a route of this name. */
int gtm_route_has(const char *handler, const char *name);

/** The names of a handler's routes, for messages: "login callback token revoke logout user". */
const char *gtm_route_names(const char *handler, apr_pool_t *p);

/** 1 when some set has a route of this name. */
int gtm_route_is_name(const char *name);

#endif
