/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The command table: name, setter, the member it sets, contexts, one line of help. docs/directives.md
 * has the same names. None is allowed in .htaccess (OR_…): secrets and exec: would come within
 * reach of whoever may write one.
 */

#include "config/setters.h"

#define ANYWHERE (RSRC_CONF | ACCESS_CONF)

/* httpd's cmd_data is void *, ours is the member's name, only read. */
#define MEMBER(name) ((void *)name)

const command_rec gtm_directives[] = {
    /* the main server's */
    AP_INIT_TAKE1("GraphTokKeyring", gtm_set_in_server, MEMBER("keyring"), RSRC_CONF,
                  "where the keys are: file:PATH, env:NAME, \"exec:COMMAND\""),
    AP_INIT_TAKE1("GraphTokAudit", gtm_set_audit, MEMBER("audit"), RSRC_CONF,
                  "where audit records go: a file, or \"|program arguments\""),
    AP_INIT_TAKE1("GraphTokAuditHeads", gtm_set_audit, MEMBER("audit_heads"), RSRC_CONF,
                  "where the ends of its chains are noted: a file, \"|program arguments\" or off; "
                  "default: the audit's file with .heads"),
    AP_INIT_TAKE1("GraphTokAuditRequired", gtm_set_in_server, MEMBER("audit_required"), RSRC_CONF,
                  "on: no token is handed out when that cannot be recorded; default off"),
    AP_INIT_TAKE1("GraphTokPublicURL", gtm_set_in_server, MEMBER("public_url"), RSRC_CONF,
                  "scheme, host and port that redirects are built from"),
    AP_INIT_TAKE1("GraphTokCacheSlots", gtm_set_in_server, MEMBER("cache_slots"), RSRC_CONF,
                  "tokens that shared memory holds, 64 to 1048576; default 4096"),
    AP_INIT_TAKE1("GraphTokCacheSlotSize", gtm_set_in_server, MEMBER("cache_slot_bytes"), RSRC_CONF,
                  "largest sealed token a slot holds, 1K to 64K; default 6K"),
    AP_INIT_TAKE1("GraphTokCacheTime", gtm_set_in_server, MEMBER("cache_time"), RSRC_CONF,
                  "longest stay of a token in shared memory, 1s to 1h; default 5min"),
    AP_INIT_TAKE1("GraphTokLimitSlots", gtm_set_in_server, MEMBER("limit_slots"), RSRC_CONF,
                  "limit counters in shared memory, 1024 to 16777216; default 65536"),
    AP_INIT_TAKE1("GraphTokRefreshMargin", gtm_set_in_server, MEMBER("refresh_margin"), RSRC_CONF,
                  "refresh a token this long before its end, 10s to 30min; default 5min"),
    AP_INIT_TAKE1("GraphTokLease", gtm_set_in_server, MEMBER("lease"), RSRC_CONF,
                  "how long a refresh may take, 2s to 10min, longer than any GraphTokTimeout; "
                  "default 30s"),
    AP_INIT_TAKE1("GraphTokStateTime", gtm_set_in_server, MEMBER("state_time"), RSRC_CONF,
                  "a sign-in must come back within this time, 30s to 1h; default 10min"),
    AP_INIT_TAKE1("GraphTokSessionTime", gtm_set_in_server, MEMBER("session_time"), RSRC_CONF,
                  "how long a session lives, 1min to 30d; default 8h"),
    AP_INIT_TAKE1("GraphTokMaxTransfers", gtm_set_in_server, MEMBER("max_transfers"), RSRC_CONF,
                  "calls to providers under way in each child, 1 to 100000; default 1024"),
    AP_INIT_TAKE1("GraphTokDatabaseUsers", gtm_set_in_server, MEMBER("db_users"), RSRC_CONF,
                  "database connections in use at once in each child, 1 to 1000; default 8"),
    AP_INIT_TAKE1("GraphTokDatabaseWait", gtm_set_in_server, MEMBER("db_wait"), RSRC_CONF,
                  "longest wait for a database connection, 10ms to 1min; default 2s"),
    AP_INIT_TAKE1("GraphTokJournal", gtm_set_in_server, MEMBER("journal"), RSRC_CONF,
                  "folder for refreshed tokens while the database is away, or off; default "
                  "/var/lib/graphtok/journal"),
    AP_INIT_TAKE1("GraphTokBackground", gtm_set_in_server, MEMBER("background"), RSRC_CONF,
                  "refresh, clean up and validate without being asked: on or off; default on"),
    AP_INIT_TAKE1("GraphTokRefreshAhead", gtm_set_in_server, MEMBER("refresh_ahead"), RSRC_CONF,
                  "background refresh begins this long before GraphTokRefreshMargin, 1s to 12h; "
                  "default 10min"),
    AP_INIT_TAKE1("GraphTokRefreshUsedWithin", gtm_set_in_server, MEMBER("refresh_used_within"),
                  RSRC_CONF,
                  "background refresh of what was used within this time, 1min to 365d; default 1d"),
    AP_INIT_TAKE1("GraphTokRefreshRate", gtm_set_in_server, MEMBER("refresh_rate"), RSRC_CONF,
                  "background refreshes a second of all servers that share the database, 1 to "
                  "10000; default 50"),
    AP_INIT_TAKE1("GraphTokExpireAfter", gtm_set_in_server, MEMBER("expire_after"), RSRC_CONF,
                  "deactivate a grant whose token ended this long ago, 1h to 3650d; default 90d"),
    AP_INIT_TAKE1("GraphTokCleanupAfter", gtm_set_in_server, MEMBER("cleanup_after"), RSRC_CONF,
                  "remove a grant that has been inactive this long, 1h to 3650d; default 30d"),
    AP_INIT_TAKE1("GraphTokValidateEvery", gtm_set_in_server, MEMBER("validate_every"), RSRC_CONF,
                  "ask the provider this often whether each token works, up to 365d; default 0: "
                  "never"),

    /* inside <GraphTokProvider NAME> */
    AP_INIT_RAW_ARGS("<GraphTokProvider", gtm_open_provider, NULL, RSRC_CONF,
                     "an OAuth provider and our registration there: <GraphTokProvider NAME>"),
    AP_INIT_TAKE1("GraphTokKind", gtm_set_in_provider, MEMBER("kind"), RSRC_CONF,
                  "microsoft or openid; default microsoft"),
    AP_INIT_TAKE1("GraphTokTenant", gtm_set_in_provider, MEMBER("tenant"), RSRC_CONF,
                  "tenant: GUID, domain, organizations, common or consumers; default common"),
    AP_INIT_TAKE1("GraphTokClientID", gtm_set_in_provider, MEMBER("client_id"), RSRC_CONF,
                  "application (client) id"),
    AP_INIT_TAKE1("GraphTokClientSecret", gtm_set_in_provider, MEMBER("client_secret"), RSRC_CONF,
                  "client secret: file:PATH, env:NAME, \"exec:COMMAND\""),
    AP_INIT_RAW_ARGS("GraphTokScope", gtm_list_in_provider, MEMBER("scope"), RSRC_CONF,
                     "scopes asked for at sign-in"),
    AP_INIT_TAKE1("GraphTokAuthority", gtm_set_in_provider, MEMBER("authority"), RSRC_CONF,
                  "sign-in host; default https://login.microsoftonline.com"),
    AP_INIT_TAKE1("GraphTokGraphURL", gtm_set_in_provider, MEMBER("graph_url"), RSRC_CONF,
                  "Graph with its version; default https://graph.microsoft.com/v1.0"),
    AP_INIT_TAKE1("GraphTokCAFile", gtm_set_in_provider, MEMBER("ca_file"), RSRC_CONF,
                  "certificates (PEM) to trust instead of the system's"),
    AP_INIT_TAKE12("GraphTokProxy", gtm_set_proxy, MEMBER("proxy"), RSRC_CONF,
                   "http://HOST:PORT [USER:PASSWORD as a secret]: the proxy that all calls to this "
                   "provider go through; default none"),
    AP_INIT_TAKE1("GraphTokConnectTimeout", gtm_set_in_provider, MEMBER("connect_timeout"),
                  RSRC_CONF, "longest time to connect, 100ms to 1min; default 5s"),
    AP_INIT_TAKE1("GraphTokTimeout", gtm_set_in_provider, MEMBER("timeout"), RSRC_CONF,
                  "longest time of one call, 500ms to 5min; default 20s"),
    AP_INIT_TAKE1("GraphTokMailboxCalls", gtm_set_in_provider, MEMBER("mailbox_calls"), RSRC_CONF,
                  "calls at a time at one mailbox in each child, 0 (any number) to 1000; "
                  "default 4"),
    AP_INIT_TAKE1("GraphTokMailboxQueue", gtm_set_in_provider, MEMBER("mailbox_queue"), RSRC_CONF,
                  "calls that wait for their turn at one mailbox in each child, 0 to 10000; "
                  "default 100"),
    AP_INIT_RAW_ARGS("GraphTokAllowedTenants", gtm_list_in_provider, MEMBER("allowed_tenants"),
                     RSRC_CONF, "GUIDs of the tenants whose accounts may sign in"),

    /* inside <GraphTokStore NAME> */
    AP_INIT_RAW_ARGS("<GraphTokStore", gtm_open_store, NULL, RSRC_CONF,
                     "a table of grants: <GraphTokStore NAME>; main is there without it"),
    AP_INIT_TAKE1("GraphTokTable", gtm_set_in_store, MEMBER("table"), RSRC_CONF,
                  "name of the table; default user_tokens"),
    AP_INIT_TAKE1("GraphTokCipher", gtm_set_in_store, MEMBER("cipher"), RSRC_CONF,
                  "what is written: aes-256-gcm or fernet (both are read); default aes-256-gcm"),
    AP_INIT_RAW_ARGS("GraphTokUserColumn", gtm_set_user_column, MEMBER("user_column"), RSRC_CONF,
                     "NAME [text|integer|uuid] [REFERENCES table(column)]; default user_id text"),

    /* per location, in Location, Directory, VirtualHost and the main server */
    AP_INIT_TAKE12("GraphTokUser", gtm_set_user, NULL, ANYWHERE,
                   "who the caller is: static NAME, session, remote-user or \"expr=EXPRESSION\"; "
                   "default session"),
    AP_INIT_TAKE1("GraphTokUseProvider", gtm_set_in_dir, MEMBER("provider"), ANYWHERE,
                  "which provider; default the only one"),
    AP_INIT_TAKE1("GraphTokUseStore", gtm_set_in_dir, MEMBER("store"), ANYWHERE,
                  "which store; default main"),
    AP_INIT_RAW_ARGS("GraphTokRoutes", gtm_set_routes, MEMBER("routes"), ANYWHERE,
                     "serve only these routes of the set"),
    AP_INIT_RAW_ARGS("GraphTokSharedMailboxes", gtm_set_mailboxes, MEMBER("shared_mailboxes"),
                     ANYWHERE,
                     "whose calendars beside their own callers may open: ADDRESS, *@DOMAIN, * ..."),
    AP_INIT_TAKE1("GraphTokSignIn", gtm_set_in_dir, MEMBER("sign_in"), ANYWHERE,
                  "where users sign in: the path of a graphtok-auth mount; default: the one whose "
                  "path shares most with the request's"),
    AP_INIT_TAKE1("GraphTokReturnTo", gtm_set_in_dir, MEMBER("return_to"), ANYWHERE,
                  "where the browser goes after a sign-in: a path or an https URL"),
    AP_INIT_TAKE1("GraphTokSessionRealm", gtm_set_in_dir, MEMBER("session_realm"), ANYWHERE,
                  "a name: virtual hosts that say the same share their sessions"),
    AP_INIT_TAKE1("GraphTokRequestMax", gtm_set_in_dir, MEMBER("request_max"), ANYWHERE,
                  "largest request body, 1K to 64M; default 1M"),
    AP_INIT_TAKE1("GraphTokAnswerMax", gtm_set_in_dir, MEMBER("answer_max"), ANYWHERE,
                  "largest answer passed on, 1K to 1G; default 10M"),
    AP_INIT_RAW_ARGS("GraphTokPassToken", gtm_set_pass, NULL, ANYWHERE,
                     "off | header|env [NAME] [resource=graph] [missing=sign-in|refuse|none]: "
                     "the caller's token for the application here"),
    AP_INIT_TAKE1("GraphTokPassCookie", gtm_set_in_dir, MEMBER("pass_cookie"), ANYWHERE,
                  "on: the application here sees the cookies of our sessions; default off"),
    AP_INIT_RAW_ARGS(
        "GraphTokLimit", gtm_set_limit, NULL, ANYWHERE,
        "off | on | CLASS COUNT/SPAN ...; classes: login callback user calendar events "
        "create update delete"),
    {.name = NULL}};
