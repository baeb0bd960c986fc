/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file pause.c
 * A failure that is no grant's fault pauses the calls of all children. A provider that throttles us is
 * left alone as long as it says. A provider that does not accept our client gets one try every few
 * seconds instead of one from each user. The width of a pause stands in the error (gt_extent_t): a
 * refusal of one tenant holds back the users of that tenant; where the tenant is not known, as at a
 * first sign-in, there is no pause. One alarm is logged for a pause, not one a request. A pause of one
 * mailbox stands with the queue for its places (graph/mailbox.c).
 */

#include <string.h>

#include <apr_strings.h>

#include "base/log.h"
#include "base/text.h"
#include "vault/pause.h"
#include "vault/vault_struct.h"

#define SHORT apr_time_from_sec(5) /* where the provider does not say how long */
#define ALARM_AGAIN apr_time_from_sec(600)
#define OWN_SLOTS 256

gt_limits_t *gt_pauses_make(const gt_vault_parts_t *parts, apr_pool_t *p)
{
    apr_size_t size = gt_limits_size(OWN_SLOTS);

    return parts->limits != NULL ? parts->limits
                                 : gt_limits_open(apr_pcalloc(p, size), size, OWN_SLOTS, p);
}

/** The name of a pause among the limits: a word and the scope. */
typedef struct name_t {
    const char *text;
    apr_size_t len;
} name_t;

/** Each part has a NUL behind it, so no two names are alike. */
static name_t name_of(const char *word, const gt_pause_scope_t *scope, apr_pool_t *p)
{
    const char *parts[] = {word, scope->provider, scope->tenant != NULL ? scope->tenant : ""};
    name_t name = {NULL, 0};
    char *at;

    for (int i = 0; i < 3; i++)
        name.len += strlen(parts[i]) + 1;
    name.text = at = apr_palloc(p, name.len);
    for (int i = 0; i < 3; i++) {
        apr_size_t len = strlen(parts[i]) + 1;

        memcpy(at, parts[i], len);
        at += len;
    }
    return name;
}

static const char *word_of(gt_class_t cls)
{
    return cls == GT_CLIENT_BROKEN ? "pause: client broken" : "pause: throttled";
}

static void alarm_once(gt_limits_t *limits, const gt_pause_scope_t *scope, const gt_err_t *err,
                       apr_pool_t *p)
{
    const name_t name = name_of("pause: alarm", scope, p);
    const char *code = err->code != NULL ? err->code : err->tag;

    if (gt_limit_held(limits, name.text, name.len) > 0)
        return;
    gt_limit_hold(limits, ALARM_AGAIN, name.text, name.len);
    if (scope->tenant == NULL)
        gt_log(GT_LOG_ERROR, "GT0618",
               "provider %s does not accept our client (%s): %s; no grant is touched, tokens that "
               "are valid go on being served",
               scope->provider, code, err->detail);
    else
        gt_log(GT_LOG_ERROR, "GT0675",
               "tenant %s at provider %s refuses our application (%s): %s; users of other tenants "
               "are not concerned, no grant is touched",
               scope->tenant, scope->provider, code, err->detail);
}

/** The scope that is left alone after a failure; NULL: there is none. A failure of one tenant holds
 * back that tenant's users, a wider one all who ask the provider. */
static const gt_pause_scope_t *paused_by(const gt_err_t *err, const gt_pause_scope_t *tenant,
                                         const gt_pause_scope_t *provider)
{
    if (err->cls != GT_CLIENT_BROKEN && err->cls != GT_THROTTLED)
        return NULL;
    if (err->extent > GT_EXTENT_TENANT)
        return provider;
    return err->extent == GT_EXTENT_TENANT && tenant->tenant != NULL ? tenant : NULL;
}

void gt_pause_begin(gt_vault_t *vault, const gt_pause_scope_t *scope, gt_err_t *err)
{
    const gt_pause_scope_t provider = {scope->provider, NULL};
    const gt_pause_scope_t *paused = paused_by(err, scope, &provider);
    name_t name;
    apr_pool_t *p;

    if (paused == NULL)
        return;
    if (err->retry_after == 0)
        err->retry_after = SHORT;
    apr_pool_create(&p, NULL);
    name = name_of(word_of(err->cls), paused, p);
    gt_limit_hold(vault->pauses, err->retry_after, name.text, name.len);
    if (err->cls == GT_CLIENT_BROKEN)
        alarm_once(vault->pauses, paused, err, p);
    apr_pool_destroy(p);
}

/** What is left of the longer pause of one kind: the provider's, or the tenant's. */
static apr_interval_time_t left_of(gt_vault_t *vault, gt_class_t cls, const gt_pause_scope_t *scope,
                                   apr_pool_t *p)
{
    const gt_pause_scope_t provider = {scope->provider, NULL};
    const name_t general = name_of(word_of(cls), &provider, p);
    const name_t own = name_of(word_of(cls), scope, p);
    apr_interval_time_t left = gt_limit_held(vault->pauses, general.text, general.len);
    apr_interval_time_t own_left = gt_limit_held(vault->pauses, own.text, own.len);

    return left > own_left ? left : own_left;
}

gt_err_t *gt_pause_check(gt_vault_t *vault, const gt_pause_scope_t *scope, apr_pool_t *p)
{
    static const gt_class_t classes[] = {GT_CLIENT_BROKEN, GT_THROTTLED};

    for (int i = 0; i < 2; i++) {
        apr_interval_time_t left = left_of(vault, classes[i], scope, p);
        gt_err_t *err;

        if (left <= 0)
            continue;
        err = gt_err(p, classes[i], "GT0619",
                     "provider %s is not asked again before %d s have passed, as it said a moment "
                     "ago",
                     scope->provider, (int)apr_time_sec(left) + 1);
        err->retry_after = left;
        return err;
    }
    return GT_OK;
}
