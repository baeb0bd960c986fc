/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file allow.c
 * A path is judged by the segments that routes see (net/path.h): an encoded slash makes no further
 * segment, and a segment that is empty, no UTF-8, "." or ".." fits nothing.
 */

#include "conf/allow.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"
#include "crypt/claim_value.h"
#include "net/path.h"

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

#define METHODS (sizeof(methods) / sizeof(methods[0]))
#define LONGEST 1023
#define CLAIM "claim:"

/* ---- keys in parentheses ---- */

/** "'it''s'" as "it's"; anything else as it is. Appends to what `end` points at. */
static char *put_key(char *end, const char *key, apr_size_t len)
{
    const char *stop = key + len;

    if (len < 2 || key[0] != '\'' || stop[-1] != '\'') {
        memcpy(end, key, len);
        return end + len;
    }
    for (key++, stop--; key < stop; key++) {
        *end++ = *key;
        if (key[0] == '\'' && key + 1 < stop && key[1] == '\'')
            key++;
    }
    return end;
}

/** A segment; one with a key becomes two. */
static char *put_segment(char *end, const char *segment, apr_size_t len)
{
    const char *open = memchr(segment, '(', len);
    apr_size_t name = open != NULL ? (apr_size_t)(open - segment) : 0;

    if (name == 0 || segment[len - 1] != ')') {
        memcpy(end, segment, len);
        return end + len;
    }
    memcpy(end, segment, name);
    end += name;
    if (len - name == 2)
        return end;
    *end++ = '/';
    return put_key(end, open + 1, len - name - 2);
}

/** A path with its keys as segments. It grows by none of them: a slash takes the parenthesis'
 * place. */
static const char *with_keys_apart(const char *path, apr_pool_t *p)
{
    char *text, *end;

    if (strchr(path, '(') == NULL)
        return path;
    text = end = apr_palloc(p, strlen(path) + 1);
    for (;;) {
        apr_size_t len = strcspn(path, "/");

        if (len > 0)
            end = put_segment(end, path, len);
        *end++ = path[len];
        if (path[len] == '\0')
            return text;
        path += len + 1;
    }
}

/* ---- reading ---- */

/** The bit of a method; 0: it is none. */
static unsigned method_bit(const char *name)
{
    for (apr_size_t i = 0; i < METHODS; i++)
        if (strcmp(methods[i], name) == 0)
            return 1U << i;
    return 0;
}

static const char *wrong_method(const char *word, apr_pool_t *p)
{
    if (strcasecmp(word, "HEAD") == 0)
        return "HEAD goes with GET, and is not named";
    return apr_psprintf(p,
                        "'%s' is no method; write one or more of GET POST PUT PATCH DELETE, "
                        "then a path such as /calendar/events/**",
                        word);
}

/** The fault of a segment of a pattern, or NULL. */
static const char *segment_fault(const char *segment, apr_size_t len, int is_last)
{
    if (len == 0 && !is_last)
        return "it has two slashes in a row";
    if ((len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0))
        return "its segments cannot be '.' or '..'";
    if (len == 2 && memcmp(segment, "**", 2) == 0)
        return is_last ? NULL : "'**' is the rest of a path, and stands at its end";
    if (len > 1 && memchr(segment, '*', len) != NULL)
        return "'*' stands for a whole segment, and not for a part of one";
    return NULL;
}

static const char *pattern_fault(const char *pattern)
{
    const char *at = pattern + 1;

    if (pattern[0] != '/')
        return "it is a path of this server, and begins with '/'";
    if (strlen(pattern) > LONGEST || !gt_is_utf8(pattern, strlen(pattern)))
        return "it is longer than 1,023 bytes or no UTF-8";
    for (const char *c = pattern; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("%?#\\", *c) != NULL)
            return "it is compared with a decoded path without its query, and has no blanks, '%', "
                   "'?', '#' and '\\'";
    for (;;) {
        apr_size_t len = strcspn(at, "/");
        const char *fault = segment_fault(at, len, at[len] == '\0');

        if (fault != NULL || at[len] == '\0')
            return fault;
        at += len + 1;
    }
}

/** Without a slash at its end, as paths are compared. */
static const char *trimmed(const char *path, apr_pool_t *p)
{
    apr_size_t len = strlen(path);

    return len > 1 && path[len - 1] == '/' ? apr_pstrmemdup(p, path, len - 1) : path;
}

/** "claim:NAME=VALUE". */
static int read_claim(gt_allow_t *rule, const char *word, const char **why, apr_pool_t *p)
{
    const char *name = word + strlen(CLAIM), *equals = strchr(name, '=');
    gt_allow_claim_t *claim;

    if (equals == NULL || equals == name || equals[1] == '\0') {
        *why = apr_psprintf(p,
                            "'%s' is no claim: write claim:NAME=VALUE, such as "
                            "claim:roles=agent",
                            word);
        return 0;
    }
    if (rule->claims == NULL)
        rule->claims = apr_array_make(p, 1, sizeof(*claim));
    claim = apr_array_push(rule->claims);
    claim->name = apr_pstrmemdup(p, name, (apr_size_t)(equals - name));
    claim->value = apr_pstrdup(p, equals + 1);
    return 1;
}

