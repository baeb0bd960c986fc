/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file other_calendar.c The paths of calendar.c begin with "/me", which is replaced here. */

#include "graph/other_calendar.h"

#include <string.h>

#include <apr_strings.h>

#include "base/address.h"
#include "base/err.h"
#include "base/text.h"
#include "graph/id.h"

#define MINE "/me"
#define MY_CALENDAR "/me/calendar"

static void complain(gt_err_t **wrong, const char *field, const char *message, apr_pool_t *p)
{
    if (*wrong == GT_OK)
        *wrong = gt_err(p, GT_INVALID, "GT0713", "some parameters are wrong");
    gt_err_field(*wrong, field, message);
}

/* One segment of Graph's path, which stays one when it is decoded more than once on the way. */
static const char *mailbox_segment(const char *mailbox, apr_pool_t *p)
{
    if (gt_is_guid(mailbox) || (strpbrk(mailbox, "/\\%?\"") == NULL && gt_is_email(mailbox)))
        return gt_percent(mailbox, p);
    return NULL;
}

/* "/me/calendar" is the default calendar, "/me/calendarView" a view of its events. */
static const char *below_calendar(const char *path)
{
    const char *rest = path + strlen(MY_CALENDAR);

    if (strncmp(path, MY_CALENDAR, strlen(MY_CALENDAR)) == 0 && (*rest == '\0' || *rest == '?'))
        return rest;
    return path + strlen(MINE);
}

gt_err_t *gt_other_calendar(gt_graph_params_t *params, const char *mailbox, const char *calendar,
                            apr_pool_t *p)
{
    const char *owner = mailbox != NULL ? mailbox_segment(mailbox, p) : NULL;
    const char *id = calendar != NULL ? gt_graph_id(calendar, p) : NULL;
    gt_err_t *wrong = GT_OK;

    if (mailbox != NULL && owner == NULL)
        complain(&wrong, "mailbox", "must be the address of a mailbox, or the id of its user", p);
    if (calendar != NULL && id == NULL)
        complain(&wrong, "calendar", "must be the id of a calendar", p);
    GT_TRY(wrong);
    params->path =
        apr_pstrcat(p, owner != NULL ? "/users/" : MINE, owner != NULL ? owner : "",
                    id != NULL ? "/calendars/" : "", id != NULL ? id : "",
                    id != NULL ? below_calendar(params->path) : params->path + strlen(MINE), NULL);
    return GT_OK;
}

void gt_other_calendar_of_group(gt_graph_params_t *params, const char *group, apr_pool_t *p)
{
    params->path = apr_pstrcat(p, "/groups/", group, params->path + strlen(MINE), NULL);
}

gt_err_t *gt_calendar_group(const char **group, const char *id, apr_pool_t *p)
{
    gt_err_t *wrong = GT_OK;

    if (!gt_is_guid(id))
        complain(&wrong, "group",
                 "must be the id of a Microsoft 365 group (its object id in Entra), as in "
                 "01d4ee64-15ce-491e-bad1-b91aa3223df4",
                 p);
    GT_TRY(wrong);
    *group = gt_lower(id, p);
    return GT_OK;
}
