/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file client.c
 * Authenticating a client of token exchange. Secrets are compared by their digests, in constant
 * time. For an unknown id the secret of another entry is compared, and the client refused all the
 * same.
 */

#include "caller/client.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <openssl/crypto.h>

#include "base/secret.h"
#include "base/text.h"

#define LONGEST_FIELD 4096

const char *const gtm_client_fields[] = {"Authorization", NULL};

static gt_err_t *malformed(const gtm_request_t *x, const char *detail)
{
    return gt_err(x->r->pool, GT_INVALID, "GT0885", "%s", detail);
}

static gt_err_t *refused(const gtm_request_t *x)
{
    gt_err_t *err = gt_err(x->r->pool, GT_FORBIDDEN, "GT0884",
                           "the client is not known here, or its secret is wrong");

    err->status = HTTP_UNAUTHORIZED;
    err->oauth_error = "invalid_client";
    return err;
}

/** The entry of an id, where this place lets it ask. */
static const gt_client_conf_t *entry_of(const gtm_request_t *x, const char *id)
{
    const char *names = x->dir->clients;

    return names == NULL || gt_has_word(names, id) ? gt_config_client(x->child->config, id) : NULL;
}

/** "Basic" and base64 of "id:secret", both form-encoded (RFC 6749 2.3.1). Many programs leave that
 * encoding out (RFC 7617), so the secret may be meant as it stands, too. */
static gt_err_t *read_basic(const char **id, gtm_client_auth_t *auth, const char *field)
{
    apr_pool_t *p = auth->x->r->pool;
    unsigned char *bytes;
    apr_size_t len;
    char *colon, *name, *secret;

    while (*field == ' ')
        field++;
    if (strlen(field) > LONGEST_FIELD ||
        !gt_base64_decode(&bytes, &len, field, strlen(field), 1, p))
        return malformed(auth->x, "the Authorization field is no Basic credentials");
    gt_wipe_with_pool(bytes, len, p);
    colon = memchr(bytes, ':', len);
    if (colon == NULL || memchr(bytes, '\0', len) != NULL ||
        !gt_unpercent(&name, (const char *)bytes, (apr_size_t)(colon - (char *)bytes), p))
        return malformed(auth->x, "the Authorization field is no Basic credentials");
    *id = name;
    auth->shown[0] = gt_secret_from(colon + 1, p);
    if (gt_unpercent(&secret, colon + 1, strlen(colon + 1), p)) {
        gt_wipe_with_pool(secret, strlen(secret), p);
        auth->shown[1] = gt_secret_from(secret, p);
    }
    return GT_OK;
}

static gt_err_t *read_shown(const char **id, gtm_client_auth_t *auth)
{
    const gtm_request_t *x = auth->x;
    const char *field = apr_table_get(x->fields, "Authorization");
    const char *in_form = apr_table_get(x->form, "client_id");
    const char *secret = apr_table_get(x->form, "client_secret");

    *id = in_form;
    if (field != NULL && secret != NULL)
        return malformed(x, "a client shows its secret in one way, not in two");
    if (field != NULL && strncasecmp(field, "Basic ", 6) != 0)
        return refused(x);
    if (field != NULL)
        GT_TRY(read_basic(id, auth, field + 6));
    else
        auth->shown[0] = gt_secret_from(secret, x->r->pool);
    if (field != NULL && in_form != NULL && strcmp(in_form, *id) != 0)
        return malformed(x, "client_id and the Authorization field name different clients");
    return *id != NULL && auth->shown[0] != NULL ? GT_OK : refused(x);
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_client_auth_t *auth = state;
    const gt_config_t *config = auth->x->child->config;
    const gt_client_conf_t *compared;
    const char *id;

    auth->conf = NULL;
    GT_TRY(read_shown(&id, auth));
    auth->claimed = entry_of(auth->x, id);
    compared = auth->claimed;
    for (int i = 0; compared == NULL && i < config->clients->nelts; i++)
        compared = APR_ARRAY_IDX(config->clients, i, gt_client_conf_t *);
    if (compared == NULL)
        return refused(auth->x);
    auth->read = (gt_read_t){.readers = gt_vault_parts(auth->x->child->vault)->readers,
                             .source = compared->secret};
    gt_then(task, &gt_read, &auth->read);
    return GT_OK;
}

static int is_equal(const gt_secret_t *shown, const unsigned char expected[32])
{
    unsigned char digest[32];

    if (shown == NULL)
        return 0;
    gt_secret_digest(digest, shown);
    return CRYPTO_memcmp(digest, expected, sizeof(digest)) == 0;
}

static gt_err_t *compare(gt_task_t *task, void *state)
{
    gtm_client_auth_t *auth = state;
    const gt_secret_t *secret = auth->read.secret;
    unsigned char expected[32];
    int fits;

    (void)task;
    gt_secret_digest(expected, secret);
    fits = is_equal(auth->shown[0], expected);
    fits |= is_equal(auth->shown[1], expected);
    OPENSSL_cleanse(expected, sizeof(expected));
    if (!fits || gt_secret_len(secret) == 0 || auth->claimed == NULL)
        return refused(auth->x);
    auth->conf = auth->claimed;
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, compare, NULL};
const gt_work_t gtm_client_authenticate = {"authenticate a client", steps, NULL};
