/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file credentials.c
 * One lock, held for memory operations only: a pair is made without it, perhaps by two threads at
 * once, of which the later one counts.
 */

#include "oauth/credentials.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/notice.h"
#include "base/pool.h"
#include "base/secret.h"
#include "base/source.h"
#include "conf/client_secret.h"

#define FIRST_AGAIN apr_time_from_sec(300)
#define PASSES_AFTER apr_time_from_sec(5)
#define DIGEST_LEN GT_CLIENT_KEY_DIGEST

struct gt_credentials_t {
    const gt_provider_conf_t *conf;
    apr_thread_mutex_t *lock;         /* guards what follows */
    gt_client_key_t *key;             /* the last pair that can be used, or NULL */
    unsigned char digest[DIGEST_LEN]; /* of what it was made from */
    unsigned char unfit[DIGEST_LEN];  /* of what could not be used and was told, or 0 */
    apr_pool_t *token_pool;           /* of the next, or NULL: there is none */
    gt_secret_t *token;               /* the last federated token that could be used */
    int tells_token;                  /* 1: the one before is in use, and that was told */
    int uses_spare;                   /* 1: of two secrets the provider takes the second */
    apr_time_t first_again;           /* ticks: the first is tried again */
};

static apr_status_t drop_all(void *baton)
{
    const gt_credentials_t *credentials = baton;

    gt_client_key_release(credentials->key);
    if (credentials->token_pool != NULL)
        apr_pool_destroy(credentials->token_pool);
    return APR_SUCCESS;
}

