/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CONFIG_H
#define GT_CONFIG_H

/**
 * @file config.h
 * The resolved configuration as plain structs: the adapter fills them from directives, `-D
 * DUMP_GRAPHTOK` prints them as JSON, and graphtokctl reads them back. Immutable once resolved, so
 * any thread may read it. Providers, stores and keys belong to the whole server; a location only
 * names what it uses.
 */

#include "base/json.h"
#include "base/source.h"
#include "conf/allow.h"
#include "conf/member.h"
#include "crypt/seal.h"

/** Kinds of providers; their rules stand in oauth/kind.h. */
typedef enum gt_provider_kind_id_t {
    GT_KIND_UNSET = -1,
    GT_KIND_MICROSOFT,
    GT_KIND_GOOGLE,
    GT_KIND_OPENID /* any provider, as its discovery document says it */
} gt_provider_kind_id_t;

/** The clouds of Microsoft's; their hosts stand in conf/cloud.h. */
typedef enum gt_cloud_t {
    GT_CLOUD_UNSET = -1,
    GT_CLOUD_GLOBAL,
    GT_CLOUD_US_GOV, /* GCC High */
    GT_CLOUD_US_DOD,
    GT_CLOUD_CHINA, /* operated by 21Vianet */
    GT_CLOUDS
} gt_cloud_t;

/** Our own registration with one tenant of a provider that serves many. */
typedef struct gt_tenant_client_t {
    const char *tenant; /* a GUID */
    const char *client_id;
    gt_source_t *client_secret;
} gt_tenant_client_t;

/** Where a client secret stands in a request. Order = the words of GraphTokClientAuth. */
typedef enum gt_client_auth_t {
    GT_AUTH_AUTO, /* as the provider's discovery document says; Entra: in the body */
    GT_AUTH_POST,
    GT_AUTH_BASIC,
    GT_AUTH_NONE /* nowhere: the registration is a public client */
} gt_client_auth_t;

/** One provider and our registration there. */
struct gt_provider_conf_t {
    const char *name;  /* "microsoft" */
    const char *where; /* "FILE:LINE" of its definition */
    gt_provider_kind_id_t kind;
    gt_cloud_t cloud;   /* of kind microsoft; else GT_CLOUD_UNSET */
    const char *tenant; /* GUID, domain, organizations, common, consumers; NULL: there are none. Of
                         * kind google: the domain whose accounts may sign in; NULL: any */
    const char *client_id;
    gt_source_t *client_secret;       /* NULL: it shows itself otherwise */
    gt_source_t *spare_secret;        /* tried where the provider refuses the first, or NULL */
    const char *secret_expires;       /* the day that `client_secret` ends, or NULL: not said */
    apr_interval_time_t alarm_before; /* alarm so long before a credential ends */
    gt_client_auth_t client_auth;     /* where a secret stands */
    int continuous_access;            /* 1: declare that we answer claims challenges (cp1) */
    gt_source_t *certificate;         /* PEM, in place of a secret; NULL: none */
    gt_source_t *certificate_key;     /* PEM; set when `certificate` is */
    gt_source_t *client_assertion;    /* a federated token in place of a secret, or NULL */
    const char *scope;                /* blank-separated, as asked at sign-in */
    const char *authority;            /* sign-in host with scheme, no trailing slash */
    const char *discovery; /* of kind openid: issuer or discovery document, as written; or NULL */
    const char *graph_url; /* Graph root with version, no trailing slash; NULL: has no Graph */
    const char *redirect_uri; /* of another program's page; NULL: our callback */
    const char *calendar_url; /* Google Calendar with its version; NULL: has none */
    const char *imap;         /* "imaps://host:port", "imap://…" (STARTTLS); NULL: has none */
    const char *smtp;         /* "smtp://host:port" (STARTTLS), "smtps://…"; NULL: has none */
    const char *ca_file;      /* PEM, or NULL: the system's */
    const char *pins;         /* keys that its servers must show (net/pins.h), or NULL: any */
    const char *local_end;    /* where calls start (net/local_end.h), or NULL */
    const char *proxy;        /* "http://host:port" that all calls go through, or NULL: none */
    gt_source_t *proxy_login; /* "user:password" for it, or NULL */
    apr_interval_time_t connect_timeout;
    apr_interval_time_t timeout; /* one call; shorter than the lease */
    apr_int64_t mailbox_calls;   /* at a time at one mailbox, per child; 0: any number */
    apr_int64_t mailbox_queue;   /* that wait for their turn there, per child */
    const char *allowed_tenants; /* blank-separated GUIDs for multi-tenant sign-in; NULL: any */
    apr_array_header_t *tenant_clients; /* of gt_tenant_client_t *; NULL: none */
};

