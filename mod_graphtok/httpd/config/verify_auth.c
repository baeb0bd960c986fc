/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Checks of places where users sign in: several providers, and redirect addresses elsewhere. */

#include "config/verify.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "net/url.h"

static const char *path_of(const gtm_mount_t *mount)
{
    return *mount->path != '\0' ? mount->path : "/";
}

/** A session is one provider's, and so is the user that it names. */
static void check_sessions(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    if (dir->caller_from != GT_CALLER_SESSION || dir->providers == NULL ||
        strchr(dir->providers, ' ') == NULL)
        return;
    gtm_note(
        v->errors, mount->where,
        "SetHandler %s at %s: GraphTokUseProvider names several, and each would know its users "
        "by another name: say with GraphTokUser (jwt, remote-user, static or expr=) who the "
        "user is, or mount %s once for each provider%s",
        mount->handler, path_of(mount), mount->handler, gtm_host_shown(v, mount->server));
}

/** 1 when an origin is the public address, or has the name of a server here. */
static int is_ours(const gtm_verdict_t *v, const gtm_mount_t *mount, const char *origin)
{
    const char *ours = v->server->config->public_url, *host = strstr(origin, "://") + 3;

    if (ours != NULL)
        return strcmp(origin, gt_url_origin(ours, v->p)) == 0;
    for (const server_rec *s = v->s; s != NULL; s = s->next) {
        if (s->server_hostname == NULL || (mount->server != NULL && mount->server != s))
            continue;
        if (strcasecmp(host, s->server_hostname) == 0 ||
            strcasecmp(host, apr_psprintf(v->p, "%s:%d", s->server_hostname, s->port)) == 0)
            return 1;
    }
    return 0;
}

/** The page of another origin has to be let in. */
static void check_page(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir,
                       const gt_provider_conf_t *provider)
{
    const char *page;

    if (provider == NULL || provider->redirect_uri == NULL)
        return;
    page = gt_url_origin(provider->redirect_uri, v->p);
    if (page == NULL || (dir->origins != NULL && gt_has_word(dir->origins, page)) ||
        is_ours(v, mount, page))
        return;
    gtm_note(
        v->warnings, mount->where,
        "SetHandler %s at %s: GraphTokRedirectURI of provider %s is a page of %s, whose script "
        "cannot read the answer of the callback: write GraphTokAllowOrigin %s there%s",
        mount->handler, path_of(mount), provider->name, page, page,
        gtm_host_shown(v, mount->server));
}

void gtm_check_auth(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const apr_array_header_t *names;

    if (strcmp(mount->handler, "graphtok-auth") != 0 || dir->providers == NULL)
        return;
    check_sessions(v, mount, dir);
    names = gt_split(dir->providers, " ", v->p);
    for (int i = 0; i < names->nelts; i++)
        check_page(v, mount, dir,
                   gt_config_provider(v->server->config, APR_ARRAY_IDX(names, i, const char *)));
}