static int read_method(gt_allow_t *rule, const char *word, const char **why, apr_pool_t *p)
{
    unsigned bit = method_bit(word);

    rule->methods |= bit;
    if (bit == 0)
        *why = wrong_method(word, p);
    return bit != 0;
}

static int is_claim(const char *word)
{
    return strncmp(word, CLAIM, strlen(CLAIM)) == 0;
}

int gt_allow_parse(gt_allow_t *rule, const char *text, const char **why, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(text, " ", p);
    const char *const *word = (const char *const *)words->elts;
    int at = words->nelts - 1;
    const char *pattern, *fault;

    *rule = (gt_allow_t){0};
    while (at >= 0 && is_claim(word[at]))
        at--;
    pattern = at >= 0 ? word[at] : "";
    fault = pattern_fault(pattern);
    for (int i = 0; i < at; i++)
        if (!read_method(rule, word[i], why, p))
            return 0;
    for (int i = at + 1; i < words->nelts; i++)
        if (!read_claim(rule, word[i], why, p))
            return 0;
    rule->pattern = with_keys_apart(trimmed(apr_pstrdup(p, pattern), p), p);
    if (at < 1)
        *why = "it needs one method or more, and a path: GET POST /calendar/events/**";
    else if (fault != NULL)
        *why = apr_psprintf(p, "'%s' is no pattern: %s", pattern, fault);
    else
        return 1;
    return 0;
}

char *gt_allow_text(const gt_allow_t *rule, apr_pool_t *p)
{
    char *text = apr_pstrdup(p, "");

    for (apr_size_t i = 0; i < METHODS; i++)
        if (rule->methods & 1U << i)
            text = apr_pstrcat(p, text, methods[i], " ", NULL);
    text = apr_pstrcat(p, text, rule->pattern, NULL);
    for (int i = 0; rule->claims != NULL && i < rule->claims->nelts; i++) {
        const gt_allow_claim_t *claim = &APR_ARRAY_IDX(rule->claims, i, gt_allow_claim_t);

        text = apr_pstrcat(p, text, " " CLAIM, claim->name, "=", claim->value, NULL);
    }
    return text;
}

/* ---- judging ---- */

static int is_plain(const char *segment, apr_size_t len, apr_pool_t *p)
{
    const char *text = gt_path_segment(segment, len, p);

    return text != NULL && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/** All segments from here on. */
static int are_plain(const char *path, apr_pool_t *p)
{
    for (;;) {
        apr_size_t len = strcspn(path, "/");

        if (!is_plain(path, len, p))
            return 0;
        if (path[len] == '\0')
            return 1;
        path += len + 1;
    }
}

/** Both without their first slash. @param path  NULL: it is over, which "**" takes as well */
static int fits(const char *pattern, const char *path, apr_pool_t *p)
{
    while (strcmp(pattern, "**") != 0) {
        apr_size_t want = strcspn(pattern, "/");
        apr_size_t have = path != NULL ? strcspn(path, "/") : 0;

        if (path == NULL)
            return *pattern == '\0';
        if (!is_plain(path, have, p))
            return 0;
        if (!(want == 1 && *pattern == '*') && (want != have || memcmp(pattern, path, want) != 0))
            return 0;
        if (pattern[want] == '\0')
            return path[have] == '\0';
        pattern += want + 1;
        path = path[have] != '\0' ? path + have + 1 : NULL;
    }
    return path == NULL || are_plain(path, p);
}

static int has_claims(const gt_allow_t *rule, const json_t *claims, apr_pool_t *p)
{
    for (int i = 0; rule->claims != NULL && i < rule->claims->nelts; i++) {
        const gt_allow_claim_t *claim = &APR_ARRAY_IDX(rule->claims, i, gt_allow_claim_t);

        if (!gt_claim_holds(claims, claim->name, claim->value, p))
            return 0;
    }
    return 1;
}

int gt_allow_fits(const apr_array_header_t *rules, const char *method, const char *path,
                  const json_t *claims, apr_pool_t *p)
{
    unsigned bit = method_bit(method);
    const char *rest = path[0] == '/' ? with_keys_apart(trimmed(path, p) + 1, p) : path;

    for (int i = 0; path[0] == '/' && rules != NULL && i < rules->nelts; i++) {
        const gt_allow_t *rule = &APR_ARRAY_IDX(rules, i, gt_allow_t);

        if ((rule->methods & bit) && fits(rule->pattern + 1, *rest != '\0' ? rest : NULL, p) &&
            has_claims(rule, claims, p))
            return 1;
    }
    return 0;
}

int gt_allow_reaches(const gt_allow_t *rule, const char *place)
{
    const char *pattern = rule->pattern + 1;

    for (const char *at = place; *at == '/';) {
        apr_size_t want = strcspn(pattern, "/"), have = strcspn(at + 1, "/");

        if (want == 2 && memcmp(pattern, "**", 2) == 0)
            return 1;
        if (!(want == 1 && *pattern == '*') && (want != have || memcmp(pattern, at + 1, want) != 0))
            return 0;
        at += have + 1;
        if (pattern[want] == '\0')
            return *at == '\0';
        pattern += want + 1;
    }
    return 1;
}
