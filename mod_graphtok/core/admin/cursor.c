/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A cursor is lines: the list; the time of the last grant where the list is by one; its provider;
 * its user. The line of the list names its order and its filter, so that a cursor fits that list
 * alone. The user stands last, since it is the only text that may hold a line's end.
 */

#include "admin/cursor.h"

#include <string.h>

#include <apr_strings.h>

#include "base/handed_text.h"

static const char *list_of(const gt_pick_t *pick, apr_pool_t *p)
{
    return apr_psprintf(p, "%d %d %d %" APR_INT64_T_FMT " %s", (int)pick->order, pick->status,
                        pick->is_failing != 0, pick->days,
                        pick->provider != NULL ? pick->provider : "");
}

const char *gt_cursor(const gt_pick_t *pick, const gt_grant_t *grant, apr_pool_t *p)
{
    const char *time = grant->time_key != NULL ? grant->time_key : "";

    return gt_hand_out(apr_pstrcat(p, list_of(pick, p), "\n", time, "\n", grant->owner.provider,
                                   "\n", grant->owner.user, NULL),
                       p);
}

gt_cursor_kind_t gt_cursor_read(gt_grant_place_t *place, const char *cursor, const gt_pick_t *pick,
                                apr_pool_t *p)
{
    const char *list, *time, *provider;
    char *rest = gt_take_back(cursor, p);

    list = gt_cut_line(&rest);
    time = gt_cut_line(&rest);
    provider = gt_cut_line(&rest);
    if (provider == NULL || *provider == '\0' || *rest == '\0')
        return GT_CURSOR_NONE;
    *place = (gt_grant_place_t){{rest, provider}, *time != '\0' ? time : NULL};
    return strcmp(list, list_of(pick, p)) == 0 ? GT_CURSOR_OURS : GT_CURSOR_FOREIGN;
}
