/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SETTERS_H
#define GTM_SETTERS_H

/**
 * @file setters.h
 * How directives become members of structs. A row of the command table (directives.c) names its
 * setter, which knows the struct, and carries the member's name; the member's table (conf/config.c,
 * or gtm_dir_members here) has kind, place and bounds. So parsing, merging and dumping are one
 * mechanism, and a refused value is refused in the same words everywhere. Parent only, while the
 * configuration is read or checked.
 */

#include "config/settings.h"

/** The members of gtm_dir_t but its limits; for directives, merging and the dump. */
extern const gt_member_t gtm_dir_members[];

/** GraphTokName VALUE: the member named by cmd->info, in the main server, the open provider, the
 * open store, client, issuer of callers' tokens or account, or the location. */
const char *gtm_set_in_server(cmd_parms *cmd, void *dir, const char *arg);
const char *gtm_set_in_provider(cmd_parms *cmd, void *dir, const char *arg);
const char *gtm_set_in_store(cmd_parms *cmd, void *dir, const char *arg);
const char *gtm_set_in_client(cmd_parms *cmd, void *dir, const char *arg);
const char *gtm_set_in_jwt(cmd_parms *cmd, void *dir, const char *arg);
const char *gtm_set_in_account(cmd_parms *cmd, void *dir, const char *arg);
const char *gtm_set_in_dir(cmd_parms *cmd, void *dir, const char *arg);

/** GraphTokKeyring: another source of the server, or of the store that is being read. */
const char *gtm_add_keyring(cmd_parms *cmd, void *dir, const char *arg);

/** GraphTokAudit FILE|"|PROGRAM" */
const char *gtm_set_audit(cmd_parms *cmd, void *dir, const char *arg);

/** GraphTokName VALUE…: the same for a list of words. */
const char *gtm_list_in_store(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_list_in_provider(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_list_in_client(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_list_in_dir(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_list_in_jwt(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_list_in_account(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokJWTKeys SECRET|URL */
const char *gtm_set_jwt_keys(cmd_parms *cmd, void *dir, const char *arg);

/** GraphTokName WORD…, as often as wanted: words of the open provider's member, added up. */
const char *gtm_add_in_provider(cmd_parms *cmd, void *dir, const char *word);

/** GraphTokClientSecret SECRET [SECRET]: a second one, there or in a directive of its own, is the
 * spare one. */
const char *gtm_set_secrets(cmd_parms *cmd, void *dir, const char *first, const char *second);

/** GraphTokClientCertificate FILE [KEYFILE] */
const char *gtm_set_certificate(cmd_parms *cmd, void *dir, const char *file, const char *key);

/** GraphTokProxy URL [SECRET] */
const char *gtm_set_proxy(cmd_parms *cmd, void *dir, const char *url, const char *login);

/** GraphTokUseProvider NAME…: the first is meant where a route names none. */
const char *gtm_set_providers(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokRoutes NAME…: the names must be those of routes. */
const char *gtm_set_routes(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokSharedMailboxes ADDRESS…: addresses, *@domain, or *. */
const char *gtm_set_mailboxes(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokAllowOrigin ORIGIN…: origins, * for all others, or none. */
const char *gtm_set_origins(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokAllow METHOD… PATTERN, as often as wanted. */
const char *gtm_add_allow(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokTenantClient TENANT CLIENT-ID SECRET */
const char *gtm_add_tenant_client(cmd_parms *cmd, void *dir, const char *tenant,
                                  const char *client_id, const char *secret);

/** <GraphTokProvider NAME>, <GraphTokStore NAME>, <GraphTokClient NAME>, <GraphTokJWT NAME> and
 * <GraphTokAccount NAME>. */
const char *gtm_open_provider(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_open_store(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_open_client(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_open_jwt(cmd_parms *cmd, void *dir, const char *args);
const char *gtm_open_account(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokUserColumn NAME [text|integer|uuid] [REFERENCES table(column)] */
const char *gtm_set_user_column(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokUser static NAME | session | remote-user | jwt NAME | expr=EXPRESSION */
const char *gtm_set_user(cmd_parms *cmd, void *dir, const char *from, const char *name);

/** GraphTokPassToken off | header|env [NAME] [resource=graph] [missing=sign-in|refuse|none] */
const char *gtm_set_pass(cmd_parms *cmd, void *dir, const char *args);

/** GraphTokLimit off | on | CLASS COUNT/SPAN|off … */
const char *gtm_set_limit(cmd_parms *cmd, void *dir, const char *args);

/** Fill in the members that a location leaves unset, in `p`; `config` says which provider is the
 * only one. */
void gtm_dir_defaults(gtm_dir_t *dir, const gt_config_t *config, apr_pool_t *p);

/** A location's settings as JSON. */
json_t *gtm_dir_to_json(const gtm_dir_t *dir, apr_pool_t *p);

/* ---- for setters ---- */

/** Set a member by its name. @return what is wrong with the value, or NULL */
const char *gtm_setter_set(cmd_parms *cmd, void *object, const gt_member_t *table, const char *name,
                           const char *text);

/** Words with httpd's quoting, joined by single blanks. */
const char *gtm_setter_joined(cmd_parms *cmd, const char *args);

/** The first call of every setter of a location. @return why it may not stand here, or NULL */
const char *gtm_setter_enter_dir(cmd_parms *cmd, gtm_dir_t *dir);

/** "FILE:LINE" of a directive. */
char *gtm_where(const ap_directive_t *directive, apr_pool_t *p);

#endif
