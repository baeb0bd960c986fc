/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file pause.c
 * A pause is a name that is held among the server's limits. The name says the class of failure and
 * the width: provider; provider and tenant; mailbox. A call looks at each width that its scope
 * knows.
 *
 * A provider that throttles us is left alone as long as it says. A provider that does not accept
 * our client gets one try every few seconds instead of one from each user. A refusal of one tenant
 * holds back the users of that tenant; where the tenant is not known, as at a first sign-in, there
 * is no pause. A mailbox that asked to wait holds back the calls to it, and no token request:
 * tokens are not the mailbox's.
 */

#include "vault/pause.h"

#include <string.h>

#include <apr_strings.h>

#include "base/log.h"

#define SHORT apr_time_from_sec(5) /* where the provider does not say how long */
#define ALARM_AGAIN apr_time_from_sec(600)
#define OWN_SLOTS 256

gt_limits_t *gt_pauses_make(gt_limits_t *limits, apr_pool_t *p)
{
    apr_size_t size = gt_limits_size(OWN_SLOTS);

    return limits != NULL ? limits : gt_limits_open(apr_pcalloc(p, size), size, OWN_SLOTS, p);
}

/* ---- widths ---- */

/** The scope cut down to what a trouble of one extent concerns. 0: the scope does not know it, or
 * the trouble is of one call or one user. */
static int cut(gt_pause_scope_t *width, const gt_pause_scope_t *scope, gt_extent_t extent)
{
    memset(width, 0, sizeof(*width));
    if (extent == GT_EXTENT_MAILBOX)
        width->mailbox = scope->mailbox;
    else if (extent > GT_EXTENT_TENANT || (extent == GT_EXTENT_TENANT && scope->tenant != NULL))
        width->provider = scope->provider;
    if (extent == GT_EXTENT_TENANT && width->provider != NULL)
        width->tenant = scope->tenant;
    return width->provider != NULL || width->mailbox != NULL;
}

/** The name of a pause among the limits: a word and the width. */
typedef struct name_t {
    const char *text;
    apr_size_t len;
} name_t;

/** Each part has a NUL behind it, so no two names are alike. */
static name_t name_of(const char *word, const gt_pause_scope_t *width, apr_pool_t *p)
{
    const char *parts[] = {word, width->provider, width->tenant, width->mailbox};
    name_t name = {NULL, 0};
    char *at;

    for (int i = 0; i < 4; i++) {
        if (parts[i] == NULL)
            parts[i] = "";
        name.len += strlen(parts[i]) + 1;
    }
    name.text = at = apr_palloc(p, name.len);
    for (int i = 0; i < 4; i++) {
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

/* ---- beginning ---- */

static void alarm_once(gt_limits_t *pauses, const gt_pause_scope_t *width, const gt_err_t *err)
{
    const name_t name = name_of("pause: alarm", width, err->pool);
    const char *code = err->code != NULL ? err->code : err->tag;

    if (gt_limit_held(pauses, name.text, name.len) > 0)
        return;
    gt_limit_hold(pauses, ALARM_AGAIN, name.text, name.len);
    if (width->tenant == NULL)
        gt_log(GT_LOG_ERROR, "GT0618",
               "provider %s does not accept our client (%s): %s; no grant is touched, tokens that "
               "are valid go on being served",
               width->provider, code, err->detail);
    else
        gt_log(GT_LOG_ERROR, "GT0675",
               "tenant %s at provider %s refuses our application (%s): %s; users of other tenants "
               "are not concerned, no grant is touched",
               width->tenant, width->provider, code, err->detail);
}

void gt_pause_begin(gt_limits_t *pauses, const gt_pause_scope_t *scope, gt_err_t *err)
{
    gt_pause_scope_t width;
    name_t name;

    if ((err->cls != GT_CLIENT_BROKEN && err->cls != GT_THROTTLED) ||
        !cut(&width, scope, err->extent))
        return;
    if (err->retry_after == 0)
        err->retry_after = SHORT;
    name = name_of(word_of(err->cls), &width, err->pool);
    gt_limit_hold(pauses, err->retry_after, name.text, name.len);
    if (err->cls == GT_CLIENT_BROKEN && width.provider != NULL)
        alarm_once(pauses, &width, err);
}

/* ---- looking ---- */

static apr_interval_time_t left_of(gt_limits_t *pauses, gt_class_t cls,
                                   const gt_pause_scope_t *scope, apr_pool_t *p)
{
    static const gt_extent_t extents[] = {GT_EXTENT_PROVIDER, GT_EXTENT_TENANT, GT_EXTENT_MAILBOX};
    apr_interval_time_t longest = 0;

    for (int i = 0; i < 3; i++) {
        gt_pause_scope_t width;
        apr_interval_time_t left;
        name_t name;

        if (!cut(&width, scope, extents[i]))
            continue;
        name = name_of(word_of(cls), &width, p);
        left = gt_limit_held(pauses, name.text, name.len);
        if (left > longest)
            longest = left;
    }
    return longest;
}

apr_interval_time_t gt_pause_left(gt_class_t *cls, gt_limits_t *pauses,
                                  const gt_pause_scope_t *scope, apr_pool_t *p)
{
    apr_interval_time_t left = left_of(pauses, GT_CLIENT_BROKEN, scope, p);

    if (cls != NULL)
        *cls = left > 0 ? GT_CLIENT_BROKEN : GT_THROTTLED;
    return left > 0 ? left : left_of(pauses, GT_THROTTLED, scope, p);
}

gt_err_t *gt_pause_check(gt_limits_t *pauses, const gt_pause_scope_t *scope, apr_pool_t *p)
{
    gt_class_t cls;
    apr_interval_time_t left = gt_pause_left(&cls, pauses, scope, p);
    gt_err_t *err;

    if (left <= 0)
        return GT_OK;
    err = gt_err(p, cls, "GT0619",
                 "provider %s is not asked again before %d s have passed, as it said a moment ago",
                 scope->provider, (int)apr_time_sec(left) + 1);
    err->retry_after = left;
    return err;
}
