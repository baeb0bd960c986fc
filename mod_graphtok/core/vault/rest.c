/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file rest.c
 * What is no grant's fault is everybody's business: a provider that throttles us is left alone by
 * all children of the server as long as it says, and one that does not accept our client gets one
 * try every few seconds instead of one from each user. Each process knows its own (oauth/provider);
 * here that is shared. For a client that is not accepted one alarm is raised, not one a request.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/log.h"
#include "base/text.h"
#include "vault/inner.h"

#define ALARM_AGAIN apr_time_from_sec(600)

/** Word and provider with a NUL between: no two are alike. */
static char *name_of(apr_size_t *len, const char *word, const char *provider, apr_pool_t *p)
{
    apr_size_t word_len = strlen(word) + 1;
    char *name;

    *len = word_len + strlen(provider);
    name = apr_palloc(p, *len + 1);
    memcpy(name, word, word_len);
    memcpy(name + word_len, provider, *len - word_len + 1);
    return name;
}

static const char *word_of(gt_class_t cls)
{
    return cls == GT_CLIENT_BROKEN ? "rest: client broken" : "rest: throttled";
}

static void alarm_once(gt_limits_t *limits, const char *provider, const gt_err_t *err,
                       apr_pool_t *p)
{
    apr_size_t len;
    const char *name = name_of(&len, "rest: alarm", provider, p);

    if (gt_limit_held(limits, name, len) > 0)
        return;
    gt_limit_hold(limits, ALARM_AGAIN, name, len);
    gt_log(GT_LOG_ERROR, "GT0618",
           "provider %s does not accept our client (%s): %s; no grant is touched, tokens that are "
           "valid go on being served",
           provider, err->code != NULL ? err->code : err->tag, err->detail);
}

void gt_rest_note(gt_vault_t *vault, const char *provider, const gt_err_t *err)
{
    gt_limits_t *limits = vault->parts.limits;
    apr_size_t len;
    apr_pool_t *p;
    const char *name;
    gt_err_t *held;

    if (limits == NULL || (err->cls != GT_CLIENT_BROKEN && err->cls != GT_THROTTLED))
        return;
    apr_pool_create(&p, NULL);
    /* The process's own hold is for all users; where there is none, it was one user's. */
    held = gt_provider_held(gt_vault_provider(vault, provider), p);
    if (held != GT_OK) {
        name = name_of(&len, word_of(held->cls), provider, p);
        gt_limit_hold(limits, held->retry_after, name, len);
        if (err->cls == GT_CLIENT_BROKEN)
            alarm_once(limits, provider, err, p);
    }
    apr_pool_destroy(p);
}

gt_err_t *gt_rest_check(gt_vault_t *vault, const char *provider, apr_pool_t *p)
{
    static const gt_class_t classes[] = {GT_CLIENT_BROKEN, GT_THROTTLED};

    for (int i = 0; vault->parts.limits != NULL && i < 2; i++) {
        apr_size_t len;
        const char *name = name_of(&len, word_of(classes[i]), provider, p);
        apr_interval_time_t left = gt_limit_held(vault->parts.limits, name, len);
        gt_err_t *err;

        if (left <= 0)
            continue;
        err = gt_err(p, classes[i], "GT0619",
                     "provider %s is left alone for %d s more, as another process was told",
                     provider, (int)apr_time_sec(left) + 1);
        err->retry_after = left;
        return err;
    }
    return GT_OK;
}