/** One table of grants. */
struct gt_store_conf_t {
    const char *name;            /* "main" */
    const char *where;           /* "FILE:LINE" of its definition */
    const char *table;           /* default user_tokens */
    gt_cipher_t cipher;          /* the one that is written; both are read */
    const char *user_column;     /* default user_id */
    const char *user_type;       /* text | integer | uuid */
    const char *references;      /* "table(column)" of the application's users, or NULL */
    apr_array_header_t *keyring; /* its own, of gt_source_t *; NULL: the server's seals it, too */
    int mail_sync;               /* 1: it keeps copies of mail, in tables beside its own */
    apr_interval_time_t mail_sync_every; /* between two looks for new mail */
    apr_interval_time_t mail_keep;       /* older mail is dropped; 0: none is */
    int mail_seal;                       /* 1: subject, addresses and text are sealed */
    const char *subscribe;               /* blank-separated, of calendar and mail; NULL: nothing */
    const char *notification_url; /* where Graph reaches the store's graphtok-webhook, or NULL */
    apr_interval_time_t subscribe_time;    /* the life of a subscription */
    const char *deliver;                   /* where notifications go: an address, or "table" */
    gt_source_t *deliver_secret;           /* by which deliveries are signed, or NULL */
    const char *deliver_retry;             /* blank-separated: waits between tries */
    apr_interval_time_t notification_keep; /* a notification stays so long */
};

/** The ways of a client to name a user, words of GraphTokClientSubject. */
#define GT_SUBJECT_USER "user"           /* a plain user id */
#define GT_SUBJECT_JWT "jwt="            /* a token of the <GraphTokJWT> whose name follows */
#define GT_SUBJECT_BEHALF "on-behalf-of" /* a token of the provider for our registration */

/** An application or agent elsewhere that asks for users' tokens (RFC 8693). It gets nothing that
 * its entry does not name. */
struct gt_client_conf_t {
    const char *name;          /* its client_id */
    const char *where;         /* "FILE:LINE" of its definition */
    gt_source_t *secret;       /* that it shows; NULL: none */
    const char *jwt;           /* the <GraphTokJWT> of tokens that it shows; NULL: none */
    const char *jwt_user;      /* whom such a token must be of; NULL: of its name */
    const char *resources;     /* blank-separated: that it may have tokens for; NULL: none */
    const char *scopes;        /* blank-separated: that such a token may have; NULL: none */
    const char *subjects;      /* blank-separated words: how it may name a user; NULL: in no way */
    apr_array_header_t *allow; /* of gt_allow_t: routes of ours that it may call; NULL: none */
    apr_interval_time_t token_time; /* a token for them lives */
};

/** In the place of an issuer or audience: there is none to be held against. */
#define GT_JWT_NONE "none"

/** One issuer of tokens that callers show, and what they must be like. */
struct gt_jwt_conf_t {
    const char *name;       /* "staff" */
    const char *where;      /* "FILE:LINE" of its definition */
    const char *issuer;     /* `iss`; GT_JWT_NONE: not judged */
    const char *audience;   /* blank-separated, one of which `aud` holds; GT_JWT_NONE: tokens name
                                   none */
    const char *algorithms; /* blank-separated, of one kind: all HS…, or none */
    gt_source_t *keys;      /* shared secret, PEM or JWKS; NULL: keys_url has them */
    const char *keys_url;   /* of a JWKS; or NULL */
    const char *user;       /* the claim that is the user's id */
    const char *cookie;     /* that a token may come in instead of Authorization, or NULL */
    const char *ca_file;    /* of keys_url: PEM, or NULL: the system's */
    apr_interval_time_t
        leeway; /* a token is taken for so long after its end and before its begin */
};

