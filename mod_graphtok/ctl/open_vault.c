/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The vault of graphtokctl: no cache, a loop and a small crew of its own. The lease in the row
 * keeps its refreshes apart from those of httpd's children, as it keeps these apart from each
 * other.
 */

#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "net/loop.h"
#include "oauth/credentials.h"
#include "task/crew.h"
#include "task/wait.h"
#include "vault/holder.h"

#define CREW_THREADS 4
#define TRANSFERS 1024 /* as a child of httpd: background work keeps many under way */
#define HOST_CONNECTIONS 64
/* A refresh of ours, after a refresh of another process that this one waited for. */
#define LONGEST_WAIT apr_time_from_sec(660)

static gt_err_t *closed_to_us(const char *folder, const char *why, apr_pool_t *p)
{
    return gt_err(p, GT_FORBIDDEN, "GT0946",
                  "the journal in %s cannot be used by this user (%s): run graphtokctl as root or "
                  "as the user of httpd's children",
                  folder, why);
}

gt_err_t *ctl_journal(gt_journal_t **journal, const gt_config_t *config,
                      const apr_array_header_t *all, apr_pool_t *p)
{
    struct stat folder;

    *journal = NULL;
    if (config->journal == NULL || strcmp(config->journal, "off") == 0)
        return GT_OK;
    if (lstat(config->journal, &folder) != 0)
        return errno == ENOENT ? GT_OK : closed_to_us(config->journal, strerror(errno), p);
    if (!S_ISDIR(folder.st_mode) || (folder.st_mode & 077) != 0)
        return closed_to_us(config->journal, "it is no folder with mode 0700", p);
    /* The journal gives files that root writes there to the folder's owner. */
    if (folder.st_uid != geteuid() && geteuid() != 0)
        return closed_to_us(config->journal, "it is another user's", p);
    *journal = gt_journal_make(config->journal, gt_config_database(config, p), p);
    for (int i = 0; i < all->nelts; i++)
        gt_journal_judge_by(*journal, APR_ARRAY_IDX(all, i, const gt_keys_t *)->ring);
    return GT_OK;
}

/** Without the journal this process is another node to httpd's children, which would wait for its
 * lease if it died. */
static void take_journal(gt_vault_parts_t *parts, const apr_array_header_t *all, apr_pool_t *p)
{
    gt_err_t *err = ctl_journal(&parts->journal, parts->config, all, p);

    if (err != GT_OK)
        gt_log(GT_LOG_WARNING, err->tag, "%s", err->detail);
    parts->holder = gt_holder_name(parts->journal != NULL ? parts->config->journal : NULL, p);
}

/** httpd's dump has references of secrets; those that are "literal" or "exec:…" in it cannot be
 * read here. */
gt_err_t *ctl_demand_readable(const gt_source_t *source, const char *directive, apr_pool_t *p)
{
    if (source == NULL)
        return gt_err(p, GT_INVALID, "GT0940", "there is no %s", directive);
    if (gt_source_kind(source) == GT_FROM_FILE || gt_source_kind(source) == GT_FROM_ENV)
        return GT_OK;
    return gt_err(p, GT_INVALID, "GT0941",
                  "%s is %s: httpd shows that it is there, not what it is, so graphtokctl cannot "
                  "use it; keep it in a file and write file:PATH",
                  directive, gt_source_name(source));
}

gt_err_t *ctl_demand_credentials(const gt_provider_conf_t *provider, apr_pool_t *p)
{
    int found = 0;

    for (int s = 0; s < GT_PROVIDER_SOURCES; s++) {
        const char *directive;
        const gt_source_t *source = gt_provider_conf_source(provider, s, &directive);

        if (source == NULL || source == provider->proxy_login)
            continue;
        GT_TRY(ctl_demand_readable(source, directive, p));
        found++;
    }
    return found > 0 || provider->client_auth == GT_AUTH_NONE
               ? GT_OK
               : ctl_demand_readable(NULL, "GraphTokClientSecret", p);
}

int ctl_expiries(gt_expiry_t expiries[GT_EXPIRIES_MAX], const gt_provider_conf_t *provider,
                 apr_pool_t *p)
{
    gt_credentials_t *credentials = gt_credentials_make(provider, p);

    if (ctl_demand_credentials(provider, p) == GT_OK)
        gt_credentials_look(credentials, p);
    return gt_credentials_expiries(expiries, credentials);
}

int ctl_keys_are_ours(const gt_keys_t *keys, apr_pool_t *p)
{
    for (int i = 0; keys->sources != NULL && i < keys->sources->nelts; i++)
        if (ctl_demand_readable(APR_ARRAY_IDX(keys->sources, i, const gt_source_t *), "", p) !=
            GT_OK)
            return 0;
    return 1;
}