gt_credentials_t *gt_credentials_make(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    gt_credentials_t *credentials = apr_pcalloc(p, sizeof(*credentials));

    credentials->conf = conf;
    if (apr_thread_mutex_create(&credentials->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, credentials, drop_all, apr_pool_cleanup_null);
    return credentials;
}

static gt_err_t *passes(gt_err_t *err)
{
    err->status = 503;
    err->retry_after = PASSES_AFTER;
    return err;
}

/* ---- certificate and key ---- */

/** The pair that is kept, if it was made from this, or if this is known to be unfit. */
static const gt_client_key_t *find(gt_credentials_t *c, const unsigned char digest[DIGEST_LEN],
                                   apr_pool_t *p)
{
    const gt_client_key_t *key = NULL;

    apr_thread_mutex_lock(c->lock);
    if (c->key != NULL &&
        (memcmp(digest, c->digest, DIGEST_LEN) == 0 || memcmp(digest, c->unfit, DIGEST_LEN) == 0))
        key = gt_client_key_hold(c->key, p);
    apr_thread_mutex_unlock(c->lock);
    return key;
}

static const gt_client_key_t *take_pair(gt_credentials_t *c, gt_client_key_t *fresh,
                                        const unsigned char digest[DIGEST_LEN], apr_pool_t *p)
{
    const gt_client_key_t *key = gt_client_key_hold(fresh, p);
    gt_client_key_t *old;

    apr_thread_mutex_lock(c->lock);
    old = c->key;
    c->key = fresh;
    memcpy(c->digest, digest, DIGEST_LEN);
    memset(c->unfit, 0, DIGEST_LEN);
    apr_thread_mutex_unlock(c->lock);
    gt_client_key_release(old);
    if (old != NULL)
        gt_log(GT_LOG_NOTICE, NULL, "provider %s: another client certificate, %s, valid until %s",
               c->conf->name, gt_client_key_thumbprint(key),
               gt_rfc3339(gt_client_key_ends(key), p));
    return key;
}

/** Go on with the pair of before, if there is one. */
static gt_err_t *make_do(const gt_client_key_t **key, gt_credentials_t *c,
                         const unsigned char digest[DIGEST_LEN], gt_err_t *err, apr_pool_t *p)
{
    apr_thread_mutex_lock(c->lock);
    if (c->key != NULL) {
        memcpy(c->unfit, digest, DIGEST_LEN);
        *key = gt_client_key_hold(c->key, p);
    }
    apr_thread_mutex_unlock(c->lock);
    if (*key == NULL)
        return passes(gt_err_in(err, "provider %s: GraphTokClientCertificate", c->conf->name));
    gt_log(GT_LOG_WARNING, "GT0557",
           "provider %s: GraphTokClientCertificate changed and cannot be used, certificate and key "
           "read before are: %s",
           c->conf->name, err->detail);
    return GT_OK;
}

gt_err_t *gt_credentials_key(const gt_client_key_t **key, gt_credentials_t *credentials,
                             const gt_secret_t *certificate, const gt_secret_t *private_key,
                             apr_pool_t *p)
{
    unsigned char digest[DIGEST_LEN];
    gt_client_key_t *fresh;
    gt_err_t *err;

    gt_client_key_digest(digest, certificate, private_key);
    *key = find(credentials, digest, p);
    if (*key != NULL)
        return GT_OK;
    err = gt_client_key_make(&fresh, certificate, private_key, p);
    if (err != GT_OK)
        return make_do(key, credentials, digest, err, p);
    *key = take_pair(credentials, fresh, digest, p);
    return GT_OK;
}

/* ---- a federated token ---- */

/** With the lock. */
static void keep_token(gt_credentials_t *c, const gt_secret_t *token)
{
    c->tells_token = 0;
    if (c->token != NULL && gt_secret_equal(c->token, token))
        return;
    if (c->token_pool != NULL)
        apr_pool_destroy(c->token_pool);
    c->token_pool = gt_pool_make(NULL, "gt_credentials");
    c->token = gt_secret_dup(token, c->token_pool);
}

gt_err_t *gt_credentials_token(gt_secret_t **token, apr_int64_t *left,
                               gt_credentials_t *credentials, const gt_secret_t *read,
                               apr_pool_t *p)
{
    const char *name = gt_source_name(credentials->conf->client_assertion);
    gt_err_t *err = gt_client_token_left(left, read, name, p);
    int tells = 0;

    *token = gt_secret_dup(read, p);
    apr_thread_mutex_lock(credentials->lock);
    if (err == GT_OK) {
        keep_token(credentials, read);
    }
    else {
        *token = gt_secret_dup(credentials->token, p);
        tells = !credentials->tells_token;
        credentials->tells_token = 1;
    }
    apr_thread_mutex_unlock(credentials->lock);
    if (err == GT_OK || *token == NULL || gt_client_token_left(left, *token, name, p) != GT_OK)
        return err;
    if (tells)
        gt_log(GT_LOG_WARNING, "GT0560", "the token read before is used until it ends: %s",
               err->detail);
    return GT_OK;
}

/* ---- both ---- */

static void look_at_pair(gt_credentials_t *c, apr_pool_t *scratch)
{
    gt_secret_t *certificate, *private_key;
    const gt_client_key_t *key;

    if (gt_source_read(&certificate, c->conf->certificate, scratch) != GT_OK ||
        gt_source_read(&private_key, c->conf->certificate_key, scratch) != GT_OK)
        return;
    (void)!gt_credentials_key(&key, c, certificate, private_key, scratch);
    gt_secret_wipe(private_key);
}

static void look_at_token(gt_credentials_t *c, apr_pool_t *scratch)
{
    gt_secret_t *read, *token;
    apr_int64_t left;

    if (gt_source_read(&read, c->conf->client_assertion, scratch) == GT_OK)
        (void)!gt_credentials_token(&token, &left, c, read, scratch);
}

void gt_credentials_look(gt_credentials_t *credentials, apr_pool_t *scratch)
{
    if (credentials->conf->certificate != NULL)
        look_at_pair(credentials, scratch);
    if (credentials->conf->client_assertion != NULL)
        look_at_token(credentials, scratch);
}

int gt_credentials_expiries(gt_expiry_t expiries[GT_EXPIRIES_MAX], gt_credentials_t *credentials)
{
    apr_time_t secret = gt_secret_expires(credentials->conf);
    int count = 0;

    apr_thread_mutex_lock(credentials->lock);
    if (credentials->key != NULL)
        expiries[count++] = (gt_expiry_t){"certificate", gt_client_key_ends(credentials->key)};
    apr_thread_mutex_unlock(credentials->lock);
    if (secret != 0)
        expiries[count++] = (gt_expiry_t){"secret", secret};
    return count;
}

/* ---- two secrets ---- */

int gt_credentials_choose(gt_credentials_t *credentials)
{
    int is_spare;

    apr_thread_mutex_lock(credentials->lock);
    is_spare = credentials->uses_spare;
    if (is_spare && gt_ticks() >= credentials->first_again) {
        credentials->first_again = gt_ticks() + FIRST_AGAIN;
        is_spare = 0;
    }
    apr_thread_mutex_unlock(credentials->lock);
    return is_spare;
}

static void tell_change(const gt_credentials_t *c, int is_spare)
{
    if (is_spare)
        gt_log(GT_LOG_WARNING, "GT0559",
               "provider %s refuses the first client secret and takes the second: leave the second "
               "in until the first is taken, which is tried every 5 minutes",
               c->conf->name);
    else
        gt_log(GT_LOG_NOTICE, NULL, "provider %s takes the first client secret again",
               c->conf->name);
}

void gt_credentials_judged(gt_credentials_t *credentials, int is_spare, int is_taken)
{
    static const char *const uses[2][2] = {{"first refused", "first taken"},
                                           {"second refused", "second taken"}};
    const gt_notice_t notice = {.kind = GT_NOTICE_CLIENT,
                                .provider = credentials->conf->name,
                                .detail = uses[is_spare][is_taken]};
    int changes = 0;

    gt_notice(&notice);
    if (!is_taken)
        return;
    apr_thread_mutex_lock(credentials->lock);
    changes = credentials->uses_spare != is_spare;
    credentials->uses_spare = is_spare;
    if (changes)
        credentials->first_again = gt_ticks() + FIRST_AGAIN;
    apr_thread_mutex_unlock(credentials->lock);
    if (changes)
        tell_change(credentials, is_spare);
}
