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

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "child/bearers.h"
#include "crypt/jwt.h"
#include "vault/cache.h"

#define LONGEST_FIELD 4096
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define SECRET_FRESH apr_time_from_sec(1)
#define LEEWAY_MOST apr_time_from_sec(300) /* the largest GraphTokJWTLeeway */

const char *const gtm_client_fields[] = {"Authorization", NULL};

static gt_err_t *malformed(const gtm_request_t *x, const char *detail)
{
    return gt_err(x->r->pool, GT_INVALID, "GT0885", "%s", detail);
}

static gt_err_t *refused(const gtm_request_t *x)
{
    gt_err_t *err = gt_err(x->r->pool, GT_FORBIDDEN, "GT0884",
                           "the client is not known here, or what it shows is wrong");

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

/* ---- what it shows ---- */

/** An id that only chooses the entry: the token is verified by what that says. */
static const char *id_in_token(const gt_secret_t *token, apr_pool_t *p)
{
    const json_t *claims = gt_jwt_claims(token, p);

    return claims != NULL ? gt_json_text(claims, "sub") : NULL;
}

/** A JWT, as Bearer or in the form. */
static gt_err_t *read_token(const char **id, gtm_client_auth_t *auth, const char *token)
{
    apr_pool_t *p = auth->x->r->pool;

    auth->bearer.token = gt_secret_from(token, p);
    if (*id == NULL)
        *id = id_in_token(auth->bearer.token, p);
    return *id != NULL ? GT_OK : refused(auth->x);
}

static gt_err_t *read_assertion(const char **id, gtm_client_auth_t *auth, const char *token)
{
    const char *type = apr_table_get(auth->x->form, "client_assertion_type");

    if (type == NULL || strcmp(type, ASSERTION_TYPE) != 0)
        return malformed(auth->x, "the client_assertion_type here is " ASSERTION_TYPE);
    auth->is_once = 1;
    return read_token(id, auth, token);
}

static gt_err_t *read_field(const char **id, gtm_client_auth_t *auth, const char *field)
{
    const char *in_form = *id;

    if (strncasecmp(field, "Bearer ", 7) == 0)
        return read_token(id, auth, field + 7 + strspn(field + 7, " "));
    if (strncasecmp(field, "Basic ", 6) != 0)
        return refused(auth->x);
    GT_TRY(read_basic(id, auth, field + 6));
    if (in_form != NULL && strcmp(in_form, *id) != 0)
        return malformed(auth->x, "client_id and the Authorization field name different clients");
    return GT_OK;
}

static gt_err_t *read_shown(const char **id, gtm_client_auth_t *auth)
{
    const gtm_request_t *x = auth->x;
    const char *field = apr_table_get(x->fields, "Authorization");
    const char *secret = apr_table_get(x->form, "client_secret");
    const char *assertion = apr_table_get(x->form, "client_assertion");

    *id = apr_table_get(x->form, "client_id");
    if ((field != NULL) + (secret != NULL) + (assertion != NULL) > 1)
        return malformed(x, "a client shows who it is in one way, not in two");
    if (assertion != NULL)
        return read_assertion(id, auth, assertion);
    if (field != NULL)
        return read_field(id, auth, field);
    auth->shown[0] = gt_secret_from(secret, x->r->pool);
    return *id != NULL && auth->shown[0] != NULL ? GT_OK : refused(x);
}

/* ---- whether it holds ---- */

/** An entry whose secret is compared: that of the id, or another one, so that it takes as long. */
static const gt_client_conf_t *compared_with(const gtm_client_auth_t *auth)
{
    const apr_array_header_t *all = auth->x->child->config->clients;

    if (auth->claimed != NULL && auth->claimed->secret != NULL)
        return auth->claimed;
    for (int i = 0; i < all->nelts; i++)
        if (APR_ARRAY_IDX(all, i, gt_client_conf_t *)->secret != NULL)
            return APR_ARRAY_IDX(all, i, gt_client_conf_t *);
    return NULL;
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_client_auth_t *auth = state;
    const gt_client_conf_t *compared;
    const char *id;

    auth->conf = NULL;
    GT_TRY(read_shown(&id, auth));
    auth->claimed = entry_of(auth->x, id);
    if (auth->bearer.token != NULL) {
        auth->bearer.bearer = auth->claimed != NULL && auth->claimed->jwt != NULL
                                  ? gtm_bearers_find(auth->x->child, auth->claimed->jwt)
                                  : NULL;
        if (auth->bearer.bearer == NULL)
            return refused(auth->x);
        gt_then_try(task, &gt_check_bearer, &auth->bearer, &auth->failure);
        return GT_OK;
    }
    compared = compared_with(auth);
    if (compared == NULL)
        return refused(auth->x);
    auth->read = (gt_read_t){.readers = gt_vault_parts(auth->x->child->vault)->readers,
                             .source = compared->secret,
                             .fresh = SECRET_FRESH};
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

static int secret_fits(const gtm_client_auth_t *auth)
{
    const gt_secret_t *secret = auth->read.secret;
    unsigned char expected[32];
    int fits;

    gt_secret_digest(expected, secret);
    fits = is_equal(auth->shown[0], expected);
    fits |= is_equal(auth->shown[1], expected);
    OPENSSL_cleanse(expected, sizeof(expected));
    return fits && gt_secret_len(secret) > 0 && auth->claimed != NULL &&
           auth->claimed->secret != NULL;
}

/** Use up an assertion with a jti, which is for one use (RFC 7523 section 3, 7). @return 0: it was
 * used before */
static int spend_assertion(const gtm_client_auth_t *auth)
{
    const json_t *claims = auth->bearer.claims;
    apr_pool_t *p = auth->x->r->pool;
    unsigned char digest[32];

    if (!auth->is_once || gt_json_text(claims, "jti") == NULL)
        return 1;
    gt_secret_digest(digest, auth->bearer.token);
    return gt_cache_once(gt_vault_parts(auth->x->child->vault)->cache,
                         apr_pstrcat(p, "client assertion ", gt_hex(digest, 32, p), NULL),
                         gt_jwt_ends_at(claims) - gt_now() + LEEWAY_MOST);
}

static int token_fits(const gtm_client_auth_t *auth)
{
    const gt_client_conf_t *conf = auth->claimed;

    return auth->failure == GT_OK &&
           strcmp(auth->bearer.user, conf->jwt_user != NULL ? conf->jwt_user : conf->name) == 0;
}

/** One look at the source a second is enough for a secret that fits; one that does not may be newer
 * than that look. Each wrong secret costs the same, also that of an unknown id. */
static gt_err_t *look_again(gt_task_t *task, void *state)
{
    gtm_client_auth_t *auth = state;

    if (auth->read.source == NULL)
        return GT_OK;
    auth->fits = secret_fits(auth);
    if (auth->fits)
        return GT_OK;
    auth->read.fresh = 0;
    gt_then(task, &gt_read, &auth->read);
    return GT_OK;
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gtm_client_auth_t *auth = state;
    int fits;

    (void)task;
    if (auth->failure != GT_OK && auth->failure->cls != GT_SIGN_IN)
        return auth->failure;
    fits = auth->bearer.token != NULL ? token_fits(auth) && spend_assertion(auth)
                                      : auth->fits || secret_fits(auth);
    if (!fits)
        return refused(auth->x);
    auth->conf = auth->claimed;
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, look_again, judge, NULL};
const gt_work_t gtm_client_authenticate = {"authenticate a client", steps, NULL};
