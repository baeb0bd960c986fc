/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Editing the text of a keyring, line by line. gt_keyring_parse, called for a line at a time, tells
 * which key a line holds; this file knows of the format only that it has lines and our comments.
 */

#include "crypt/keytext.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

#define SINCE " writes since "

/* A line of the text with its newline, which the last one may lack. */
typedef struct line_t {
    const char *at;
    apr_size_t len;
} line_t;

static int next_line(line_t *line, const char **at, const char *end)
{
    const char *newline;

    if (*at == end)
        return 0;
    newline = memchr(*at, '\n', (apr_size_t)(end - *at));
    line->at = *at;
    line->len = (apr_size_t)((newline != NULL ? newline + 1 : end) - *at);
    *at += line->len;
    return 1;
}

/* The key a line holds, or NULL. */
static const gt_key_t *key_of(line_t line, apr_pool_t *p)
{
    gt_secret_t *copy = gt_secret_make(line.at, line.len, p);
    gt_keyring_t *ring = NULL;

    if (gt_keyring_parse(&ring, copy, p) != GT_OK)
        ring = NULL;
    gt_secret_wipe(copy);
    return ring != NULL ? APR_ARRAY_IDX(gt_keyring_keys(ring), 0, const gt_key_t *) : NULL;
}

/* The time in our comment about a key, or NULL when the line is something else. */
static const char *since_of(line_t line, const char *id, apr_pool_t *p)
{
    const char *head = apr_pstrcat(p, "# ", id, SINCE, NULL);
    apr_size_t len = strlen(head);

    if (line.len <= len || memcmp(line.at, head, len) != 0)
        return NULL;
    return gt_trim(apr_pstrmemdup(p, line.at + len, line.len - len), p);
}

/* Our comment about any key. */
static int is_note(line_t line, apr_pool_t *p)
{
    return line.len > 0 && line.at[0] == '#' &&
           strstr(apr_pstrmemdup(p, line.at, line.len), SINCE) != NULL;
}

/* A secret that grows. */
typedef struct build_t {
    gt_secret_t *secret;
    apr_size_t used;
} build_t;

static build_t build_of(apr_size_t room, apr_pool_t *p)
{
    return (build_t){gt_secret_blank(room, p), 0};
}

/* Each line ends with a line end, also where the text it came from lacked one. */
static void add_line(build_t *build, const char *bytes, apr_size_t len)
{
    unsigned char *to = gt_secret_bytes(build->secret) + build->used;

    memcpy(to, bytes, len);
    build->used += len;
    if (len > 0 && bytes[len - 1] != '\n') {
        to[len] = '\n';
        build->used++;
    }
}

static gt_secret_t *built(build_t *build)
{
    gt_secret_cut(build->secret, build->used);
    return build->secret;
}

gt_secret_t *gt_keytext_append(const gt_secret_t *text, const gt_secret_t *line, apr_pool_t *p)
{
    build_t build = build_of(gt_secret_len(text) + gt_secret_len(line) + 2, p);

    add_line(&build, gt_secret_text(text), gt_secret_len(text));
    add_line(&build, gt_secret_text(line), gt_secret_len(line));
    return built(&build);
}

gt_secret_t *gt_keytext_lead(const gt_secret_t *text, const gt_secret_t *line, apr_time_t now,
                             apr_pool_t *p)
{
    const line_t own = {gt_secret_text(line), gt_secret_len(line)};
    const gt_key_t *key = key_of(own, p);
    const char *note =
        apr_pstrcat(p, "# ", key != NULL ? key->id : "", SINCE, gt_rfc3339(now, p), "\n", NULL);
    build_t build = build_of(gt_secret_len(text) + own.len + strlen(note) + 3, p);
    const char *at = gt_secret_text(text);
    const char *end = at + gt_secret_len(text);
    const char *first = end;
    line_t one;

    /* Behind the comments at the head of the file, but before one that is about the next key. */
    while (first == end && next_line(&one, &at, end))
        if (key_of(one, p) != NULL || is_note(one, p))
            first = one.at;
    at = gt_secret_text(text);
    add_line(&build, at, (apr_size_t)(first - at));
    add_line(&build, note, strlen(note));
    add_line(&build, own.at, own.len);
    add_line(&build, first, (apr_size_t)(end - first));
    return built(&build);
}

