/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Secrets and files as `httpd -t` finds them. No command is run, and a secret that is away stops
 * nothing.
 */

#include "config/verify.h"

#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/source.h"
#include "conf/client_secret.h"
#include "conf/expiry.h"
#include "conf/keys.h"
#include "crypt/keytext.h"
#include "config/child_user.h"
#include "crypt/client_key.h"

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

static void check_derived(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
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

/** The texts of all sources that can be read now, one behind the other. @return 0: one of them
 * cannot, or is no keyring */
static int read_keyring(gt_secret_t **text, const gtm_verdict_t *v, const char *where,
                        const apr_array_header_t *sources)
{
    *text = NULL;
    for (int i = 0; i < sources->nelts; i++) {
        gt_source_t *source = APR_ARRAY_IDX(sources, i, gt_source_t *);
        gt_secret_t *one;
        gt_keyring_t *ring;
        gt_err_t *err;

        gtm_look_at_secret(&one, v, where, "GraphTokKeyring", source);
        if (one == NULL)
            return 0;
        err = gt_keyring_parse(&ring, one, v->p);
        if (err != GT_OK) {
            gtm_note(v->faults, where, "GraphTokKeyring %s: %s", gt_source_name(source),
                     err->detail);
            return 0;
        }
        *text = *text == NULL ? one : gt_keytext_join(*text, one, v->p);
    }
    return 1;
}

/** @param where  FILE:LINE of the keyring, or of its store */
static void check_keyring(const gtm_verdict_t *v, const char *where,
                          const apr_array_header_t *sources)
{
    const gt_source_t *first = APR_ARRAY_IDX(sources, 0, const gt_source_t *);
    gt_secret_t *text;
    gt_keyring_t *ring;
    gt_err_t *err;

    if (!read_keyring(&text, v, where, sources))
        return;
    err = gt_keyring_parse(&ring, text, v->p);
    gt_secret_wipe(text);
    if (err != GT_OK) {
        gtm_note(v->faults, where, "GraphTokKeyring, all of them in a row: %s", err->detail);
        return;
    }
    for (int i = 0; i < GT_PURPOSES; i++) {
        if (gt_keyring_writer(ring, (gt_purpose_t)i) == NULL)
            gtm_note(
                v->faults, where,
                "GraphTokKeyring %s has no key for purpose %s: add one with graphtokctl genkey",
                gt_source_name(first), gt_purpose_name((gt_purpose_t)i));
    }
}

void gtm_check_keyrings(const gtm_verdict_t *v)
{
    const gt_config_t *config = v->server->config;
    const gt_provider_conf_t *derived_from = gt_keys_derived_from(config);

    if (derived_from != NULL)
        check_derived(v, derived_from);
    else if (config->providers->nelts > 0)
        check_keyring(v, v->keyring_where, config->keyring);
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        if (store->keyring != NULL)
            check_keyring(v, store->where, store->keyring);
    }
}

static void judge_client_secret(const gtm_verdict_t *v, const gt_provider_conf_t *provider,
                                const char *directive, const gt_source_t *source,
                                const gt_secret_t *secret)
{
    const char *fault = gt_client_secret_fault(secret, provider->kind == GT_KIND_MICROSOFT);

    if (fault != NULL)
        gtm_note(v->warnings, provider->where, "%s: %s %s", directive, gt_source_name(source),
                 fault);
}

