/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file verify_graph.c What httpd -t says of a graphtok-graph location. */

#include "config/verify.h"

#include <string.h>

#include "conf/allow.h"

static int wants_claims(const gtm_dir_t *dir)
{
    for (int i = 0; i < dir->allow->nelts; i++)
        if (APR_ARRAY_IDX(dir->allow, i, gt_allow_t).claims != NULL)
            return 1;
    return 0;
}

void gtm_check_graph(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const gt_provider_conf_t *provider =
        dir->provider != NULL ? gt_config_provider(v->server->config, dir->provider) : NULL;
    const char *host = gtm_host_shown(v, mount->server);

    if (strcmp(mount->handler, "graphtok-graph") != 0)
        return;
    if (provider != NULL && provider->kind != GT_KIND_MICROSOFT)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: provider %s is not of GraphTokKind microsoft and has no "
                 "Microsoft Graph%s",
                 mount->handler, mount->path, provider->name, host);
    if (dir->allow == NULL)
        gtm_note(v->warnings, mount->where,
                 "SetHandler %s at %s without GraphTokAllow: every request is refused; write which "
                 "are not, such as GraphTokAllow GET /me/calendar/**%s",
                 mount->handler, mount->path, host);
    else if (wants_claims(dir) && dir->caller_from != GT_CALLER_JWT && dir->use_jwt == NULL)
        gtm_note(v->warnings, mount->where,
                 "SetHandler %s at %s: a GraphTokAllow with claim: never holds, since callers show "
                 "no token here: write GraphTokUser jwt NAME, or AuthType GraphTok and "
                 "GraphTokUseJWT NAME%s",
                 mount->handler, mount->path, host);
}
