/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Reading a configuration's keyring, and putting the keys of a changed source into the same
 * keyring. A derived key is not followed: when the client secret changes, no stored value opens any
 * more. In a running server that would come unannounced, so it happens at a restart, which warns of
 * it.
 */

#include "conf/keys.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/thread.h"

#define DOUBT_AFTER apr_time_from_sec(5)
#define MISS_WAIT apr_time_from_msec(100)

const gt_provider_conf_t *gt_keys_derived_from(const gt_config_t *config)
{
    if (config->keyring != NULL || config->providers->nelts == 0)
        return NULL;
    return APR_ARRAY_IDX(config->providers, 0, const gt_provider_conf_t *);
}

/** A line of a keyring. */
static gt_err_t *derive(gt_secret_t **line, const gt_provider_conf_t *provider, gt_source_t *source,
                        apr_pool_t *p)
{
    gt_secret_t *secret;
    gt_err_t *err;

    GT_TRY(gt_source_read(&secret, source, p));
    err = gt_keyring_derive(line, secret, p);
    gt_secret_wipe(secret);
    return err == GT_OK ? GT_OK
                        : gt_err_in(err, "no GraphTokKeyring, and provider %s", provider->name);
}

static gt_err_t *read_derived(gt_keys_t *keys, const gt_config_t *config, apr_pool_t *p)
{
    const gt_provider_conf_t *provider = gt_keys_derived_from(config);
    gt_secret_t *line, *spare = NULL;

    if (provider == NULL || provider->client_secret == NULL)
        return gt_err(p, GT_INTERNAL, "GT0162",
                      "there is neither GraphTokKeyring nor a provider's client secret to derive a "
                      "key from");
    GT_TRY(derive(&line, provider, provider->client_secret, p));
    if (provider->spare_secret != NULL)
        GT_TRY(derive(&spare, provider, provider->spare_secret, p));
    /* The first writes; what was sealed before the secret was renewed is read with the second. */
    if (spare != NULL && !gt_secret_equal(line, spare))
        line = gt_keyring_join(line, spare, p);
    GT_TRY(gt_keyring_parse(&keys->ring, line, p));
    gt_secret_wipe(line);
    return GT_OK;
}

/* "access main, refresh 2026-11-21-x1, …": the keys that write, for the log after a rotation. */
static const char *writers(const gt_keyring_t *ring, apr_pool_t *p)
{
    const char *text = "";

    for (int i = 0; i < GT_PURPOSES; i++) {
        const gt_key_t *key = gt_keyring_writer(ring, (gt_purpose_t)i);

        text = apr_pstrcat(p, text, i > 0 ? ", " : "", gt_purpose_name((gt_purpose_t)i), " ",
                           key != NULL ? key->id : "none", NULL);
    }
    return text;
}

/* Call with `reading`. */
static void look(gt_keys_t *keys, apr_pool_t *scratch)
{
    gt_secret_t *text = NULL;
    gt_err_t *err = gt_source_read_new(&text, &keys->turn, keys->source, scratch);

    if (err == GT_OK && text == NULL)
        return;
    if (err == GT_OK)
        err = gt_keyring_renew(keys->ring, text, scratch);
    if (text != NULL)
        gt_secret_wipe(text);
    if (err != GT_OK) {
        gt_log(GT_LOG_ERROR, "GT0163",
               "the keyring %s changed and cannot be used, the keys read before are: %s",
               gt_source_name(keys->source), err->detail);
        return;
    }
    if (keys->changed != NULL)
        keys->changed(keys->baton);
    gt_log(GT_LOG_NOTICE, NULL, "the keyring %s changed; keys that write now: %s",
           gt_source_name(keys->source), writers(keys->ring, scratch));
}

void gt_keys_follow(gt_keys_t *keys, apr_pool_t *scratch)
{
    if (keys->ring == NULL || keys->source == NULL)
        return;
    pthread_mutex_lock(&keys->reading);
    look(keys, scratch);
    pthread_mutex_unlock(&keys->reading);
    pthread_mutex_lock(&keys->lock);
    keys->asked = 0;
    pthread_cond_broadcast(&keys->looked);
    pthread_mutex_unlock(&keys->lock);
}

/* Wait for another thread's look. No other wait stands within a step. It is short, for a local file
 * or a quick command, and without it a request would fail when another child was the first to write
 * with a new key. */
static void await_look(gt_keys_t *keys)
{
    apr_time_t until;

    pthread_mutex_lock(&keys->lock);
    if (keys->asked == 0)
        keys->asked = gt_mono();
    until = keys->asked + MISS_WAIT;
    pthread_mutex_unlock(&keys->lock);
    keys->look_soon(keys->baton);
    pthread_mutex_lock(&keys->lock);
    while (keys->asked != 0 && gt_mono() < until)
        gt_cond_wait(&keys->looked, &keys->lock, until);
    pthread_mutex_unlock(&keys->lock);
}

static void look_here(gt_keys_t *keys)
{
    apr_pool_t *scratch;

    if (apr_pool_create_unmanaged_ex(&scratch, NULL, NULL) != APR_SUCCESS)
        return;
    gt_keys_follow(keys, scratch);
    apr_pool_destroy(scratch);
}

/* A value was sealed with a key that we lack. Any client can write such a cookie, so a command is
 * not run for each. */
static void ask_source(void *baton)
{
    gt_keys_t *keys = baton;

    if (keys->source == NULL)
        return;
    gt_source_doubt(keys->source, DOUBT_AFTER);
    if (keys->look_soon != NULL)
        await_look(keys);
    else
        look_here(keys);
}

gt_err_t *gt_keys_read(gt_keys_t *keys, const gt_config_t *config, apr_pool_t *p)
{
    gt_secret_t *text;
    gt_err_t *err;

    *keys = (gt_keys_t){.reading = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (gt_cond_init(&keys->looked) != APR_SUCCESS)
        abort();
    if (config->keyring == NULL)
        return read_derived(keys, config, p);
    gt_source_whole(config->keyring);
    GT_TRY(gt_source_read_new(&text, &keys->turn, config->keyring, p));
    err = gt_keyring_parse(&keys->ring, text, p);
    gt_secret_wipe(text);
    if (gt_source_kind(config->keyring) == GT_FROM_FILE ||
        gt_source_kind(config->keyring) == GT_FROM_EXEC)
        keys->source = config->keyring;
    if (err == GT_OK)
        gt_keyring_on_miss(keys->ring, ask_source, keys);
    return err;
}
