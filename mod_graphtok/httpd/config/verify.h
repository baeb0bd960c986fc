/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_VERIFY_H
#define GTM_VERIFY_H

/** @file verify.h State that the checks of check_config share, all of verify*.c. */

#include "config/settings.h"

/** Characters of a client's secret (RFC 6749 10.10: not to be guessed). */
#define GTM_CLIENT_SECRET_LEAST 20

/** State and findings of the checks. */
struct gtm_verdict_t {
    gtm_server_t *server;
    server_rec *s; /* the main server */
    apr_array_header_t *errors;
    apr_array_header_t *warnings;
    apr_array_header_t *faults; /* errors under -t, warnings at a start */
    apr_array_header_t *notes;  /* worth knowing, nothing wrong */
    apr_pool_t *p;
    const char *keyring_where; /* FILE:LINE of GraphTokKeyring, or NULL */
    const char *journal_where; /* the same of GraphTokJournal */
    int is_test;               /* 1: httpd -t */
};

/** Add a line to one of the lists, in its pool. @param where  FILE:LINE, or NULL */
void gtm_note(apr_array_header_t *list, const char *where, const char *fmt, ...) GT_PRINTF(3, 4);

/** Whether each keyring can write for each purpose, or the server's key can be derived. */
void gtm_check_keyrings(const gtm_verdict_t *v);

/** Whether a client's secret is there, and long enough that it cannot be guessed. */
void gtm_check_client_secret(const gtm_verdict_t *v, const gt_client_conf_t *client);

/** Whether the issuers that a client's entry names are configured, its GraphTokAllow opens a route,
 * and there is a place where it may ask. */
void gtm_check_client(const gtm_verdict_t *v, const gt_client_conf_t *client);

/** Whether the clients of a place with graphtok-exchange can have what their entries say. */
void gtm_check_exchange(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** Whether a place with graphtok-health shows figures to all clients. */
void gtm_check_health(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** Whether a place with graphtok-tokens has a Require that names administrators. */
void gtm_check_administration(const gtm_verdict_t *v, const gtm_mount_t *mount,
                              const gtm_dir_t *dir);

/** " (virtual host NAME)" for a directive or mount inside of one, else "". */
const char *gtm_host_shown(const gtm_verdict_t *v, const server_rec *host);

/**
 * Read a secret as a request would. The parent does it for its children, too: they inherit what it
 * read, and may not be allowed to read the file themselves. An exec: source is not run.
 * @param secret  NULL: not read
 */
void gtm_look_at_secret(gt_secret_t **secret, const gtm_verdict_t *v, const char *where,
                        const char *directive, gt_source_t *source);

/** Judge all issuers of callers' tokens, and the places that name one. */
void gtm_check_jwts(const gtm_verdict_t *v);

/** Judge the whole server's settings: database, journal, time limits. */
void gtm_check_server(const gtm_verdict_t *v);

/** Read the rules of triage, for all children: server->triage. */
void gtm_check_triage(const gtm_verdict_t *v);

/** Whether the ports of a provider's mail servers have TLS in the way that their URLs say. */
void gtm_check_mail_servers(const gtm_verdict_t *v, const gt_provider_conf_t *provider);

/** A graphtok-graph location: whether something is allowed there, and may hold. */
void gtm_check_graph(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** Whether the provider of a place with graphtok-mail has mail that is read here. */
void gtm_check_mail(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** Several providers of a place with graphtok-auth, and redirect addresses that are pages of other
 * programs. */
void gtm_check_auth(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** Judge the accounts' passwords, and the places that use an account. */
void gtm_check_accounts(const gtm_verdict_t *v);

/** Judge a place of a handler of ours that uses an account. */
void gtm_check_account_mount(const gtm_verdict_t *v, const gtm_mount_t *mount,
                             const gtm_dir_t *dir);

/** The same of a file of authorities, or NULL. */
void gtm_check_ca_file(const gtm_verdict_t *v, const char *where, const char *ca_file);

/** Whether a provider's secrets and its authorities are there. */
void gtm_check_provider_files(const gtm_verdict_t *v, const gt_provider_conf_t *provider);

/** Whether Microsoft Graph gets through to a graphtok-webhook, and its store wants to hear. */
void gtm_check_webhook(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** Whether each store that subscribes has a graphtok-webhook, and its secret signs. */
void gtm_check_hooks(const gtm_verdict_t *v);

#endif
