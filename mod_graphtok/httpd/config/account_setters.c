/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The setters of directives of a <GraphTokAccount NAME>. They run as those of setters.c do. */

#include "config/setters.h"

#include <apr_strings.h>

const char *gtm_set_in_account(cmd_parms *cmd, void *dir, const char *arg)
{
    gt_account_conf_t *account = gtm_server(cmd->server)->in_account;

    (void)dir;
    if (account == NULL)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " must stand inside <GraphTokAccount NAME>",
                           NULL);
    return gtm_setter_set(cmd, account, gt_account_members, cmd->info, arg);
}

const char *gtm_list_in_account(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_account(cmd, dir, gtm_setter_joined(cmd, args));
}
