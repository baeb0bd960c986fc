/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A request body held against a table of rules. Every wrong field is found, and named by its path
 * as the client wrote it. Depth is bounded by the tables, width by their maxima; names that are
 * in no table come from a stranger and are cut before they are shown.
 */

#include "base/check.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define NAME_SHOWN 64
#define EMAIL_MAX 254
#define EMAIL_LOCAL_MAX 64
#define LABEL_MAX 63
#define LIST_TEXT_MAX 255

typedef struct check_t {
    gt_err_t *wrong; /* NULL until the first wrong field */
    int partial;
    apr_pool_t *pool;
} check_t;

static void check_members(check_t *check, const json_t *object, const gt_rule_t *rules,
                          const char *path);

static void complain(check_t *check, const char *path, const char *message)
{
    if (check->wrong == NULL)
        check->wrong = gt_err(check->pool, GT_INVALID, "GT0112", "some fields are not as expected");
    gt_err_field(check->wrong, path, message);
}

/* Line ends and tabs belong to a text; what else is below a blank no API of a provider takes. */
static int has_controls(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < 0x20 && strchr("\t\n\r", *text) == NULL) || *text == 0x7F)
            return 1;
    return 0;
}

static apr_int64_t count_characters(const char *text)
{
    apr_int64_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static const char *range_text(const gt_rule_t *rule, apr_pool_t *p)
{
    if (rule->min == rule->max)
        return apr_psprintf(p, "%" APR_INT64_T_FMT, rule->min);
    return apr_psprintf(p, "%" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, rule->min, rule->max);
}

static int is_in_range(apr_int64_t n, const gt_rule_t *rule)
{
    return n >= rule->min && n <= rule->max;
}

static void check_text(check_t *check, const json_t *value, const gt_rule_t *rule, const char *path)
{
    const char *text = json_string_value(value);

    if (text == NULL || !is_in_range(count_characters(text), rule))
        complain(check, path,
                 apr_pstrcat(check->pool, "must be a text of ", range_text(rule, check->pool),
                             " characters", NULL));
    else if (has_controls(text))
        complain(check, path, "must hold no control characters but line ends and tabs");
}

static void check_number(check_t *check, const json_t *value, const gt_rule_t *rule,
                         const char *path)
{
    if (!json_is_integer(value) || !is_in_range(json_integer_value(value), rule))
        complain(check, path,
                 apr_pstrcat(check->pool, "must be a whole number, ", range_text(rule, check->pool),
                             NULL));
}

/* 1 when `word` is one of the blank-separated `words`. */
static int is_among(const char *word, const char *words)
{
    size_t len = strlen(word);

    while (*words != '\0') {
        size_t n = strcspn(words, " ");

        if (n == len && n > 0 && memcmp(words, word, n) == 0)
            return 1;
        words += n;
        words += strspn(words, " ");
    }
    return 0;
}

static void check_word(check_t *check, const json_t *value, const gt_rule_t *rule, const char *path)
{
    const char *word = json_string_value(value);

    if (word == NULL || !is_among(word, rule->words))
        complain(check, path, apr_pstrcat(check->pool, "must be one of: ", rule->words, NULL));
}

static void check_list(check_t *check, const json_t *value, const gt_rule_t *rule, const char *path)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(value) || !is_in_range((apr_int64_t)json_array_size(value), rule)) {
        complain(check, path,
                 apr_pstrcat(check->pool, "must be a list of ", range_text(rule, check->pool),
                             rule->kind == GT_RULE_LIST ? " objects" : " texts", NULL));
        return;
    }
    json_array_foreach (value, i, item) {
        const char *here = apr_psprintf(check->pool, "%s[%lu]", path, (unsigned long)i);
        static const gt_rule_t each = {"", GT_RULE_TEXT, 0, 1, LIST_TEXT_MAX, NULL, NULL};

        if (rule->kind == GT_RULE_TEXTS)
            check_text(check, item, &each, here);
        else if (json_is_object(item))
            check_members(check, item, rule->inner, here);
        else
            complain(check, here, "must be an object");
    }
}

