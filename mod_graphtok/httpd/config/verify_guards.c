/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Checks of Require at places that answer without asking for a grant: the public sees health, and
 * administrators everything.
 */

#include "config/verify.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

/** 1 when a location serves one of some routes, with blanks between. */
static int serves_any(const gtm_dir_t *dir, const char *names, apr_pool_t *p)
{
    const apr_array_header_t *served =
        dir->routes != NULL ? gt_split(dir->routes, " ", p) : gt_split(names, " ", p);
    const apr_array_header_t *asked = gt_split(names, " ", p);

    for (int i = 0; i < served->nelts; i++)
        for (int k = 0; k < asked->nelts; k++)
            if (strcmp(APR_ARRAY_IDX(served, i, const char *),
                       APR_ARRAY_IDX(asked, k, const char *)) == 0)
                return 1;
    return 0;
}

/** Health without Require shows figures to all clients; readiness is no secret. */
void gtm_check_health(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    int counts = serves_any(dir, "tokens oauth-tokens", v->p);

    if (mount->has_require || !(counts || serves_any(dir, "overall health", v->p)))
        return;
    gtm_note(v->notes, mount->where,
             "SetHandler %s at %s without Require: the whole world can see whether provider and "
             "database are up%s%s",
             mount->handler, *mount->path != '\0' ? mount->path : "/",
             counts ? ", and how many users have signed in" : "", gtm_host_shown(v, mount->server));
}

/** Administration is served to users whom a Require lets in. */
void gtm_check_administration(const gtm_verdict_t *v, const gtm_mount_t *mount,
                              const gtm_dir_t *dir)
{
    if (dir->account != NULL)
        gtm_check_account_mount(v, mount, dir);
    if (!mount->wants_user)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: a Require that names the administrators must stand there, "
                 "for example AuthType Basic and Require user NAME; nothing is served without%s",
                 mount->handler, *mount->path != '\0' ? mount->path : "/",
                 gtm_host_shown(v, mount->server));
    else if (mount->lets_users_in)
        gtm_note(v->warnings, mount->where,
                 "SetHandler %s at %s: Require valid-user with AuthType GraphTok makes an "
                 "administrator of every user; write Require user NAME%s",
                 mount->handler, *mount->path != '\0' ? mount->path : "/",
                 gtm_host_shown(v, mount->server));
}
