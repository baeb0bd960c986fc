/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file json_place.c
 * One pass over the bytes that a parser has read already, knowing texts, braces, brackets and
 * commas. The text may be broken, so nothing is taken for granted; depth is bounded.
 */

#include "base/json_place.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define DEPTH_MAX 32
#define NAME_SHOWN 64

/* An object or array that is open. */
typedef struct level_t {
    int is_object;
    int wants_name;   /* the next text is a name */
    const char *name; /* raw, without quotes; NULL: none yet */
    apr_size_t name_len;
    int index;
} level_t;

/* One past the closing quote, or the end. */
static const char *past_text(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    return at < end ? at + 1 : end;
}

static void take_name(level_t *level, const char *from, const char *past)
{
    if (!level->is_object || !level->wants_name)
        return;
    level->name = from;
    level->name_len = (apr_size_t)(past - from);
    if (level->name_len > 0 && from[level->name_len - 1] == '"')
        level->name_len--;
    level->wants_name = 0;
}

static void take_comma(level_t *level)
{
    level->index++;
    level->wants_name = level->is_object;
}

/* A name that can be shown as it stands. */
static int is_plain(const level_t *level)
{
    for (apr_size_t i = 0; i < level->name_len; i++) {
        if ((unsigned char)level->name[i] < ' ' || level->name[i] == '\\' || level->name[i] == 0x7F)
            return 0;
    }
    return level->name_len <= NAME_SHOWN && gt_is_utf8(level->name, level->name_len);
}

static const char *path_of(const level_t *levels, int depth, apr_pool_t *p)
{
    const char *path = "";

    for (int i = 0; i < depth; i++) {
        const level_t *level = &levels[i];

        if (!level->is_object)
            path = apr_psprintf(p, "%s[%d]", path, level->index);
        else if (level->name != NULL)
            path = apr_pstrcat(p, path, *path ? "." : "",
                               is_plain(level) ? apr_pstrmemdup(p, level->name, level->name_len)
                                               : "(a name)",
                               NULL);
    }
    return path;
}

const char *gt_json_place(const char *bytes, apr_size_t at, apr_pool_t *p)
{
    level_t levels[DEPTH_MAX];
    const char *c = bytes, *end = bytes + at;
    int depth = 0;

    while (c < end) {
        char now = *c++;

        if (now == '"') {
            const char *past = past_text(c, end);

            if (depth > 0)
                take_name(&levels[depth - 1], c, past);
            c = past;
        }
        else if ((now == '{' || now == '[') && depth < DEPTH_MAX)
            levels[depth++] = (level_t){now == '{', now == '{', NULL, 0, 0};
        else if ((now == '}' || now == ']') && depth > 0)
            depth--;
        else if (now == ',' && depth > 0)
            take_comma(&levels[depth - 1]);
    }
    return path_of(levels, depth, p);
}
