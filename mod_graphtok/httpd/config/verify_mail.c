/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The part of check_config that is about mail: rules of triage are read here, once for all
 * children, so that a mistake in them is found where mistakes in the configuration are.
 */

#include "config/verify.h"

#include <string.h>

#include "base/err.h"
#include "config/setters.h"
#include "config/tree.h"
#include "net/mail_server.h"
#include "triage/rules.h"

/** Where the directive stands that names the rules. */
typedef struct place_t {
    const gtm_verdict_t *v;
    const char *where;
} place_t;

static void visit(void *baton, const ap_directive_t *node)
{
    place_t *place = baton;

    if (gtm_tree_is(node, "GraphTokTriageRules"))
        place->where = gtm_where(node, place->v->p);
}

void gtm_check_triage(const gtm_verdict_t *v)
{
    place_t place = {v, NULL};
    gt_err_t *err = gt_triage_load(&v->server->triage, v->server->config->triage_rules, v->p);

    if (err == GT_OK)
        return;
    gtm_tree_each(visit, &place);
    gtm_note(v->errors, place.where, "GraphTokTriageRules: %s: %s", err->tag, err->detail);
}

static int keeps_mail(const gtm_verdict_t *v, const gtm_dir_t *dir)
{
    const gt_store_conf_t *store =
        dir->store != NULL ? gt_config_store(v->server->config, dir->store) : NULL;

    return store != NULL && store->mail_sync;
}

void gtm_check_mail(const gtm_verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const gt_provider_conf_t *provider =
        dir->provider != NULL ? gt_config_provider(v->server->config, dir->provider) : NULL;

    if (strcmp(mount->handler, "graphtok-mail") != 0 || provider == NULL ||
        provider->kind == GT_KIND_MICROSOFT || keeps_mail(v, dir))
        return;
    gtm_note(
        v->errors, mount->where,
        "SetHandler %s at %s: provider %s is of another GraphTokKind than microsoft, so that its "
        "mail comes from a kept copy alone: GraphTokMailSync on in <GraphTokStore %s>%s",
        mount->handler, mount->path[0] != '\0' ? mount->path : "/", provider->name,
        dir->store != NULL ? dir->store : "main", gtm_host_shown(v, mount->server));
}

static void check_port(const gtm_verdict_t *v, const gt_provider_conf_t *provider,
                       const char *directive, const char *url, const char *protocol)
{
    const char *meant = url != NULL ? gt_mail_server_meant(url, protocol, v->p) : NULL;

    if (meant != NULL)
        gtm_note(v->warnings, provider->where,
                 "provider %s: %s %s: this port has TLS %s; %s is likely meant", provider->name,
                 directive, url,
                 strncmp(meant + strlen(protocol), "s:", 2) == 0 ? "from the first byte"
                                                                 : "by STARTTLS",
                 meant);
}

void gtm_check_mail_servers(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
{
    check_port(v, provider, "GraphTokIMAP", provider->imap, "imap");
    check_port(v, provider, "GraphTokSMTP", provider->smtp, "smtp");
}
