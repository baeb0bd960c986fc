/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The sinks, in a fixed place: they are set before threads start and only read afterwards. The log
 * is one of them. It takes what went well; a failure has a tag and a text, and is logged by whoever
 * ends the work that failed.
 */

#include "base/event.h"

#include <assert.h>

#include <apr_strings.h>

#include "base/log.h"

#define SINKS_MAX 5

/* As the audit says it, and as the log does. */
static const struct {
    const char *name;
    const char *done; /* NULL: not logged */
} words[GT_EV_KINDS] = {
    [GT_EV_PASSED] = {"token_passed", NULL},
    [GT_EV_CALL] = {"call", NULL},
    [GT_EV_SIGN_IN] = {"sign_in", "signed in"},
    [GT_EV_REFRESH] = {"refresh", "refreshed"},
    [GT_EV_REVOKE] = {"revoke", "revoked"},
    [GT_EV_VALIDATE] = {"validate", "validated"},
    [GT_EV_CLEANUP] = {"cleanup", "cleaned up"},
    [GT_EV_REKEY] = {"rekey", NULL},
    [GT_EV_REFUSED] = {"refused", NULL},
    [GT_EV_LIMIT] = {"limit", NULL},
    [GT_EV_CACHE] = {"cache", NULL},
    [GT_EV_LEASE_WAIT] = {"lease_wait", NULL},
    [GT_EV_UPSTREAM] = {"upstream", NULL},
    [GT_EV_STORE_FAILED] = {"store_failed", NULL},
    [GT_EV_AUDITED] = {"audited", NULL},
    [GT_EV_AUDIT_FAILED] = {"audit_failed", NULL},
};

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

static int log_it(void *baton, const gt_event_t *event)
{
    (void)baton;
    if (event->err == GT_OK && words[event->kind].done != NULL)
        gt_log(GT_LOG_INFO, NULL, "%s: store %s, user %s, provider %s%s%s", words[event->kind].done,
               or_nothing(event->store), or_nothing(event->user), or_nothing(event->provider),
               event->detail != NULL ? ", " : "", or_nothing(event->detail));
    return 1;
}

#define LOGGED                                                                                     \
    (GT_EVENTS(GT_EV_SIGN_IN) | GT_EVENTS(GT_EV_REFRESH) | GT_EVENTS(GT_EV_REVOKE) |               \
     GT_EVENTS(GT_EV_VALIDATE) | GT_EVENTS(GT_EV_CLEANUP))

static gt_event_sink_t sinks[SINKS_MAX] = {{NULL, LOGGED, log_it}};
static int sink_count = 1;

void gt_event_to(const gt_event_sink_t *sink)
{
    assert(sink_count < SINKS_MAX && sink->take != NULL);
    sinks[sink_count++] = *sink;
}

void gt_event_to_none(void)
{
    sink_count = 1;
}

const char *gt_event_name(gt_event_kind_t kind)
{
    assert(kind < GT_EV_KINDS);
    return words[kind].name;
}

/* @param stops  1: after a sink that says no, none may count what does not happen */
static int tell(const gt_event_t *event, int stops)
{
    int all = 1;

    assert(event->kind < GT_EV_KINDS);
    for (int i = 0; i < sink_count && (all || !stops); i++)
        if ((sinks[i].kinds & GT_EVENTS(event->kind)) != 0)
            all &= sinks[i].take(sinks[i].baton, event);
    return all;
}

void gt_event(const gt_event_t *event)
{
    (void)tell(event, 0);
}

gt_err_t *gt_event_before(const gt_event_t *event, apr_pool_t *p)
{
    gt_err_t *err;

    if (tell(event, 1))
        return GT_OK;
    err = gt_err(p, GT_INTERNAL, "GT0160",
                 "the audit cannot record this now, so it is not done (GraphTokAuditRequired)");
    err->status = 503;
    err->retry_after = apr_time_from_sec(5);
    return err;
}

gt_asker_t *gt_asker_dup(const gt_asker_t *asker, apr_pool_t *p)
{
    gt_asker_t *copy;

    if (asker == NULL)
        return NULL;
    copy = apr_pcalloc(p, sizeof(*copy));
    copy->address = apr_pstrdup(p, asker->address);
    copy->request_id = apr_pstrdup(p, asker->request_id);
    copy->route = apr_pstrdup(p, asker->route);
    return copy;
}
