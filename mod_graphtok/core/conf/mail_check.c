/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_check.c A copy of mail that nothing would fill is no fault, but rarely meant. */

#include "conf/mail_check.h"

#include <string.h>

#include <apr_strings.h>

#include "conf/cloud.h"

#define OUTLOOK_IMAP "IMAP.AccessAsUser.All"

static void warn(apr_array_header_t *warnings, const char *where, const char *text, apr_pool_t *p)
{
    APR_ARRAY_PUSH(warnings, const char *) =
        where != NULL ? apr_pstrcat(p, where, ": ", text, NULL) : text;
}

static void check_store(const gt_config_t *config, const gt_store_conf_t *store,
                        apr_array_header_t *warnings, apr_pool_t *p)
{
    if (store->mail_sync && !config->background)
        warn(warnings, store->where,
             apr_psprintf(p,
                          "store %s has GraphTokMailSync on, and with GraphTokBackground off this "
                          "server synchronises no mail: `graphtokctl sync` does, or another server "
                          "at this database",
                          store->name),
             p);
}

/* Microsoft names the servers of the global cloud alone for certain. */
static void check_provider(const gt_provider_conf_t *provider, apr_array_header_t *warnings,
                           apr_pool_t *p)
{
    if (provider->kind == GT_KIND_MICROSOFT && provider->imap == NULL && provider->scope != NULL &&
        strstr(provider->scope, OUTLOOK_IMAP) != NULL)
        warn(warnings, provider->where,
             apr_psprintf(p,
                          "provider %s: the mail servers of GraphTokCloud %s are not known here: "
                          "write GraphTokIMAP and GraphTokSMTP, or sign-ins make no mail account",
                          provider->name, gt_cloud_word(provider->cloud)),
             p);
}

void gt_mail_check(const gt_config_t *config, apr_array_header_t *warnings, apr_pool_t *p)
{
    int keeps_mail = 0;

    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        keeps_mail |= store->mail_sync;
        check_store(config, store, warnings, p);
    }
    for (int i = 0; keeps_mail && i < config->providers->nelts; i++)
        check_provider(APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *), warnings, p);
}