gt_err_t *ctl_keys_read(gt_keys_t *keys, apr_pool_t *p)
{
    for (int i = 0; keys->sources != NULL && i < keys->sources->nelts; i++)
        GT_TRY(ctl_demand_readable(
            APR_ARRAY_IDX(keys->sources, i, const gt_source_t *),
            keys->store == NULL ? "GraphTokKeyring"
                                : apr_pstrcat(p, "GraphTokKeyring of store ", keys->store, NULL),
            p));
    if (keys->sources == NULL && gt_keys_derived_from(keys->config) != NULL)
        GT_TRY(ctl_demand_credentials(gt_keys_derived_from(keys->config), p));
    return gt_keys_read(keys, p);
}

gt_err_t *ctl_keyring(gt_keyring_t **ring, const gt_config_t *config, apr_pool_t *p)
{
    gt_keys_t *keys = gt_keys_make(config, NULL, p);

    *ring = keys->ring;
    return ctl_keys_read(keys, p);
}

/** A store whose keyring cannot be read is closed to this process; all others are served. */
gt_err_t *ctl_keys_all(apr_array_header_t **all, const gt_config_t *config, apr_pool_t *p)
{
    *all = gt_keys_make_all(config, p);
    for (int i = 1; i < (*all)->nelts; i++) {
        gt_err_t *err = ctl_keys_read(APR_ARRAY_IDX(*all, i, gt_keys_t *), p);

        if (err != GT_OK)
            gt_log(GT_LOG_WARNING, err->tag, "%s", err->detail);
    }
    return ctl_keys_read(APR_ARRAY_IDX(*all, 0, gt_keys_t *), p);
}

static void give_rings(gt_vault_parts_t *parts, const apr_array_header_t *all, apr_pool_t *p)
{
    parts->ring = APR_ARRAY_IDX(all, 0, const gt_keys_t *)->ring;
    parts->rings = apr_hash_make(p);
    for (int i = 1; i < all->nelts; i++) {
        const gt_keys_t *keys = APR_ARRAY_IDX(all, i, const gt_keys_t *);

        apr_hash_set(parts->rings, keys->store, APR_HASH_KEY_STRING, keys->ring);
    }
}

/** An account's password that only httpd can have is masked in the dump. The mask is no password,
 * and must never be sent as one. */
static void leave_unreadable(const gt_config_t *config, apr_pool_t *p)
{
    for (int i = 0; i < config->accounts->nelts; i++) {
        gt_account_conf_t *account = APR_ARRAY_IDX(config->accounts, i, gt_account_conf_t *);

        if (account->password != NULL && ctl_demand_readable(account->password, "", p) != GT_OK)
            account->password = NULL;
    }
}

gt_err_t *ctl_vault_open(gt_vault_t **vault, const gt_config_t *config, apr_pool_t *p)
{
    const gt_loop_limits_t limits = {TRANSFERS, HOST_CONNECTIONS, gt_config_has_pins(config)};
    gt_vault_parts_t *parts = apr_pcalloc(p, sizeof(*parts));
    apr_array_header_t *all;

    parts->config = config;
    GT_TRY(ctl_keys_all(&all, config, p));
    give_rings(parts, all, p);
    GT_TRY(ctl_audit_start(config, APR_ARRAY_IDX(all, 0, const gt_keys_t *)->ring, p));
    for (int i = 0; i < config->providers->nelts; i++)
        GT_TRY(
            ctl_demand_credentials(APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *), p));
    leave_unreadable(config, p);
    GT_TRY(ctl_db(&parts->db, config, p));
    take_journal(parts, all, p);
    GT_TRY(gt_loop_start(&parts->loop, &limits, p));
    GT_TRY(gt_crew_start(&parts->crew, "gt-crew", CREW_THREADS, parts->loop, p));
    *vault = gt_vault_make(parts, p);
    return GT_OK;
}

gt_err_t *ctl_vault_wait(const gt_vault_t *vault, const gt_work_t *work, void *state, apr_pool_t *p)
{
    return gt_wait_run(work, state, gt_vault_parts(vault)->loop, LONGEST_WAIT, p);
}

void ctl_vault_close(gt_vault_t *vault, apr_pool_t *p)
{
    const gt_vault_parts_t *parts = gt_vault_parts(vault);

    gt_vault_stop(vault, 1);
    gt_vault_flush(vault, p);
    gt_loop_stop(parts->loop);
}
