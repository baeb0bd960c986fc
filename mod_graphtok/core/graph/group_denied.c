/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file group_denied.c The reasons in the order in which a token rules them out. */

#include "graph/group_denied.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define READ "Group.Read.All"
#define WRITE "Group.ReadWrite.All"

static int lacks_scope(const gt_group_call_t *call)
{
    return call->scope != NULL && *call->scope != '\0' && !gt_has_scope(call->scope, WRITE) &&
           !(call->is_reading && gt_has_scope(call->scope, READ));
}

static const char *needed(const gt_group_call_t *call)
{
    return call->is_reading ? READ " or " WRITE : WRITE;
}

/* Graph's own words end with a full stop. */
static const char *without_stop(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);

    return len > 0 && text[len - 1] == '.' ? apr_pstrmemdup(p, text, len - 1) : text;
}

void gt_group_denied(gt_err_t *err, const gt_group_call_t *call)
{
    apr_pool_t *p = err->pool;
    const char *why;

    if (err->cls != GT_REFUSED || err->status != 403)
        return;
    if (call->is_application) {
        err->tag = "GT0771";
        why = "Graph opens the events of groups to no application permission: the account needs a "
              "user (GraphTokAccountGrant password), and the registration the delegated "
              "permission " WRITE;
    }
    else if (lacks_scope(call)) {
        err->tag = "GT0772";
        why = apr_psprintf(
            p,
            "its token lacks the delegated permission %s: add it to the registration as a "
            "delegated permission (not an application permission), grant admin consent for it, "
            "name it in GraphTokScope or GraphTokAccountScope, and sign in again",
            needed(call));
    }
    else {
        err->tag = "GT0773";
        why = apr_psprintf(
            p,
            "the user of the token must be a member of group %s, which must be a Microsoft 365 "
            "group of the user's own tenant: check the id and the membership; where both are "
            "right, check that admin consent was given for the delegated permission %s, and "
            "whether Conditional Access demands a second factor of this user",
            call->group, needed(call));
    }
    err->detail = apr_pstrcat(p, without_stop(err->detail, p), "; ", why, NULL);
}
