/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file failures.c
 * A small table of failures, one place for each hash. Two keys of one place push each other out,
 * which costs a call and nothing else.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/text.h"
#include "vault/failures.h"
#include "vault/grant_key.h"

#define PLACES 256
#define BACK_OFF_FIRST apr_time_from_sec(1)
#define BACK_OFF_LAST apr_time_from_sec(30)

typedef struct failure_t {
    unsigned char hash[32];
    apr_time_t until; /* ticks; 0: free */
    int in_a_row;     /* failures of a provider that is down */
    apr_int64_t generation;
    gt_class_t cls;
    gt_extent_t extent;
    char tag[8];
    char code[72];
    char detail[256];
    char *claims; /* the demands for the next sign-in, of up to some KiB, or NULL; malloc'ed */
    char *tenant; /* that it is to be asked for at, or NULL; malloc'ed */
} failure_t;

struct gt_failures_t {
    apr_thread_mutex_t *lock; /* guards the places */
    failure_t place[PLACES];
};

/** Without its text a failure says less, and is right. */
static void keep_text(char **kept, const char *text)
{
    free(*kept);
    *kept = text != NULL ? strdup(text) : NULL;
}

static apr_status_t free_texts(void *baton)
{
    gt_failures_t *failures = baton;

    for (int i = 0; i < PLACES; i++) {
        keep_text(&failures->place[i].claims, NULL);
        keep_text(&failures->place[i].tenant, NULL);
    }
    return APR_SUCCESS;
}

gt_failures_t *gt_failures_make(apr_pool_t *p)
{
    gt_failures_t *failures = apr_pcalloc(p, sizeof(*failures));

    if (apr_thread_mutex_create(&failures->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, failures, free_texts, apr_pool_cleanup_null);
    return failures;
}

static failure_t *place_of(gt_failures_t *failures, unsigned char hash[32],
                           const gt_token_key_t *token, apr_pool_t *p)
{
    const char *text = gt_token_key_text(token, p);

    gt_sha256(hash, text, strlen(text));
    return &failures->place[hash[0]];
}

void gt_failures_note(gt_failures_t *failures, const gt_failure_key_t *key, gt_err_t *err,
                      apr_interval_time_t span)
{
    unsigned char hash[32];
    failure_t *failure = place_of(failures, hash, key->token, err->pool);

    apr_thread_mutex_lock(failures->lock);
    if (memcmp(failure->hash, hash, sizeof(hash)) != 0)
        failure->in_a_row = 0;
    memcpy(failure->hash, hash, sizeof(hash));
    if (span < 0)
        span = gt_backoff(failure->in_a_row++, BACK_OFF_FIRST, BACK_OFF_LAST);
    failure->until = gt_ticks() + span;
    failure->generation = key->generation;
    failure->cls = err->cls;
    failure->extent = err->extent;
    apr_cpystrn(failure->tag, err->tag, sizeof(failure->tag));
    apr_cpystrn(failure->code, err->code != NULL ? err->code : "", sizeof(failure->code));
    apr_cpystrn(failure->detail, err->detail, sizeof(failure->detail));
    keep_text(&failure->claims, err->claims);
    keep_text(&failure->tenant, err->tenant);
    apr_thread_mutex_unlock(failures->lock);
    err->retry_after = span;
}

void gt_failures_back_off(gt_failures_t *failures, const gt_failure_key_t *key, gt_err_t *err)
{
    gt_failures_note(failures, key, err, -1);
}

gt_err_t *gt_failures_find(gt_failures_t *failures, const gt_failure_key_t *key, apr_pool_t *p)
{
    unsigned char hash[32];
    failure_t *place = place_of(failures, hash, key->token, p);
    apr_time_t now = gt_ticks();
    failure_t found;
    gt_err_t *err;

    apr_thread_mutex_lock(failures->lock);
    found = *place;
    found.claims = apr_pstrdup(p, place->claims);
    found.tenant = apr_pstrdup(p, place->tenant);
    apr_thread_mutex_unlock(failures->lock);
    if (found.until <= now || found.generation != key->generation ||
        memcmp(found.hash, hash, sizeof(hash)) != 0)
        return GT_OK;
    err = gt_err(p, found.cls, apr_pstrdup(p, found.tag), "%s", found.detail);
    err->code = found.code[0] != '\0' ? apr_pstrdup(p, found.code) : NULL;
    err->extent = found.extent;
    err->claims = found.claims;
    err->tenant = found.tenant;
    err->retry_after = found.until - now;
    return err;
}

void gt_failures_forget(gt_failures_t *failures, const gt_token_key_t *token, apr_int64_t last,
                        apr_pool_t *p)
{
    unsigned char hash[32];
    failure_t *failure = place_of(failures, hash, token, p);

    apr_thread_mutex_lock(failures->lock);
    if (memcmp(failure->hash, hash, sizeof(hash)) == 0 && failure->generation <= last)
        failure->until = failure->in_a_row = 0;
    apr_thread_mutex_unlock(failures->lock);
}