static void check_value(check_t *check, const json_t *value, const gt_rule_t *rule,
                        const char *path)
{
    apr_time_t ignored;

    switch (rule->kind) {
    case GT_RULE_TEXT:
        check_text(check, value, rule, path);
        break;
    case GT_RULE_BOOL:
        if (!json_is_boolean(value))
            complain(check, path, "must be true or false");
        break;
    case GT_RULE_NUMBER:
        check_number(check, value, rule, path);
        break;
    case GT_RULE_WORD:
        check_word(check, value, rule, path);
        break;
    case GT_RULE_EMAIL:
        if (!gt_is_email(json_string_value(value)))
            complain(check, path, "must be one e-mail address");
        break;
    case GT_RULE_LOCAL:
        if (!gt_local_time_parse(&ignored, json_string_value(value)))
            complain(check, path, "must be a date and time like 2026-11-21T07:00:00");
        break;
    case GT_RULE_OBJECT:
        if (json_is_object(value))
            check_members(check, value, rule->inner, path);
        else
            complain(check, path, "must be an object");
        break;
    case GT_RULE_LIST:
    case GT_RULE_TEXTS:
        check_list(check, value, rule, path);
        break;
    }
}

static int has_rule(const char *name, const gt_rule_t *rules)
{
    for (; rules->name[0] != '\0'; rules++)
        if (strcmp(rules->name, name) == 0)
            return 1;
    return 0;
}

/* A stranger's name, short enough to show; never cut within a character. */
static const char *shown_name(const char *name, apr_pool_t *p)
{
    size_t len = strlen(name);

    if (len <= NAME_SHOWN)
        return name;
    len = NAME_SHOWN;
    while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80)
        len--;
    return apr_pstrcat(p, apr_pstrmemdup(p, name, len), "...", NULL);
}

static const char *path_of(const char *above, const char *name, apr_pool_t *p)
{
    return *above == '\0' ? name : apr_pstrcat(p, above, ".", name, NULL);
}

static void check_members(check_t *check, const json_t *object, const gt_rule_t *rules,
                          const char *path)
{
    const gt_rule_t *rule;
    const char *name;
    json_t *value;

    for (rule = rules; rule->name[0] != '\0'; rule++) {
        const json_t *member = json_object_get(object, rule->name);
        const char *here = path_of(path, rule->name, check->pool);

        if (member != NULL)
            check_value(check, member, rule, here);
        else if (rule->required == 1 || (rule->required == 2 && !check->partial))
            complain(check, here, "is missing");
    }
    json_object_foreach ((json_t *)object, name, value)
        if (!has_rule(name, rules))
            complain(check, path_of(path, shown_name(name, check->pool), check->pool),
                     "is not known here");
}

gt_err_t *gt_check(const json_t *object, const gt_rule_t *rules, int partial, apr_pool_t *p)
{
    check_t check = {NULL, partial, p};

    assert(rules != NULL);
    if (!json_is_object(object))
        return gt_err(p, GT_INVALID, "GT0113", "the body must be a JSON object");
    check_members(&check, object, rules, "");
    return check.wrong;
}

/* Not the locale's: what counts as a letter must not depend on the machine. */
static int is_ascii_alnum(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Atoms joined by single dots (RFC 5321 section 4.1.2, Dot-string). */
static int is_local_part(const char *text, size_t len)
{
    static const char also[] = "!#$%&'*+-/=?^_`{|}~";
    size_t i;

    if (len == 0 || len > EMAIL_LOCAL_MAX || text[0] == '.' || text[len - 1] == '.')
        return 0;
    for (i = 0; i < len; i++) {
        if (text[i] == '.' && text[i + 1] == '.')
            return 0;
        if (text[i] != '.' && !is_ascii_alnum(text[i]) && strchr(also, text[i]) == NULL)
            return 0;
    }
    return 1;
}

/* Labels of letters, digits and inner hyphens, joined by single dots. */
static int is_domain(const char *text)
{
    while (1) {
        size_t len = strcspn(text, ".");
        size_t i;

        if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
            return 0;
        for (i = 0; i < len; i++)
            if (!is_ascii_alnum(text[i]) && text[i] != '-')
                return 0;
        if (text[len] == '\0')
            return 1;
        text += len + 1;
    }
}

int gt_is_email(const char *text)
{
    const char *at = text == NULL ? NULL : strchr(text, '@');

    if (at == NULL || strlen(text) > EMAIL_MAX)
        return 0;
    return is_local_part(text, (size_t)(at - text)) && is_domain(at + 1);
}