/** How an account gets its tokens. Order = the words of GraphTokAccountGrant. */
typedef enum gt_account_grant_t {
    GT_GRANT_CLIENT,  /* as the application itself (RFC 6749 section 4.4): no user, no row */
    GT_GRANT_PASSWORD /* by user name and password (RFC 6749 section 4.3): a row in a store */
} gt_account_grant_t;

/** An account of the server itself, which no person signs in with (conf/account.h). */
struct gt_account_conf_t {
    const char *name;  /* "events" */
    const char *where; /* "FILE:LINE" of its definition */
    gt_account_grant_t grant;
    const char *provider;      /* its name; NULL: the only one (gt_account_provider) */
    const char *user;          /* at the provider; NULL: none */
    gt_source_t *password;     /* of that user; NULL: none, or not for this process */
    const char *scope;         /* blank-separated; NULL: the provider's */
    const char *groups;        /* ids of those whose events it opens, blank-separated; NULL: none */
    const char *store;         /* that has its grant */
    apr_interval_time_t retry; /* a refused password is not sent again for so long */
};

/** Everything. */
struct gt_config_t {
    apr_array_header_t *providers;  /* of gt_provider_conf_t * */
    apr_array_header_t *stores;     /* of gt_store_conf_t *; "main" always exists */
    apr_array_header_t *clients;    /* of gt_client_conf_t * */
    apr_array_header_t *jwts;       /* of gt_jwt_conf_t * */
    apr_array_header_t *accounts;   /* of gt_account_conf_t * */
    apr_array_header_t *keyring;    /* of gt_source_t *, whose keys add up; NULL: none */
    const char *audit;              /* where audit records go: a file or "|program"; NULL */
    const char *audit_heads;        /* where its heads are noted; NULL: see gt_audit_notes */
    int audit_required;             /* 1: an operation that cannot be recorded is refused */
    const char *public_url;         /* the base of redirects and links, or NULL */
    const char *db_driver;          /* mod_dbd's, "" when none */
    const char *db_params;          /* mod_dbd's; a password in it is never printed */
    const char *db_params_where;    /* "FILE:LINE" of DBDParams: where graphtokctl reads it */
    apr_int64_t httpd_user;         /* uid of httpd's children; 0: they are root, or not known */
    apr_int64_t httpd_group;        /* their gid */
    apr_int64_t cache_slots;        /* token cache: slots in shared memory */
    apr_int64_t cache_slot_bytes;   /* largest sealed token a slot holds */
    apr_int64_t limit_slots;        /* rate limits: counters in shared memory */
    apr_interval_time_t cache_time; /* longest stay of a token in the cache: 5 min */
    apr_interval_time_t refresh_margin; /* refreshed this long before its end: 5 min */
    apr_interval_time_t lease;          /* right to refresh: longer than any provider's timeout */
    apr_interval_time_t state_time;     /* a sign-in must come back within: 10 min */
    apr_interval_time_t session_time;   /* a session cookie lives: 8 h */
    apr_interval_time_t session_idle;   /* a session ends unused for so long; 0: never */
    apr_int64_t max_transfers;          /* calls to providers under way, per child */
    apr_int64_t db_users;               /* database connections in use at once, per child */
    apr_interval_time_t db_wait;        /* longest wait for one */
    int background;                     /* 1: refresh, clean up and validate without being asked */
    apr_interval_time_t refresh_ahead;  /* background refresh begins so much before the margin */
    apr_interval_time_t refresh_used_within; /* of grants that were used within this span */
    apr_int64_t refresh_rate;                /* refreshes a second, of all nodes together */
    apr_interval_time_t expire_after;        /* deactivate grants whose token ended so long ago */
    apr_interval_time_t cleanup_after;       /* remove grants that have been inactive so long */
    apr_interval_time_t validate_every; /* ask the provider about each grant so often; 0: never */
    const char *triage_url;             /* of a model server, or NULL */
    apr_interval_time_t triage_wait;    /* longest time that it may take */
    const char *triage_rules;           /* file of rules for mail, or NULL: those built in */
    const char *journal;                /* folder of answers that could not be stored, or "off" */
};

