/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A cursor is lines in base64url: the beginning of a digest of the others, by which damage is seen;
 * the list; the time of the last grant where the list is by one; its provider; its user. The line
 * of the list names its order and its filter, so that a cursor fits that list alone. The user
 * stands last, since it is the only text that may hold a line's end.
 */

#include "admin/cursor.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define LONGEST 2048 /* bytes: more is no cursor of ours */
#define DIGEST 4     /* bytes of it */

static const char *digest_of(const char *text, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, text, strlen(text));
    return gt_hex(digest, DIGEST, p);
}

static const char *list_of(const gt_pick_t *pick, apr_pool_t *p)
{
    return apr_psprintf(p, "%d %d %d %" APR_INT64_T_FMT " %s", (int)pick->order, pick->status,
                        pick->is_failing != 0, pick->days,
                        pick->provider != NULL ? pick->provider : "");
}

const char *gt_cursor(const gt_pick_t *pick, const gt_grant_t *grant, apr_pool_t *p)
{
    const char *time = grant->time_key != NULL ? grant->time_key : "";
    const char *text = apr_pstrcat(p, list_of(pick, p), "\n", time, "\n", grant->owner.provider,
                                   "\n", grant->owner.user, NULL);

    text = apr_pstrcat(p, digest_of(text, p), "\n", text, NULL);
    return gt_base64url(text, strlen(text), p);
}

/** Cut off a line. @return NULL when there is no other line behind it */
static char *cut_line(char **rest)
{
    char *line = *rest, *end = line != NULL ? strchr(line, '\n') : NULL;

    if (end == NULL)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

gt_cursor_kind_t gt_cursor_read(gt_grant_place_t *place, const char *cursor, const gt_pick_t *pick,
                                apr_pool_t *p)
{
    const char *digest, *list, *time, *provider;
    unsigned char *bytes;
    apr_size_t len;
    char *rest;

    if (strlen(cursor) > LONGEST || !gt_base64_decode(&bytes, &len, cursor, strlen(cursor), 0, p) ||
        strlen((char *)bytes) != len || !gt_is_utf8((char *)bytes, len))
        return GT_CURSOR_NONE;
    rest = (char *)bytes;
    digest = cut_line(&rest);
    if (digest == NULL || strcmp(digest, digest_of(rest, p)) != 0)
        return GT_CURSOR_NONE;
    list = cut_line(&rest);
    time = cut_line(&rest);
    provider = cut_line(&rest);
    if (provider == NULL || *provider == '\0' || *rest == '\0')
        return GT_CURSOR_NONE;
    *place = (gt_grant_place_t){{rest, provider}, *time != '\0' ? time : NULL};
    return strcmp(list, list_of(pick, p)) == 0 ? GT_CURSOR_OURS : GT_CURSOR_FOREIGN;
}
