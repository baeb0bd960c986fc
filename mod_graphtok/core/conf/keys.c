/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Reading a configuration's keyrings, and putting the keys of a changed source into the same
 * keyring. A derived key is not followed: when the client secret changes, no stored value opens any
 * more. In a running server that would come unannounced, so it happens at a restart, which warns of
 * it.
 */

#include "conf/keys.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/thread.h"
#include "crypt/keytext.h"

#define DOUBT_AFTER apr_time_from_sec(5)
#define SAID_EVERY apr_time_from_sec(60)
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

static gt_err_t *derive_text(gt_secret_t **text, const gt_config_t *config, apr_pool_t *p)
{
    const gt_provider_conf_t *provider = gt_keys_derived_from(config);
    gt_secret_t *spare = NULL;

    if (provider == NULL || provider->client_secret == NULL)
        return gt_err(p, GT_INTERNAL, "GT0162",
                      "there is neither GraphTokKeyring nor a provider's client secret to derive a "
                      "key from");
    GT_TRY(derive(text, provider, provider->client_secret, p));
    if (provider->spare_secret != NULL)
        GT_TRY(derive(&spare, provider, provider->spare_secret, p));
    /* The first writes; what was sealed before the secret was renewed is read with the second. */
    if (spare != NULL && !gt_secret_equal(*text, spare))
        *text = gt_keytext_join(*text, spare, p);
    return GT_OK;
}

/* The texts of all sources, one behind the other. The reader keeps each source's own. */
static gt_err_t *join_sources(gt_secret_t **text, const gt_keys_t *keys, apr_pool_t *p)
{
    *text = NULL;
    for (int i = 0; i < keys->sources->nelts; i++) {
        gt_source_t *source = APR_ARRAY_IDX(keys->sources, i, gt_source_t *);
        gt_secret_t *one;
        gt_keyring_t *alone;

        GT_TRY(gt_source_last(&one, source, p));
        /* Its own faults are told with its own lines. */
        if (keys->sources->nelts > 1)
            GT_TRY(gt_err_in(gt_keyring_parse(&alone, one, p), "%s", gt_source_name(source)));
        *text = *text == NULL ? one : gt_keytext_join(*text, one, p);
    }
    return GT_OK;
}

