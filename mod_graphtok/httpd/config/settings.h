/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SETTINGS_H
#define GTM_SETTINGS_H

/**
 * @file settings.h
 * The settings that directives make. Providers, stores, keyring and sizes belong to the main server
 * (gt_config_t, one for all); a location says who the caller is and which provider, store and
 * limits it uses. Every per-location field has an "unset" value so that merging is by descriptor
 * (setters.h), never by hand. Built in the parent while the configuration is read; constant
 * afterwards, so any thread may read it.
 */

#include <ap_expr.h>
#include <httpd.h>
#include <http_config.h>

#include "conf/config.h"
#include "shm/limit.h"

extern module AP_MODULE_DECLARE_DATA graphtok_module;

/** How an application gets the token (GraphTokPassToken). Order = the member's words. */
typedef enum gtm_pass_to_t { GTM_PASS_OFF, GTM_PASS_HEADER, GTM_PASS_ENV } gtm_pass_to_t;

/** The treatment of a request whose caller has no token. Order = the member's words. */
typedef enum gtm_pass_missing_t {
    GTM_MISSING_SIGN_IN, /* answered as elsewhere: a page is sent to sign in */
    GTM_MISSING_REFUSE,  /* answered, but never sent anywhere */
    GTM_MISSING_NONE     /* the application gets it without a token */
} gtm_pass_missing_t;

/** Limit classes, each counted for a user or an address. Order = gtm_limit_names. */
typedef enum gtm_limit_class_t {
    GTM_LIMIT_LOGIN,    /* 10/min */
    GTM_LIMIT_CALLBACK, /* 20/h per address */
    GTM_LIMIT_USER,     /* 100/min */
    GTM_LIMIT_CALENDAR, /* 100/min */
    GTM_LIMIT_EVENTS,   /* 200/min */
    GTM_LIMIT_CREATE,   /* 50/min */
    GTM_LIMIT_UPDATE,   /* 50/min */
    GTM_LIMIT_DELETE,   /* 50/min */
    GTM_LIMIT_EXCHANGE, /* 600/min */
    GTM_LIMIT_SEND,     /* 30/min */
    GTM_LIMIT_GRAPH,    /* 600/min */
    GTM_LIMIT_NONE,     /* routes that are not limited */
    GTM_LIMIT_CLASSES = GTM_LIMIT_NONE
} gtm_limit_class_t;

/** "login", "callback", …, indexed by class; and the defaults of O7. */
extern const char *const gtm_limit_names[GTM_LIMIT_CLASSES];
extern const gt_limit_t gtm_limit_defaults[GTM_LIMIT_CLASSES];

/** One location's settings, merged. Texts: NULL unset. Numbers: -1 unset. */
typedef struct gtm_dir_t {
    int caller_from;                   /* gt_caller_from_t */
    const char *caller_name;           /* for static; "" for all others */
    const char *caller_text;           /* for expr: as it is written; "" for all others */
    const ap_expr_info_t *caller_expr; /* the same, parsed; NULL for all others */
    const char *caller_jwt; /* for jwt: the name of its <GraphTokJWT>; "" for all others */
    const char *use_jwt;    /* GraphTokUseJWT; unset: AuthType GraphTok wants a session */
    const char *provider;   /* the first of the next; unset: the only one configured */
    const char *providers;  /* GraphTokUseProvider: blank-separated names; unset: as before */
    const char *store;      /* GraphTokUseStore; unset: main */
    const char *account;    /* GraphTokUseAccount; unset: grants are the callers' */
    const char
        *clients; /* GraphTokUseClient: blank-separated names; unset: all that are configured */
    const char *routes;    /* GraphTokRoutes: blank-separated names; unset: all of the set */
    const char *mailboxes; /* GraphTokSharedMailboxes: patterns of addresses; unset: none */
    const char *sign_in;   /* GraphTokSignIn: the path of a graphtok-auth mount; unset: guessed */
    const char *return_to; /* GraphTokReturnTo: where a sign-in ends; unset: a short page */
    const char *logout_return_to; /* GraphTokLogoutReturnTo: the same after a sign-out */
    const char *session_realm;    /* GraphTokSessionRealm; unset: sessions are the virtual host's */
    const char *origins;       /* GraphTokAllowOrigin: blank-separated, as browsers write them, or
                                  "*"; or "none" */
    apr_array_header_t *allow; /* GraphTokAllow: of gt_allow_t, with a version in front; NULL:
                                * none; a section's own take the place of the outer's */
    apr_int64_t request_max;   /* GraphTokRequestMax, bytes; default 1 MiB */
    apr_int64_t answer_max;    /* GraphTokAnswerMax, bytes; default 10 MiB */
    int pass_to;               /* gtm_pass_to_t; the four are one directive, GraphTokPassToken */
    const char *pass_name;     /* of the header field or variable */
    int pass_resource;         /* graph is the only one */
    int pass_missing;          /* gtm_pass_missing_t */
    int pass_cookie;           /* GraphTokPassCookie: 1 on, 0 off */
    int limits_off;            /* GraphTokLimit off: 1 */
    gt_limit_t limits[GTM_LIMIT_CLASSES]; /* count -1 unset, 0 off for this class */
    const char *where;                    /* FILE:LINE of the first directive, for messages */
} gtm_dir_t;

