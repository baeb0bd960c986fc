/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_VERIFY_H
#define GTM_VERIFY_H

/** @file verify.h State that the checks of check_config share, in verify.c and verify_secrets.c. */

#include "config/settings.h"

/** Characters of a client's secret (RFC 6749 10.10: not to be guessed). */
#define GTM_CLIENT_SECRET_LEAST 20

/** What the checks share, and found. */
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

/** Whether a key can be derived from the secret of the provider. */
void gtm_check_derived(const gtm_verdict_t *v, const gt_provider_conf_t *provider);

/** Whether the keyring can write for each purpose. */
void gtm_check_keyring(const gtm_verdict_t *v);

/** Whether a client's secret is there, and long enough that it cannot be guessed. */
void gtm_check_client_secret(const gtm_verdict_t *v, const gt_client_conf_t *client);

/** Whether the clients of a place with graphtok-exchange can have what their entries say. */
void gtm_check_exchange(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir);

/** " (virtual host NAME)" for a directive or mount inside of one, else "". */
const char *gtm_host_shown(const gtm_verdict_t *v, const server_rec *host);

/** Whether a provider's secrets and its authorities are there. */
void gtm_check_provider_files(const gtm_verdict_t *v, const gt_provider_conf_t *provider);

#endif
