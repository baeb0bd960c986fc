/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Checks of accounts, and of the places that use one. Such a place serves the account's data to
 * each request that httpd lets in, so httpd must be told which those are.
 */

#include "config/verify.h"

#include <string.h>

#include "base/secret.h"
#include "config/access.h"
#include "config/mounts.h"
#include "config/setters.h"
#include "config/tree.h"

#define PASSWORD_MOST 256 /* characters, at Entra */

static void check_password(const gtm_verdict_t *v, const gt_account_conf_t *account)
{
    gt_secret_t *password;

    gtm_look_at_secret(&password, v, account->where, "GraphTokAccountPassword", account->password);
    if (password == NULL)
        return;
    if (gt_secret_len(password) == 0 || gt_secret_len(password) > PASSWORD_MOST)
        gtm_note(v->faults, account->where,
                 "account %s: its password has %" APR_SIZE_T_FMT " characters; one of 1 to %d is "
                 "taken",
                 account->name, gt_secret_len(password), PASSWORD_MOST);
    gt_secret_wipe(password);
}

/* GraphTokUseAccount NAME */
static void visit(void *baton, const ap_directive_t *node)
{
    const gtm_verdict_t *v = baton;
    const server_rec *host = gtm_tree_host(node, v->s);
    const char *args = node->args, *why = NULL, *name, *path;

    if (!gtm_tree_is(node, "GraphTokUseAccount"))
        return;
    name = gtm_tree_word(&args, v->p);
    if (gt_config_account(v->server->config, name) == NULL)
        gtm_note(v->errors, gtm_where(node, v->p),
                 "GraphTokUseAccount: there is no <GraphTokAccount %s>%s", name,
                 gtm_host_shown(v, host));
    path = gtm_mounts_path(&why, node, v->p);
    if (path == NULL || *path == '\0')
        gtm_note(v->errors, gtm_where(node, v->p),
                 "GraphTokUseAccount must stand in a <Location \"/path\">%s",
                 gtm_host_shown(v, host));
    else if (!gtm_access_is_guarded(gtm_access_find(v->s, v->p), host, path))
        gtm_note(v->errors, gtm_where(node, v->p),
                 "GraphTokUseAccount %s at %s without Require: every client would act as this "
                 "account; say which may (Require valid-user, Require ip …)%s",
                 name, path, gtm_host_shown(v, host));
}

void gtm_check_accounts(const gtm_verdict_t *v)
{
    const apr_array_header_t *accounts = v->server->config->accounts;

    for (int i = 0; i < accounts->nelts; i++)
        check_password(v, APR_ARRAY_IDX(accounts, i, const gt_account_conf_t *));
    gtm_tree_each(visit, (void *)v);
}

void gtm_check_account_mount(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    if (strcmp(mount->handler, "graphtok-calendar") != 0)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: it does not serve an account's grant (GraphTokUseAccount "
                 "%s); graphtok-calendar does%s",
                 mount->handler, mount->path, dir->account, gtm_host_shown(v, mount->server));
}