/** The findings of check_config (verify.c). */
typedef struct gtm_verdict_t gtm_verdict_t;

/** The whole server's settings while directives are read; one object, the main server's. */
typedef struct gtm_server_t {
    gt_config_t *config;        /* resolved in check_config */
    apr_array_header_t *mounts; /* of gtm_mount_t, longest path first */
    apr_array_header_t *passed; /* of const char *: names that only we may give (given_names.h) */
    gt_provider_conf_t *in_provider;  /* the container being read, else NULL */
    gt_store_conf_t *in_store;        /* the same */
    gt_client_conf_t *in_client;      /* the same */
    gt_jwt_conf_t *in_jwt;            /* the same */
    gt_account_conf_t *in_account;    /* the same */
    struct gt_triage_rules_t *triage; /* how unread mail is sorted; since check_config */
    gtm_verdict_t *verdict;           /* since check_config */
} gtm_server_t;

/** One place where one of our handlers is mounted: found in the configuration tree, since path_info
 * is wrong two levels deep. */
typedef struct gtm_mount_t {
    const server_rec *server; /* where; NULL: every virtual host */
    const char *handler;      /* "graphtok-auth" */
    const char *path;         /* "/auth", no trailing slash; "" for the root */
    const char *where;        /* FILE:LINE */
    int has_require;          /* 1: a Require other than all granted holds there */
    int wants_user;           /* 1: such a one that lets no request in without a user */
    int lets_users_in;        /* 1: all whom AuthType GraphTok knows: Require valid-user */
} gtm_mount_t;

/** This module's part of a request, for every handler. */
typedef struct gtm_kept_t {
    const gt_caller_t *caller; /* that AuthType GraphTok found, or NULL (auth/authenticate.h) */
    const gtm_dir_t *given;    /* the place whose application was given a token, or NULL (pass.h) */
    const char
        *cookies; /* the Cookie field as the client sent it; NULL: it still is (strip_cookie.h) */
} gtm_kept_t;

/** A request's own; made when it has none. */
gtm_kept_t *gtm_kept(request_rec *r);

/** The same, or NULL. */
const gtm_kept_t *gtm_kept_find(const request_rec *r);

/** The server's settings; valid after check_config. */
gtm_server_t *gtm_server(const server_rec *s);

/** A request's location settings, with defaults for unset members. Allocates nothing: the defaults
 * stand in each server's outermost settings since check_config. */
const gtm_dir_t *gtm_dir(request_rec *r);

/** The mount a request is below: the longest of its handler (of any, while r->handler is none of
 * ours) that is a prefix of r->uri at a '/' or its end. NULL: none (the handler was set by other
 * means). */
const gtm_mount_t *gtm_mount(const request_rec *r);

/** Longest time (µs) from the end of a request to the begin of its answer under this `Timeout`. */
apr_interval_time_t gtm_answer_span(apr_interval_time_t timeout);

/** Module structure members, in settings.c. */
void *gtm_create_dir(apr_pool_t *p, char *dir);
void *gtm_merge_dir(apr_pool_t *p, void *base, void *add);
void *gtm_create_server(apr_pool_t *p, server_rec *s);
void *gtm_merge_server(apr_pool_t *p, void *base, void *add);
extern const command_rec gtm_directives[]; /* directives.c */

/** check_config hook: resolves and judges everything that can be judged without the network. */
int gtm_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/** Log the findings of check_config that do not stop a start: in post_config, once a start. */
void gtm_check_tell(const server_rec *s);

/** `-t -D DUMP_GRAPHTOK` prints the resolved configuration as JSON.
 * @param memory  what all children share, for it */
void gtm_dump(apr_pool_t *pconf, server_rec *s, json_t *memory);

#endif
