/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The command table: name, setter, the member it sets, contexts, one line of help. Directives that
 * set one member have their row in a .def file, with bounds and default; here it becomes a command,
 * whose help tells them. docs/directives.md has the same names and facts (tests/checks/directives).
 * None is allowed in .htaccess (OR_…): secrets and exec: would come within reach of each user who
 * may write one.
 */

#include "config/setters.h"

#define ANYWHERE (RSRC_CONF | ACCESS_CONF)

/* httpd's cmd_data is void *, ours is the member's name, only read. */
#define MEMBER(name) ((void *)name)

/* Rows of the .def files; SETTER, LIST_SETTER and CONTEXT are those of the file. */
#define TEXT(member, directive, longest, rule, demands, default_, help)                            \
    AP_INIT_TAKE1(directive, SETTER, MEMBER(#member), CONTEXT, help),
#define LIST(member, directive, longest, rule, demands, default_, help)                            \
    AP_INIT_RAW_ARGS(directive, LIST_SETTER, MEMBER(#member), CONTEXT, help),
#define ADDED(member, directive, longest, rule, demands, help)                                     \
    AP_INIT_ITERATE(directive, gtm_add_in_provider, MEMBER(#member), CONTEXT, help),
#define COLUMN(member, directive, longest, rule, demands, default_, help)                          \
    AP_INIT_RAW_ARGS(directive, gtm_set_user_column, MEMBER(#member), CONTEXT, help),
#define PROXY(member, directive, longest, rule, demands, help)                                     \
    AP_INIT_TAKE12(directive, gtm_set_proxy, MEMBER(#member), CONTEXT, help),
#define SINK(member, directive, help)                                                              \
    AP_INIT_TAKE1(directive, gtm_set_audit, MEMBER(#member), CONTEXT, help),
#define URL(member, directive, default_, help)                                                     \
    AP_INIT_TAKE1(directive, SETTER, MEMBER(#member), CONTEXT, help),
#define PATH(member, directive, longest, help)                                                     \
    AP_INIT_TAKE1(directive, SETTER, MEMBER(#member), CONTEXT, help),
#define SOURCE(member, directive, help)                                                            \
    AP_INIT_TAKE1(directive, SETTER, MEMBER(#member), CONTEXT, help),
#define SOURCES(member, directive, help)                                                           \
    AP_INIT_TAKE1(directive, gtm_add_keyring, MEMBER(#member), CONTEXT, help),
#define KEYS(member, directive, help)                                                              \
    AP_INIT_TAKE1(directive, gtm_set_jwt_keys, MEMBER(#member), CONTEXT, help),
#define SECRETS(member, directive, help)                                                           \
    AP_INIT_TAKE12(directive, gtm_set_secrets, MEMBER(#member), CONTEXT, help),
#define PAIR(member, directive, help)                                                              \
    AP_INIT_TAKE12(directive, gtm_set_certificate, MEMBER(#member), CONTEXT, help),
#define CHOICE(member, directive, words, default_, help)                                           \
    AP_INIT_TAKE1(directive, SETTER, MEMBER(#member), CONTEXT,                                     \
                  help "; one of: " words "; default " default_),
#define RANGE(kind, member, directive, least, most, default_, help)                                \
    AP_INIT_TAKE1(directive, SETTER, MEMBER(#member), CONTEXT,                                     \
                  help ", " least " to " most "; default " default_),
#define PART(kind, member, longest, rule, demands, default_)
#define PART_RANGE(kind, member, least, most, default_)

const command_rec gtm_directives[] = {
#define SETTER gtm_set_in_server
#define CONTEXT RSRC_CONF
#include "conf/server.def"
#undef SETTER

    AP_INIT_RAW_ARGS("<GraphTokProvider", gtm_open_provider, NULL, RSRC_CONF,
                     "an OAuth provider and our registration there: <GraphTokProvider NAME>"),
#define SETTER gtm_set_in_provider
#define LIST_SETTER gtm_list_in_provider
#include "conf/provider.def"
#undef SETTER
#undef LIST_SETTER
    AP_INIT_TAKE3("GraphTokTenantClient", gtm_add_tenant_client, NULL, CONTEXT,
                  "TENANT CLIENT-ID SECRET: the registration that one tenant has to itself"),

    AP_INIT_RAW_ARGS("<GraphTokStore", gtm_open_store, NULL, RSRC_CONF,
                     "a table of grants: <GraphTokStore NAME>; main is there without it"),
#define SETTER gtm_set_in_store
#define LIST_SETTER gtm_list_in_store
#include "conf/store.def"
#undef SETTER
#undef LIST_SETTER

    AP_INIT_RAW_ARGS("<GraphTokClient", gtm_open_client, NULL, RSRC_CONF,
                     "an application that may ask for users' tokens: <GraphTokClient NAME>"),
/* A location has GraphTokUseJWT, too. httpd asks all rows of a name, so that the client's must be
 * let in there to decline. */
#undef CONTEXT
#define CONTEXT ANYWHERE
#define SETTER gtm_set_in_client
#define LIST_SETTER gtm_list_in_client
#include "conf/client.def"
#undef SETTER
#undef LIST_SETTER
    AP_INIT_RAW_ARGS(
        "GraphTokAllow", gtm_add_allow, NULL, CONTEXT,
        "METHOD ... PATTERN: routes of ours that a client may call as a user; in a location of "
        "graphtok-graph: paths of Graph, with claim:NAME=VALUE for some callers"),
#undef CONTEXT
#define CONTEXT RSRC_CONF

    AP_INIT_RAW_ARGS("<GraphTokJWT", gtm_open_jwt, NULL, RSRC_CONF,
                     "an issuer of tokens that callers show: <GraphTokJWT NAME>"),
#define SETTER gtm_set_in_jwt
#define LIST_SETTER gtm_list_in_jwt
#include "conf/jwt.def"
#undef SETTER
#undef LIST_SETTER

    AP_INIT_RAW_ARGS("<GraphTokAccount", gtm_open_account, NULL, RSRC_CONF,
                     "an account of the server itself: <GraphTokAccount NAME>"),
#define SETTER gtm_set_in_account
#define LIST_SETTER gtm_list_in_account
#include "conf/account.def"
#undef SETTER
#undef LIST_SETTER
#undef CONTEXT

#define SETTER gtm_set_in_dir
#define LIST_SETTER gtm_list_in_dir
#define CONTEXT ANYWHERE
#include "config/location.def"
#undef SETTER
#undef LIST_SETTER
#undef CONTEXT
    AP_INIT_TAKE12("GraphTokUser", gtm_set_user, NULL, ANYWHERE,
                   "who the caller is: static NAME, session, remote-user, jwt NAME or "
                   "\"expr=EXPRESSION\"; default session"),
    AP_INIT_RAW_ARGS("GraphTokUseProvider", gtm_set_providers, MEMBER("providers"), ANYWHERE,
                     "which provider; more than one where users sign in at several: the first is "
                     "meant where none is named; default the only one"),
    AP_INIT_RAW_ARGS("GraphTokRoutes", gtm_set_routes, MEMBER("routes"), ANYWHERE,
                     "serve only these routes of the set"),
    AP_INIT_RAW_ARGS("GraphTokSharedMailboxes", gtm_set_mailboxes, MEMBER("shared_mailboxes"),
                     ANYWHERE,
                     "whose calendars beside their own callers may open: ADDRESS, *@DOMAIN, * ..."),
    AP_INIT_RAW_ARGS("GraphTokAllowOrigin", gtm_set_origins, MEMBER("allow_origin"), ANYWHERE,
                     "origins whose pages may call the routes here (CORS): ORIGIN ..., *, or none"),
    AP_INIT_RAW_ARGS("GraphTokPassToken", gtm_set_pass, NULL, ANYWHERE,
                     "off | header|env [NAME] [resource=graph] [missing=sign-in|refuse|none]: "
                     "the caller's token for the application here"),
    AP_INIT_RAW_ARGS(
        "GraphTokLimit", gtm_set_limit, NULL, ANYWHERE,
        "off | on | CLASS COUNT/SPAN ...; classes: login callback user calendar events "
        "create update delete exchange"),
    {.name = NULL}};
