/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file own_text.c Goes through a text line by line until it meets one that is another's. */

#include "triage/own_text.h"

#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "triage/fold.h"
#include "triage/rules_struct.h"

#define SUBJECT_MAX 1000
#define TEXT_MAX (16 * 1024)
#define RULER_LEAST 10 /* underscores, as Outlook draws a line above an earlier mail */

/** Bytes that are there, up to a bound. */
static apr_size_t length_of(const char *text, apr_size_t most)
{
    const char *end = text != NULL ? memchr(text, '\0', most) : NULL;

    if (text == NULL)
        return 0;
    return end != NULL ? (apr_size_t)(end - text) : most;
}

static int is_ruler(const char *line, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len && line[i] == '_')
        i++;
    return i >= RULER_LEAST;
}

/* "-- " ends what a mail says; format=flowed and some programs lose the blank. */
static int is_signature(const char *line, apr_size_t len)
{
    return (len == 2 || (len == 3 && line[2] == ' ')) && memcmp(line, "--", 2) == 0;
}

/* A line that begins an earlier mail. @param folded  its words */
static int is_quoted_from_here(const char *folded, const gt_triage_rules_t *rules, apr_pool_t *p)
{
    apr_size_t len = strlen(folded);
    const char *line;

    while (len > 1 && strchr(" .?", folded[len - 1]) != NULL)
        len--;
    if (len <= 1)
        return 0;
    line = apr_pstrmemdup(p, folded + 1, len - 1);
    for (int i = 0; i < rules->quoted->nelts; i++) {
        if (apr_fnmatch(APR_ARRAY_IDX(rules->quoted, i, const char *), line, 0) == APR_SUCCESS)
            return 1;
    }
    return 0;
}

static void add(apr_array_header_t *parts, const char *folded)
{
    APR_ARRAY_PUSH(parts, const char *) = *folded != '\0' ? folded + 1 : folded;
}

/* 0: what follows is not the sender's. */
static int take_line(apr_array_header_t *parts, const char *line, apr_size_t len,
                     const gt_triage_rules_t *rules, apr_pool_t *p)
{
    const char *folded;

    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (is_signature(line, len) || is_ruler(line, len))
        return 0;
    if (len > 0 && line[0] == '>')
        return 1;
    folded = gt_fold(line, len, p);
    if (is_quoted_from_here(folded, rules, p))
        return 0;
    add(parts, folded[1] != '\0' ? folded : " . ");
    return 1;
}

const char *gt_own_text(const char *subject, const char *text, const gt_triage_rules_t *rules,
                        apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 32, sizeof(const char *));
    apr_size_t left = length_of(text, TEXT_MAX);

    APR_ARRAY_PUSH(parts, const char *) = " ";
    add(parts, gt_fold(subject, length_of(subject, SUBJECT_MAX), p));
    add(parts, " . ");
    for (int goes_on = 1; left > 0 && goes_on;) {
        const char *newline = memchr(text, '\n', left);
        apr_size_t len = newline != NULL ? (apr_size_t)(newline - text) : left;

        goes_on = take_line(parts, text, len, rules, p);
        len += newline != NULL;
        text += len;
        left -= len;
    }
    return apr_array_pstrcat(p, parts, '\0');
}