static void check_tenant_secrets(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
{
    for (int i = 0; i < provider->tenant_clients->nelts; i++) {
        static const char directive[] = "GraphTokTenantClient";
        gt_source_t *source =
            APR_ARRAY_IDX(provider->tenant_clients, i, gt_tenant_client_t *)->client_secret;
        gt_secret_t *secret;

        gtm_look_at_secret(&secret, v, provider->where, directive, source);
        if (secret == NULL)
            continue;
        judge_client_secret(v, provider, directive, source, secret);
        gt_secret_wipe(secret);
    }
}

/** A start says it by itself, once a day (child/watch_credentials.h). */
static void tell_expiry(const gtm_verdict_t *v, const gt_provider_conf_t *provider,
                        const char *what, apr_time_t at)
{
    const gt_expiry_t expiry = {what, at};
    int is_over;
    const char *alarm =
        v->is_test && at != 0 ? gt_expiry_alarm(&is_over, &expiry, provider, gt_now(), v->p) : NULL;

    if (alarm != NULL)
        gtm_note(v->warnings, provider->where, "%s", alarm);
}

/** Whether certificate and key belong together, and the provider takes their kind. */
static void judge_pair(const gtm_verdict_t *v, const gt_provider_conf_t *provider,
                       const gt_secret_t *certificate, const gt_secret_t *private_key)
{
    gt_client_key_t *key;
    gt_err_t *err = gt_client_key_make(&key, certificate, private_key, v->p);

    if (err != GT_OK) {
        gtm_note(v->faults, provider->where, "GraphTokClientCertificate %s: %s",
                 gt_source_name(provider->certificate), err->detail);
        return;
    }
    if (provider->kind == GT_KIND_MICROSOFT && gt_client_key_algorithm(key, "PS256") == NULL)
        gtm_note(v->faults, provider->where,
                 "GraphTokClientCertificate %s: Microsoft takes certificates of RSA keys alone",
                 gt_source_name(provider->certificate));
    if (gt_client_key_begins(key) > gt_now())
        gtm_note(v->warnings, provider->where,
                 "GraphTokClientCertificate %s: the certificate is valid from %s on, and refused "
                 "until then",
                 gt_source_name(provider->certificate),
                 gt_rfc3339(gt_client_key_begins(key), v->p));
    tell_expiry(v, provider, "certificate", gt_client_key_ends(key));
    gt_client_key_release(key);
}

static void judge_token(const gtm_verdict_t *v, const gt_provider_conf_t *provider,
                        const gt_secret_t *token)
{
    apr_int64_t left;
    gt_err_t *err =
        gt_client_token_left(&left, token, gt_source_name(provider->client_assertion), v->p);

    if (err != GT_OK)
        gtm_note(v->warnings, provider->where, "%s", err->detail);
}

void gtm_check_client_secret(const gtm_verdict_t *v, const gt_client_conf_t *client)
{
    const char *fault;
    gt_secret_t *secret;

    gtm_look_at_secret(&secret, v, client->where, "GraphTokClientSecret", client->secret);
    if (secret == NULL)
        return;
    if (gt_secret_len(secret) < GTM_CLIENT_SECRET_LEAST)
        gtm_note(v->faults, client->where,
                 "client %s: its secret has %" APR_SIZE_T_FMT " characters, and with fewer than %d "
                 "it can be guessed; make one with `openssl rand -hex 32`",
                 client->name, gt_secret_len(secret), GTM_CLIENT_SECRET_LEAST);
    fault = gt_client_secret_fault(secret, 0);
    if (fault != NULL)
        gtm_note(v->warnings, client->where, "client %s: its secret %s %s", client->name,
                 gt_source_name(client->secret), fault);
    gt_secret_wipe(secret);
}

/** 1 when a file has an authority, by which servers can be verified. */
static int has_authority(const char *path)
{
    X509_STORE *store = X509_STORE_new();
    int has = store != NULL && X509_STORE_load_file(store, path) == 1;

    X509_STORE_free(store);
    ERR_clear_error();
    return has;
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
    else if (access(ca_file, R_OK) == 0 && !has_authority(ca_file))
        gtm_note(v->faults, where,
                 "GraphTokCAFile: %s holds no certificate in PEM, so that no server can be "
                 "verified by it",
                 ca_file);
}

void gtm_check_provider_files(const gtm_verdict_t *v, const gt_provider_conf_t *provider)
{
    gt_secret_t *read[GT_PROVIDER_SOURCES] = {NULL};
    gt_source_t *source;

    for (int s = 0; s < GT_PROVIDER_SOURCES; s++) {
        const char *directive;

        source = gt_provider_conf_source(provider, s, &directive);
        gtm_look_at_secret(&read[s], v, provider->where, directive, source);
        if (read[s] == NULL)
            continue;
        if (source == provider->client_secret || source == provider->spare_secret)
            judge_client_secret(v, provider, directive, source, read[s]);
        else if (source == provider->certificate_key && read[s - 1] != NULL)
            judge_pair(v, provider, read[s - 1], read[s]);
        else if (source == provider->client_assertion)
            judge_token(v, provider, read[s]);
    }
    for (int s = 0; s < GT_PROVIDER_SOURCES; s++)
        if (read[s] != NULL)
            gt_secret_wipe(read[s]);
    check_tenant_secrets(v, provider);
    tell_expiry(v, provider, "secret", gt_secret_expires(provider));
    gtm_check_ca_file(v, provider->where, provider->ca_file);
}