/** Their members by name, with bounds and rules; for directives, JSON and checks. */
extern const gt_member_t gt_config_members[];
extern const gt_member_t gt_provider_members[];
extern const gt_member_t gt_store_members[];
extern const gt_member_t gt_client_members[];
extern const gt_member_t gt_jwt_members[];
extern const gt_member_t gt_account_members[];
extern const gt_member_t gt_tenant_client_members[];

/** Defaults of everything, in `p`. */
gt_config_t *gt_config_default(apr_pool_t *p);

/** Find by name; NULL when there is none. */
const gt_provider_conf_t *gt_config_provider(const gt_config_t *config, const char *name);
const gt_store_conf_t *gt_config_store(const gt_config_t *config, const char *name);
const gt_client_conf_t *gt_config_client(const gt_config_t *config, const char *name);
const gt_jwt_conf_t *gt_config_jwt(const gt_config_t *config, const char *name);
const gt_account_conf_t *gt_config_account(const gt_config_t *config, const char *name);

/** 1 when a provider has pins: its loop then makes whole handshakes (net/loop.h). */
int gt_config_has_pins(const gt_config_t *config);

/** A provider of which nothing is set but what has the same default for all kinds. */
gt_provider_conf_t *gt_provider_conf_blank(const char *name, apr_pool_t *p);

/** Set what was left unset: the kind by the name, then what the kind and its cloud have for it. A
 * provider called google is of that kind. */
void gt_provider_conf_complete(gt_provider_conf_t *provider, apr_pool_t *p);

/** The registration that a tenant has to itself, or NULL. @param tenant  a GUID; NULL, "": none */
const gt_tenant_client_t *gt_provider_conf_client(const gt_provider_conf_t *provider,
                                                  const char *tenant);

/** A provider as one tenant sees it: with the registration that it has to itself, else as it is.
 *  In `p` when it differs. */
const gt_provider_conf_t *gt_provider_conf_for(const gt_provider_conf_t *provider,
                                               const char *tenant, apr_pool_t *p);

#define GT_PROVIDER_SOURCES 6 /* the last is the proxy's login, the others are credentials */

/** One of a provider's sources, by its number.
 * @param directive  out: what sets it; or NULL
 * @return NULL: this one is not set */
gt_source_t *gt_provider_conf_source(const gt_provider_conf_t *provider, int i,
                                     const char **directive);

/** Say of its sources how they are read; once all of them are set. */
void gt_provider_conf_sources(const gt_provider_conf_t *provider);

/** A provider of Microsoft's or a store, with its defaults, not yet entered. */
gt_provider_conf_t *gt_provider_conf_default(const char *name, apr_pool_t *p);
gt_store_conf_t *gt_store_conf_default(const char *name, apr_pool_t *p);

/** A client that may have nothing, not yet entered. */
gt_client_conf_t *gt_client_conf_default(const char *name, apr_pool_t *p);

/** An issuer of callers' tokens with its defaults, not yet entered. */
gt_jwt_conf_t *gt_jwt_conf_default(const char *name, apr_pool_t *p);

/** 1 when its tokens are signed with a shared secret. */
int gt_jwt_conf_is_secret(const gt_jwt_conf_t *jwt);

/**
 * Judge the whole: faults that no directive shows alone (a provider without client id, a timeout
 * not shorter than the lease, …).
 * @param errors    array of const char *, "FILE:LINE: text"; empty: all is well
 * @param warnings  the same, for settings that are allowed but unwise
 */
void gt_config_check(const gt_config_t *config, apr_array_header_t *errors,
                     apr_array_header_t *warnings, apr_pool_t *p);

/** As JSON; secrets as references only ("file:/etc/…"), passwords in db_params as "***". */
json_t *gt_config_to_json(const gt_config_t *config, apr_pool_t *p);

/** Database parameters as they may be shown: every password in them is "***", and all of them for a
 * driver whose syntax we do not know. */
char *gt_db_params_shown(const char *driver, const char *params, apr_pool_t *p);

/** The text that tells the database from others where it has no id of its own: driver and
 * parameters as shown. It is the same in httpd and graphtokctl, which share a journal. */
char *gt_config_database(const gt_config_t *config, apr_pool_t *p);

/** Back from JSON. @return GT_INVALID naming the member that is wrong */
GT_MUST gt_err_t *gt_config_from_json(gt_config_t **config, const json_t *json, apr_pool_t *p);

#endif
