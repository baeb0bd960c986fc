/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Matching a path with a pattern. A hole is for an id, which may hold slashes (base64); the code
 * that takes the id encodes it again. A tail is sent on as a path, so each of its segments must be
 * the same for every server behind, also for one that decodes once more or takes a backslash for a
 * slash.
 */

#include "net/path.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"

#define ENCODED_SLASH "%2F"

static char *find_slash(char *text)
{
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, ENCODED_SLASH, strlen(ENCODED_SLASH)) == 0)
            return text;
    }
    return NULL;
}

const char *gt_path_segment(const char *raw, apr_size_t len, apr_pool_t *p)
{
    char *text = apr_pstrmemdup(p, raw, len);
    char *slash;

    if (len == 0 || !gt_is_utf8(text, len))
        return NULL;
    for (slash = find_slash(text); slash != NULL; slash = find_slash(slash)) {
        *slash = '/';
        memmove(slash + 1, slash + 3, strlen(slash + 3) + 1);
    }
    return text;
}

static int is_plain_segment(const char *segment, apr_size_t len)
{
    apr_size_t i;

    if (len == 0 || (len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0))
        return 0;
    for (i = 0; i < len; i++) {
        if ((unsigned char)segment[i] < ' ' || segment[i] == 0x7F || segment[i] == '\\')
            return 0;
        if (len - i >= 3 && strncasecmp(segment + i, ENCODED_SLASH, 3) == 0)
            return 0;
    }
    return gt_is_utf8(segment, len);
}

/* All that is left of a path; NULL when it may not go on. */
static const char *take_tail(const char *path, apr_pool_t *p)
{
    const char *at = path;

    for (;;) {
        apr_size_t len = strcspn(at, "/");

        if (!is_plain_segment(at, len))
            return NULL;
        if (at[len] == '\0')
            return apr_pstrdup(p, path);
        at += len + 1;
    }
}

int gt_path_fits(gt_path_match_t *match, const char *pattern, const char *path, apr_pool_t *p)
{
    int holes = 0;

    memset(match, 0, sizeof(*match));
    for (;;) {
        apr_size_t have = strcspn(path, "/"), want = strcspn(pattern, "/");

        if (strcmp(pattern, "{*}") == 0) {
            match->tail = take_tail(path, p);
            return match->tail != NULL;
        }
        if (want == 2 && memcmp(pattern, "{}", 2) == 0) {
            assert(holes < GT_PATH_HOLES);
            match->holes[holes] = gt_path_segment(path, have, p);
            if (match->holes[holes++] == NULL)
                return 0;
        }
        else if (have != want || memcmp(path, pattern, want) != 0) {
            return 0;
        }
        if (path[have] == '\0' || pattern[want] == '\0')
            return path[have] == pattern[want];
        path += have + 1;
        pattern += want + 1;
    }
}
