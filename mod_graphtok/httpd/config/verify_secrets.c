/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Secrets and files as `httpd -t` finds them. No command is run, and a secret that is away stops
 * nothing.
 */

#include "config/verify.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/source.h"
#include "conf/client_secret.h"
#include "conf/keys.h"
#include "config/child_user.h"

void gtm_look_at_secret(gt_secret_t **secret, const gtm_verdict_t *v, const char *where,
                        const char *directive, gt_source_t *source)
{
    const char *path = source != NULL ? gt_source_path(source) : NULL;
    gt_err_t *err;
    struct stat file;

    *secret = NULL;
    if (source == NULL || gt_source_kind(source) == GT_FROM_EXEC)
        return;
    if (path != NULL && stat(path, &file) != 0) {
        gtm_note(v->warnings, where,
                 "%s: %s cannot be found now; it is looked for again when needed", directive, path);
        return;
    }
    err = gt_source_read(secret, source, v->p);
    /* Without root this process may lack a permission or a variable that httpd will have. */
    if (err != GT_OK)
        gtm_note(path != NULL && geteuid() == 0 ? v->faults : v->warnings, where, "%s: %s",
                 directive, err->detail);
    else if (path != NULL && geteuid() == 0 && !gtm_child_may(&file, S_IROTH))
        gtm_note(v->notes, where,
                 "%s: user %s cannot read %s, so a changed one is seen at a restart", directive,
                 gtm_child_user(v->p), path);
}

void gtm_check_derived(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
{
    gt_secret_t *secret, *line;
    gt_err_t *err;

    gtm_look_at_secret(&secret, v, provider->where, "GraphTokClientSecret",
                       provider->client_secret);
    if (secret == NULL)
        return;
    err = gt_keyring_derive(&line, secret, v->p);
    gt_secret_wipe(secret);
    if (err != GT_OK)
        gtm_note(v->faults, provider->where, "provider %s, without GraphTokKeyring: %s",
                 provider->name, err->detail);
    else
        gt_secret_wipe(line);
}

void gtm_check_keyring(const gtm_verdict_t *v)
{
    gt_source_t *source = v->server->config->keyring;
    const char *where = v->keyring_where;
    gt_secret_t *text;
    gt_keyring_t *ring;
    gt_err_t *err;

    gtm_look_at_secret(&text, v, where, "GraphTokKeyring", source);
    if (text == NULL)
        return;
    err = gt_keyring_parse(&ring, text, v->p);
    gt_secret_wipe(text);
    if (err != GT_OK) {
        gtm_note(v->faults, where, "GraphTokKeyring %s: %s", gt_source_name(source), err->detail);
        return;
    }
    for (int i = 0; i < GT_PURPOSES; i++) {
        if (gt_keyring_writer(ring, (gt_purpose_t)i) == NULL)
            gtm_note(
                v->faults, where,
                "GraphTokKeyring %s has no key for purpose %s: add one with graphtokctl genkey",
                gt_source_name(source), gt_purpose_name((gt_purpose_t)i));
    }
}

static void check_client_secret(const gtm_verdict_t *v, const gt_provider_conf_t *provider,
                                const char *directive, gt_source_t *source)
{
    gt_secret_t *secret;
    const char *fault;

    gtm_look_at_secret(&secret, v, provider->where, directive, source);
    if (secret == NULL)
        return;
    fault = gt_client_secret_fault(secret, provider->kind == GT_KIND_MICROSOFT);
    if (fault != NULL)
        gtm_note(v->warnings, provider->where, "%s: %s %s", directive, gt_source_name(source),
                 fault);
    gt_secret_wipe(secret);
}

static void check_tenant_secrets(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
{
    for (int i = 0; i < provider->tenant_clients->nelts; i++)
        check_client_secret(
            v, provider, "GraphTokTenantClient",
            APR_ARRAY_IDX(provider->tenant_clients, i, gt_tenant_client_t *)->client_secret);
}

void gtm_check_client_secret(const gtm_verdict_t *v, const gt_client_conf_t *client)
{
    gt_secret_t *secret;

    gtm_look_at_secret(&secret, v, client->where, "GraphTokClientSecret", client->secret);
    if (secret == NULL)
        return;
    if (gt_secret_len(secret) < GTM_CLIENT_SECRET_LEAST)
        gtm_note(v->faults, client->where,
                 "client %s: its secret has %" APR_SIZE_T_FMT " characters, and with fewer than %d "
                 "it can be guessed; make one with `openssl rand -hex 32`",
                 client->name, gt_secret_len(secret), GTM_CLIENT_SECRET_LEAST);
    gt_secret_wipe(secret);
}

void gtm_check_ca_file(const gtm_verdict_t *v, const char *where, const char *ca_file)
{
    struct stat file;

    if (ca_file == NULL)
        return;
    if (stat(ca_file, &file) != 0 || !S_ISREG(file.st_mode))
        gtm_note(v->errors, where, "GraphTokCAFile: there is no file %s", ca_file);
    else if (!gtm_child_may(&file, S_IROTH))
        gtm_note(v->warnings, where, "GraphTokCAFile: the user %s cannot read %s",
                 gtm_child_user(v->p), ca_file);
}

void gtm_check_provider_files(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
{
    gt_secret_t *secret;

    check_client_secret(v, provider, "GraphTokClientSecret", provider->client_secret);
    check_tenant_secrets(v, provider);
    gtm_look_at_secret(&secret, v, provider->where, "GraphTokProxy", provider->proxy_login);
    if (secret != NULL)
        gt_secret_wipe(secret);
    gtm_check_ca_file(v, provider->where, provider->ca_file);
}
