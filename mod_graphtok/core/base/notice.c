/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The sinks, in a fixed place: they are set before threads start and only read afterwards. The log
 * is one of them. It takes successes; a failure has a tag and a text, and is logged where the
 * failed work ends.
 */

#include "base/notice.h"

#include <assert.h>

#include <apr_strings.h>

#include "base/log.h"

#define SINKS_MAX 5

/* As the audit says it, and as the log does. */
static const struct {
    const char *name;
    const char *done; /* NULL: not logged */
} words[GT_NOTICE_KINDS] = {
    [GT_NOTICE_PASSED] = {"token_passed", NULL},
    [GT_NOTICE_EXCHANGE] = {"exchange", NULL},
    [GT_NOTICE_CLIENT_CALL] = {"client_call", NULL},
    [GT_NOTICE_CALL] = {"call", NULL},
    [GT_NOTICE_SIGN_IN] = {"sign_in", "signed in"},
    [GT_NOTICE_REFRESH] = {"refresh", "refreshed"},
    [GT_NOTICE_SIGN_OUT] = {"sign_out", "signed out"},
    [GT_NOTICE_REVOKE] = {"revoke", "revoked"},
    [GT_NOTICE_DEACTIVATE] = {"deactivate", "deactivated"},
    [GT_NOTICE_ACTIVATE] = {"activate", "activated"},
    [GT_NOTICE_MAIL_ACCOUNT] = {"mail_account", "mail account changed"},
    [GT_NOTICE_MAIL_SYNC] = {"mail_sync", NULL},
    [GT_NOTICE_VALIDATE] = {"validate", "validated"},
    [GT_NOTICE_BULK] = {"bulk", NULL},
    [GT_NOTICE_CLEANUP] = {"cleanup", "cleaned up"},
    [GT_NOTICE_REKEY] = {"rekey", NULL},
    [GT_NOTICE_CHALLENGE] = {"challenge", "token dropped by a claims challenge"},
    [GT_NOTICE_REFUSED] = {"refused", NULL},
    [GT_NOTICE_LIMIT] = {"limit", NULL},
    [GT_NOTICE_CACHE] = {"cache", NULL},
    [GT_NOTICE_CALLER] = {"caller", NULL},
    [GT_NOTICE_LEASE_WAIT] = {"lease_wait", NULL},
    [GT_NOTICE_MAIL] = {"mail", "mail"},
    [GT_NOTICE_DRAFT] = {"draft", "draft"},
    [GT_NOTICE_UPSTREAM] = {"upstream", NULL},
    [GT_NOTICE_CLIENT] = {"client", NULL},
    [GT_NOTICE_SUBSCRIPTION] = {"subscription", "subscription"},
    [GT_NOTICE_NOTIFIED] = {"notified", NULL},
    [GT_NOTICE_DELIVERED] = {"delivered", NULL},
    [GT_NOTICE_FORGED] = {"forged_notification", NULL},
    [GT_NOTICE_STORE_FAILED] = {"store_failed", NULL},
    [GT_NOTICE_AUDITED] = {"audited", NULL},
    [GT_NOTICE_AUDIT_FAILED] = {"audit_failed", NULL},
};

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

static int log_it(void *baton, const gt_notice_t *notice)
{
    (void)baton;
    if (notice->err == GT_OK && words[notice->kind].done != NULL)
        gt_log(GT_LOG_INFO, NULL, "%s: store %s, user %s, provider %s%s%s",
               words[notice->kind].done, or_nothing(notice->store), or_nothing(notice->user),
               or_nothing(notice->provider), notice->detail != NULL ? ", " : "",
               or_nothing(notice->detail));
    return 1;
}

#define LOGGED                                                                                     \
    (GT_NOTICES(GT_NOTICE_SIGN_IN) | GT_NOTICES(GT_NOTICE_SIGN_OUT) |                              \
     GT_NOTICES(GT_NOTICE_REFRESH) | GT_NOTICES(GT_NOTICE_REVOKE) |                                \
     GT_NOTICES(GT_NOTICE_VALIDATE) | GT_NOTICES(GT_NOTICE_CLEANUP) |                              \
     GT_NOTICES(GT_NOTICE_DEACTIVATE) | GT_NOTICES(GT_NOTICE_CHALLENGE) |                          \
     GT_NOTICES(GT_NOTICE_ACTIVATE) | GT_NOTICES(GT_NOTICE_MAIL_ACCOUNT) |                         \
     GT_NOTICES(GT_NOTICE_MAIL) | GT_NOTICES(GT_NOTICE_DRAFT) |                                    \
     GT_NOTICES(GT_NOTICE_SUBSCRIPTION))

static gt_notice_sink_t sinks[SINKS_MAX] = {{NULL, LOGGED, log_it}};
static int sink_count = 1;

void gt_notice_to(const gt_notice_sink_t *sink)
{
    assert(sink_count < SINKS_MAX && sink->take != NULL);
    sinks[sink_count++] = *sink;
}

void gt_notice_to_none(void)
{
    sink_count = 1;
}

const char *gt_notice_name(gt_notice_kind_t kind)
{
    assert(kind < GT_NOTICE_KINDS);
    return words[kind].name;
}

/* @param stops  1: after a sink that says no, none may count what does not happen */
static int tell(const gt_notice_t *notice, int stops)
{
    int all = 1;

    assert(notice->kind < GT_NOTICE_KINDS);
    for (int i = 0; i < sink_count && (all || !stops); i++)
        if ((sinks[i].kinds & GT_NOTICES(notice->kind)) != 0)
            all &= sinks[i].take(sinks[i].baton, notice);
    return all;
}

void gt_notice(const gt_notice_t *notice)
{
    (void)tell(notice, 0);
}

gt_err_t *gt_notice_before(const gt_notice_t *notice, apr_pool_t *p)
{
    gt_err_t *err;

    if (tell(notice, 1))
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
    copy->client = apr_pstrdup(p, asker->client);
    copy->administrator = apr_pstrdup(p, asker->administrator);
    copy->job = apr_pstrdup(p, asker->job);
    if (asker->trace != NULL)
        copy->trace = apr_pmemdup(p, asker->trace, sizeof(*asker->trace));
    return copy;
}

const gt_trace_t *gt_asker_trace(const gt_asker_t *asker)
{
    return asker != NULL ? asker->trace : NULL;
}