/* Call with `reading`. @param text  NULL: it is the one of the last call */
static gt_err_t *new_text(gt_secret_t **text, gt_keys_t *keys, apr_pool_t *p)
{
    int is_new = 0;

    *text = NULL;
    if (keys->sources == NULL)
        return derive_text(text, keys->config, p);
    for (int i = 0; i < keys->sources->nelts; i++) {
        gt_secret_t *one;

        GT_TRY(gt_source_read_new(&one, &keys->turns[i],
                                  APR_ARRAY_IDX(keys->sources, i, gt_source_t *), p));
        is_new = is_new || one != NULL;
    }
    return is_new ? join_sources(text, keys, p) : GT_OK;
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

/* Call with `reading`. A keyring without a key tries its sources anew each time. */
static gt_err_t *take_over(int *is_new, gt_keys_t *keys, apr_pool_t *p)
{
    gt_secret_t *text;
    gt_err_t *err;

    *is_new = 0;
    if (gt_keyring_is_empty(keys->ring) && keys->sources != NULL)
        memset(keys->turns, 0, (apr_size_t)keys->sources->nelts * sizeof(*keys->turns));
    GT_TRY(new_text(&text, keys, p));
    if (text == NULL)
        return GT_OK;
    err = gt_keyring_renew(keys->ring, text, p);
    gt_secret_wipe(text);
    *is_new = err == GT_OK;
    return err;
}

static gt_err_t *named(gt_err_t *err, const gt_keys_t *keys)
{
    return keys->store == NULL ? err : gt_err_in(err, "%s", keys->name);
}

/* Call with `reading`. */
static void tell_fault(gt_keys_t *keys, gt_err_t *err, apr_pool_t *p)
{
    if (!gt_keyring_is_empty(keys->ring)) {
        gt_log(GT_LOG_ERROR, "GT0163",
               "%s %s changed and cannot be used, the keys read before are: %s", keys->name,
               gt_keys_shown(keys, p), err->detail);
        return;
    }
    if (keys->said != 0 && gt_ticks() - keys->said < SAID_EVERY)
        return;
    keys->said = gt_ticks();
    gt_log_err(named(err, keys), "keyring");
}

/* Call with `reading`. */
static void look(gt_keys_t *keys, apr_pool_t *scratch)
{
    const char *what = gt_keyring_is_empty(keys->ring) ? "can be read now" : "changed";
    int is_new;
    gt_err_t *err = take_over(&is_new, keys, scratch);

    if (err != GT_OK)
        tell_fault(keys, err, scratch);
    if (!is_new)
        return;
    if (keys->changed != NULL)
        keys->changed(keys->baton);
    gt_log(GT_LOG_NOTICE, NULL, "%s %s %s; keys that write now: %s", keys->name,
           gt_keys_shown(keys, scratch), what, writers(keys->ring, scratch));
}

void gt_keys_follow(gt_keys_t *keys, apr_pool_t *scratch)
{
    if (!keys->is_followed && !gt_keyring_is_empty(keys->ring))
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

    for (int i = 0; i < keys->sources->nelts; i++)
        gt_source_doubt(APR_ARRAY_IDX(keys->sources, i, gt_source_t *), DOUBT_AFTER);
    if (keys->look_soon != NULL)
        await_look(keys);
    else
        look_here(keys);
}

static int may_change(const gt_source_t *source)
{
    return gt_source_kind(source) == GT_FROM_FILE || gt_source_kind(source) == GT_FROM_EXEC;
}

static void set_sources(gt_keys_t *keys, const apr_array_header_t *sources, apr_pool_t *p)
{
    keys->sources = sources;
    keys->turns = apr_pcalloc(p, (apr_size_t)sources->nelts * sizeof(*keys->turns));
    for (int i = 0; i < sources->nelts; i++) {
        gt_source_t *source = APR_ARRAY_IDX(sources, i, gt_source_t *);

        gt_source_whole(source);
        keys->is_followed = keys->is_followed || may_change(source);
    }
    if (keys->is_followed)
        gt_keyring_on_miss(keys->ring, ask_source, keys);
}

gt_keys_t *gt_keys_make(const gt_config_t *config, const gt_store_conf_t *store, apr_pool_t *p)
{
    gt_keys_t *keys = apr_pcalloc(p, sizeof(*keys));
    const apr_array_header_t *sources = store != NULL ? store->keyring : config->keyring;

    *keys = (gt_keys_t){.ring = gt_keyring_empty(p),
                        .name = "the keyring",
                        .config = config,
                        .reading = PTHREAD_MUTEX_INITIALIZER,
                        .lock = PTHREAD_MUTEX_INITIALIZER};
    if (gt_cond_init(&keys->looked) != APR_SUCCESS)
        abort();
    if (store != NULL) {
        keys->store = store->name;
        keys->name = apr_pstrcat(p, "the keyring of store ", store->name, NULL);
    }
    if (sources != NULL)
        set_sources(keys, sources, p);
    return keys;
}

apr_array_header_t *gt_keys_make_all(const gt_config_t *config, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 2, sizeof(gt_keys_t *));

    APR_ARRAY_PUSH(all, gt_keys_t *) = gt_keys_make(config, NULL, p);
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, const gt_store_conf_t *);

        if (store->keyring != NULL)
            APR_ARRAY_PUSH(all, gt_keys_t *) = gt_keys_make(config, store, p);
    }
    return all;
}

gt_keys_t *gt_keys_of(const apr_array_header_t *all, const char *store)
{
    for (int i = 1; i < all->nelts; i++) {
        gt_keys_t *keys = APR_ARRAY_IDX(all, i, gt_keys_t *);

        if (strcmp(keys->store, store) == 0)
            return keys;
    }
    return APR_ARRAY_IDX(all, 0, gt_keys_t *);
}

const char *gt_keys_shown(const gt_keys_t *keys, apr_pool_t *p)
{
    const char *text = "";

    if (keys->sources == NULL)
        return "derived from the client secret";
    for (int i = 0; i < keys->sources->nelts; i++)
        text = apr_pstrcat(p, text, i > 0 ? ", " : "",
                           gt_source_name(APR_ARRAY_IDX(keys->sources, i, gt_source_t *)), NULL);
    return text;
}

gt_err_t *gt_keys_read(gt_keys_t *keys, apr_pool_t *p)
{
    gt_err_t *err;
    int is_new;

    pthread_mutex_lock(&keys->reading);
    err = take_over(&is_new, keys, p);
    pthread_mutex_unlock(&keys->reading);
    return named(err, keys);
}