gt_err_t *gt_keytext_take(gt_secret_t **rest, gt_secret_t **line, const gt_secret_t *text,
                          const char *id, apr_pool_t *p)
{
    build_t build = build_of(gt_secret_len(text) + 1, p);
    const char *at = gt_secret_text(text);
    const char *end = at + gt_secret_len(text);
    int is_there = 0;
    line_t one;

    while (next_line(&one, &at, end)) {
        const gt_key_t *key = key_of(one, p);

        if (key != NULL && strcmp(key->id, id) == 0) {
            is_there = 1;
            if (line != NULL)
                *line = gt_secret_make(one.at, one.len, p);
        }
        else if (since_of(one, id, p) == NULL)
            add_line(&build, one.at, one.len);
    }
    if (!is_there)
        return gt_err(p, GT_NOT_FOUND, "GT0215", "the keyring has no key %s", id);
    *rest = built(&build);
    return GT_OK;
}

const char *gt_keytext_since(const gt_secret_t *text, const char *id, apr_pool_t *p)
{
    const char *at = gt_secret_text(text);
    const char *end = at + gt_secret_len(text);
    const char *since = NULL;
    line_t one;

    while (since == NULL && next_line(&one, &at, end))
        since = since_of(one, id, p);
    return since;
}

static const char *purposes_of(const gt_key_t *key, apr_pool_t *p)
{
    const char *text = "";

    if (key->purposes == (1U << GT_PURPOSES) - 1)
        return "any";
    for (int i = 0; i < GT_PURPOSES; i++)
        if ((key->purposes & 1U << i) != 0)
            text = apr_pstrcat(p, text, *text != '\0' ? "," : "", gt_purpose_name((gt_purpose_t)i),
                               NULL);
    return text;
}

/* The last word of a line, which is its key. */
static line_t last_word(line_t line)
{
    static const char blanks[] = " \t\r\n\v\f";
    apr_size_t from;

    while (line.len > 0 && strchr(blanks, line.at[line.len - 1]) != NULL)
        line.len--;
    for (from = line.len; from > 0 && strchr(blanks, line.at[from - 1]) == NULL; from--)
        ;
    return (line_t){line.at + from, line.len - from};
}

gt_err_t *gt_keytext_line(gt_secret_t **line, const gt_secret_t *given, const char *id,
                          const char *purposes, apr_pool_t *p)
{
    const line_t own = {gt_secret_text(given), gt_secret_len(given)};
    const gt_key_t *key = key_of(own, p);
    const line_t word = last_word(own);
    const char *head;
    build_t build;

    *line = NULL;
    if (key == NULL || memchr(own.at, '\n', (apr_size_t)(word.at - own.at)) != NULL)
        return gt_err(p, GT_INVALID, "GT0216",
                      "this is no key: one line, ID PURPOSE KEY or a key alone, is expected");
    head = apr_pstrcat(p, id != NULL ? id : key->id, " ",
                       purposes != NULL ? purposes : purposes_of(key, p), " ", NULL);
    build = build_of(strlen(head) + word.len + 1, p);
    memcpy(gt_secret_bytes(build.secret), head, strlen(head));
    build.used = strlen(head);
    add_line(&build, word.at, word.len);
    *line = built(&build);
    if (key_of((line_t){gt_secret_text(*line), gt_secret_len(*line)}, p) == NULL)
        return gt_err(p, GT_INVALID, "GT0217",
                      "an id is 1 to 32 of A-Z a-z 0-9 - _; purposes are access, refresh, "
                      "personal, cookie, with commas between, or any");
    return GT_OK;
}

gt_secret_t *gt_keytext_join(const gt_secret_t *first, const gt_secret_t *second, apr_pool_t *p)
{
    apr_size_t len = gt_secret_len(first);
    gt_secret_t *both = gt_secret_blank(len + 1 + gt_secret_len(second), p);
    char *bytes = (char *)gt_secret_bytes(both);

    memcpy(bytes, gt_secret_text(first), len);
    bytes[len] = '\n';
    memcpy(bytes + len + 1, gt_secret_text(second), gt_secret_len(second));
    return both;
}
