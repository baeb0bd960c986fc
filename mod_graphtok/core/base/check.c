/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A request body held against a table of rules. Every wrong field is found, and named by its path
 * as the client wrote it. Depth is bounded by the tables, width by their maxima; names that are
 * in no table come from a stranger and are cut before they are shown.
 */

#include "base/check.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define NAME_SHOWN 64
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

/* Line ends and tabs belong to a text; no API of a provider takes other bytes below a blank. */
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
    if (rule->max == 0)
        return apr_psprintf(p, "at least %" APR_INT64_T_FMT, rule->min);
    if (rule->min == rule->max)
        return apr_psprintf(p, "%" APR_INT64_T_FMT, rule->min);
    return apr_psprintf(p, "%" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, rule->min, rule->max);
}

static int is_in_range(apr_int64_t n, const gt_rule_t *rule)
{
    return n >= rule->min && (rule->max == 0 || n <= rule->max);
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

/* The one of the blank-separated `words` that a word is, case ignored, and its length; or NULL. */
static const char *find_word(size_t *len, const char *word, const char *words)
{
    size_t wanted = strlen(word);

    while (*words != '\0') {
        *len = strcspn(words, " ");
        if (*len == wanted && wanted > 0 && strncasecmp(words, word, *len) == 0)
            return words;
        words += *len;
        words += strspn(words, " ");
    }
    return NULL;
}

static void check_word(check_t *check, const json_t *value, const char *words, const char *path)
{
    const char *word = json_string_value(value);
    size_t len;

    if (word == NULL || find_word(&len, word, words) == NULL)
        complain(check, path, apr_pstrcat(check->pool, "must be one of: ", words, NULL));
}

static void check_real(check_t *check, const json_t *value, const char *path)
{
    const char *word = json_string_value(value);
    size_t len;

    if (!json_is_number(value) && (word == NULL || find_word(&len, word, "NaN INF -INF") == NULL))
        complain(check, path, "must be a number");
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

        if (rule->kind == GT_RULE_TEXTS && rule->words != NULL)
            check_word(check, item, rule->words, here);
        else if (rule->kind == GT_RULE_TEXTS)
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
        check_word(check, value, rule->words, path);
        break;
    case GT_RULE_REAL:
        check_real(check, value, path);
        break;
    case GT_RULE_ADDRESS:
        if (!gt_is_email(json_string_value(value)) && !gt_is_x500(json_string_value(value)))
            complain(check, path, "must be one e-mail address");
        break;
    case GT_RULE_PERSON:
        if (!gt_is_person(json_string_value(value)))
            complain(check, path, "must be one e-mail address");
        break;
    case GT_RULE_READ_ONLY:
        break;
    case GT_RULE_OPEN:
        if (!json_is_array(value))
            complain(check, path, "must be a list of objects");
        break;
    case GT_RULE_EMAIL:
        if (!gt_is_email(json_string_value(value)))
            complain(check, path, "must be one e-mail address");
        break;
    case GT_RULE_MOMENT:
        if (!gt_local_time_parse(&ignored, json_string_value(value)) &&
            !gt_rfc3339_parse(&ignored, json_string_value(value)))
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

static const gt_rule_t *find_rule(const char *name, const gt_rule_t *rules)
{
    for (; rules->name[0] != '\0'; rules++)
        if (strcmp(rules->name, name) == 0)
            return rules;
    return NULL;
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

static int may_be_cleared(const gt_rule_t *rule)
{
    return rule->required == 0 && rule->kind != GT_RULE_LIST && rule->kind != GT_RULE_TEXTS &&
           rule->kind != GT_RULE_OPEN;
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

        if (json_is_null(member) && check->partial && may_be_cleared(rule))
            continue;
        if (member != NULL)
            check_value(check, member, rule, here);
        else if (rule->required == 1 || (rule->required == 2 && !check->partial))
            complain(check, here, "is missing");
    }
    json_object_foreach ((json_t *)object, name, value)
        if (find_rule(name, rules) == NULL)
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

/* ---- what comes back from the provider ---- */

static int is_dropped(const char *name, const json_t *value, const gt_rule_t *rule, int keeps_null)
{
    if (rule == NULL)
        return strchr(name, '@') != NULL;
    if (rule->kind == GT_RULE_READ_ONLY || (json_is_null(value) && !keeps_null))
        return 1;
    return (rule->kind == GT_RULE_EMAIL || rule->kind == GT_RULE_PERSON) && !rule->required &&
           json_string_length(value) == 0 && json_is_string(value);
}

static json_t *tidied_word(json_t *value, const char *words)
{
    const char *word = json_string_value(value), *known;
    size_t len;

    known = word != NULL ? find_word(&len, word, words) : NULL;
    return known != NULL ? json_stringn(known, len) : json_incref(value);
}

static void tidy_list(json_t *list, const gt_rule_t *rule)
{
    json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (rule->kind == GT_RULE_LIST && json_is_object(item))
            gt_tidy(item, rule->inner, 0);
        else if (rule->kind == GT_RULE_TEXTS && rule->words != NULL)
            json_array_set_new(list, i, tidied_word(item, rule->words));
    }
}

void gt_tidy(json_t *object, const gt_rule_t *rules, int keeps_null)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe (object, next, name, value) {
        const gt_rule_t *rule = find_rule(name, rules);

        if (is_dropped(name, value, rule, keeps_null))
            json_object_del(object, name);
        else if (rule != NULL && rule->kind == GT_RULE_OBJECT && json_is_object(value))
            gt_tidy(value, rule->inner, 0);
        else if (rule != NULL && json_is_array(value))
            tidy_list(value, rule);
        else if (rule != NULL && rule->kind == GT_RULE_WORD)
            json_object_set_new(object, name, tidied_word(value, rule->words));
    }
}
