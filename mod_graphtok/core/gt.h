/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_H
#define GT_H

/**
 * @file gt.h
 * The project's words as types, and nothing else.
 *
 * provider      one OAuth authority with our client registration there
 * grant         a user's consent at one provider: refresh token, scopes, status. One row
 * access token  made from a grant, for one resource, valid for about an hour
 * vault         turns (store, user, provider, resource) into a valid access token or the reason
 *               why not
 * store         one table of grants; a deployment can have several, isolated from each other
 * keyring       the keys by id and purpose; the first writes, all read
 * caller        the one that asks
 * client        an application elsewhere that asks for users' tokens
 * task          a call as a list of steps, none of which waits for the network
 * S0 … S4       the applications that this module takes over from; S0's table user_tokens is
 *               taken over in place, and its Fernet values are read (conf/examples)
 */

#include <apr.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

typedef struct gt_err_t gt_err_t;
typedef struct gt_secret_t gt_secret_t;
typedef struct gt_source_t gt_source_t;

typedef struct gt_config_t gt_config_t;
typedef struct gt_provider_conf_t gt_provider_conf_t;
typedef struct gt_store_conf_t gt_store_conf_t;
typedef struct gt_client_conf_t gt_client_conf_t;
typedef struct gt_jwt_conf_t gt_jwt_conf_t;
typedef struct gt_account_conf_t gt_account_conf_t;

typedef struct gt_keyring_t gt_keyring_t;
typedef struct gt_task_t gt_task_t;
typedef struct gt_flight_t gt_flight_t;
typedef struct gt_crew_t gt_crew_t;
typedef struct gt_loop_t gt_loop_t;
typedef struct gt_transfer_t gt_transfer_t;
typedef struct gt_db_t gt_db_t;
typedef struct gt_provider_t gt_provider_t;
typedef struct gt_store_t gt_store_t;
typedef struct gt_grant_t gt_grant_t;
typedef struct gt_cache_t gt_cache_t;
typedef struct gt_vault_t gt_vault_t;

/** The owner of a grant: a store has at most one row for each. */
typedef struct gt_owner_t {
    const char *user;     /* the application's user id, UTF-8, 1 to 255 bytes */
    const char *provider; /* the provider's name in the configuration */
} gt_owner_t;

/** Which grant: the row of an owner in a store. */
typedef struct gt_grant_key_t {
    const char *store; /* the store's name in the configuration */
    gt_owner_t owner;
} gt_grant_key_t;

/** Which access token: a grant's, for one resource. */
typedef struct gt_token_key_t {
    gt_grant_key_t grant;
    const char *resource; /* GT_RESOURCE_GRAPH, which NULL means, too */
} gt_token_key_t;

/** Where a caller's id comes from. Order = the words of GraphTokUser. */
typedef enum gt_caller_from_t {
    GT_CALLER_UNSET = -1,
    GT_CALLER_STATIC,      /* the configuration names it */
    GT_CALLER_SESSION,     /* a sign-in of ours */
    GT_CALLER_REMOTE_USER, /* an authentication of the web server's own */
    GT_CALLER_EXPR,        /* an expression of the administrator's */
    GT_CALLER_JWT,         /* a verified token of an issuer that the administrator names */
    GT_CALLER_CLIENT       /* a token of ours that a client shows; no word of GraphTokUser */
} gt_caller_from_t;

/** The one that asks. The owner of the grant in question (gt_owner_t) may be another. */
typedef struct gt_caller_t {
    const char *id; /* a user id as an owner's; "": the caller is not known */
    gt_caller_from_t from;
    const struct json_t *claims; /* of the verified token that the caller showed; NULL: of none */
    int is_admin;                /* 1: may act on the grants of others */
} gt_caller_t;

/** Marks results that must not be ignored. */
#define GT_MUST __attribute__((warn_unused_result))
/** Marks functions that never return NULL: the compiler then knows that GT_TRY leaves. */
#define GT_NEVER_NULL __attribute__((returns_nonnull))
/** Marks printf-like functions: position of the format, position of the first argument. */
#define GT_PRINTF(f, a) __attribute__((format(printf, f, a)))

#endif
