/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Members of configuration structs by table. The text form is the administrator's (spans "5min",
 * sizes "10M", words); in JSON numbers and sizes are numbers, everything else is that text, so both
 * ways go through gt_member_set and its bounds.
 */

#include "conf/member.h"

#include <assert.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/source.h"
#include "base/text.h"
#include "net/url.h"

#define TEXT_MAX 1023
#define SOURCES_MAX 64

static void *place(void *object, const gt_member_t *member)
{
    return (char *)object + member->offset;
}

static const void *place_const(const void *object, const gt_member_t *member)
{
    return (const char *)object + member->offset;
}

const gt_member_t *gt_member_find(const gt_member_t *table, const char *name)
{
    for (const gt_member_t *row = table; row->name[0] != '\0'; row++) {
        if (strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

static int set_text(void *object, const gt_member_t *member, const char *text, const char **why,
                    apr_pool_t *p)
{
    apr_size_t max = member->longest != 0 ? member->longest : TEXT_MAX;
    apr_size_t len = strlen(text);

    if (len == 0 || len > max) {
        *why = apr_psprintf(p, "it must have 1 to %" APR_SIZE_T_FMT " characters", max);
        return 0;
    }
    if (!gt_is_utf8(text, len)) {
        *why = "it is not UTF-8";
        return 0;
    }
    if (member->is_good != NULL && !member->is_good(text)) {
        *why = apr_psprintf(p, "'%s' is not %s", text, member->expects);
        return 0;
    }
    *(const char **)place(object, member) = apr_pstrdup(p, text);
    return 1;
}

static int set_url(void *object, const gt_member_t *member, const char *text, const char **why,
                   apr_pool_t *p)
{
    const char *rest;
    apr_size_t len;

    if (!gt_url_is_safe(text) || strchr(text, '?') != NULL) {
        *why = apr_psprintf(p,
                            "'%s' is not an https URL (http only to this machine) without user, "
                            "query and fragment",
                            text);
        return 0;
    }
    /* Scheme and host are the same in any case, and providers write them in lower case. */
    rest = strchr(strstr(text, "://") + 3, '/');
    text = apr_pstrcat(p, gt_url_origin(text, p), rest, NULL);
    len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    return set_text(object, member, apr_pstrndup(p, text, len), why, p);
}

static int set_file(void *object, const gt_member_t *member, const char *text, const char *base_dir,
                    const char **why, apr_pool_t *p)
{
    char *path;

    if (text[0] == '\0' || apr_filepath_merge(&path, base_dir, text, 0, p) != APR_SUCCESS) {
        *why = apr_psprintf(p, "'%s' is not a path", text);
        return 0;
    }
    return set_text(object, member, path, why, p);
}

static int set_source(void *object, const gt_member_t *member, const char *text,
                      const char *base_dir, const char **why, apr_pool_t *p)
{
    gt_source_t *source;

    if (!gt_source_parse(&source, text, base_dir, why, p))
        return 0;
    *(gt_source_t **)place(object, member) = source;
    return 1;
}

/** The array is another one each time: settings may be shared with those that inherited them. */
static int add_source(void *object, const gt_member_t *member, const char *text,
                      const char *base_dir, const char **why, apr_pool_t *p)
{
    apr_array_header_t **sources = place(object, member);
    apr_array_header_t *more;
    gt_source_t *source;

    if (!gt_source_parse(&source, text, base_dir, why, p))
        return 0;
    if (*sources != NULL && (*sources)->nelts >= SOURCES_MAX) {
        *why = apr_psprintf(p, "at most %d are read", SOURCES_MAX);
        return 0;
    }
    more = *sources != NULL ? apr_array_copy(p, *sources)
                            : apr_array_make(p, 1, sizeof(gt_source_t *));
    APR_ARRAY_PUSH(more, gt_source_t *) = source;
    *sources = more;
    return 1;
}

/** A number or size as the bound's own unit, for messages. */
static const char *shown(const gt_member_t *member, apr_int64_t number, apr_pool_t *p)
{
    if (member->kind == GT_MEMBER_SPAN)
        return gt_span_text(number, p);
    return apr_psprintf(p, "%" APR_INT64_T_FMT, number);
}

/** "10M" in bytes; 0 when it is no size. */
static int parse_size(apr_int64_t *size, const char *text, apr_pool_t *p)
{
    static const char units[] = "KMG";
    apr_size_t len = strlen(text);
    apr_int64_t unit = 1;
    const char *at = len > 0 ? strchr(units, apr_toupper(text[len - 1])) : NULL;

    if (at != NULL && *at != '\0') {
        unit = APR_INT64_C(1) << (10 * (at - units + 1));
        text = apr_pstrndup(p, text, len - 1);
    }
    if (!gt_number(size, text, 0, INT64_MAX / unit))
        return 0;
    *size *= unit;
    return 1;
}

/** A number, size in bytes or span in µs; 0 when the text is none. */
static int parse(apr_int64_t *number, const gt_member_t *member, const char *text, apr_pool_t *p)
{
    apr_interval_time_t span = 0;
    int parsed;

    if (member->kind == GT_MEMBER_SIZE)
        return parse_size(number, text, p);
    if (member->kind == GT_MEMBER_NUMBER)
        return gt_number(number, text, INT64_MIN + 1, INT64_MAX);
    parsed = gt_span_parse(&span, text);
    *number = span;
    return parsed;
}

/** A row's own bound. */
static apr_int64_t bound_of(const gt_member_t *member, const char *text, apr_pool_t *p)
{
    apr_int64_t bound = 0;
    int parsed = parse(&bound, member, text, p);

    assert(parsed);
    (void)parsed;
    return bound;
}

static int within(const gt_member_t *member, const char *text, apr_int64_t number, const char **why,
                  apr_pool_t *p)
{
    apr_int64_t least = bound_of(member, member->least, p);
    apr_int64_t most = bound_of(member, member->most, p);

    if (number < least)
        *why = apr_psprintf(p, "'%s' is below the smallest, %s", text, shown(member, least, p));
    else if (number > most)
        *why = apr_psprintf(p, "'%s' is above the largest, %s", text, shown(member, most, p));
    return least <= number && number <= most;
}

static int set_number(void *object, const gt_member_t *member, const char *text, const char **why,
                      apr_pool_t *p)
{
    const char *expects = member->kind == GT_MEMBER_SPAN
                              ? "a span such as 500ms, 90s, 5min, 8h or 2d"
                          : member->kind == GT_MEMBER_SIZE ? "a size such as 65536, 64K or 10M"
                                                           : "a whole number";
    apr_int64_t number;

    if (!parse(&number, member, text, p)) {
        *why = apr_psprintf(p, "'%s' is not %s", text, expects);
        return 0;
    }
    if (!within(member, text, number, why, p))
        return 0;
    *(apr_int64_t *)place(object, member) = number;
    return 1;
}

static int set_word(void *object, const gt_member_t *member, const char *text, const char **why,
                    apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(member->words, " ", p);

    for (int i = 0; i < words->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(words, i, const char *), text) == 0) {
            *(int *)place(object, member) = i;
            return 1;
        }
    }
    *why = apr_psprintf(p, "'%s' is none of: %s", text, member->words);
    return 0;
}

int gt_member_set(void *object, const gt_member_t *member, const char *text, const char *base_dir,
                  const char **why, apr_pool_t *p)
{
    switch (member->kind) {
    case GT_MEMBER_TEXT:
        return set_text(object, member, text, why, p);
    case GT_MEMBER_URL:
        return set_url(object, member, text, why, p);
    case GT_MEMBER_FILE:
        return set_file(object, member, text, base_dir, why, p);
    case GT_MEMBER_SOURCE:
        return set_source(object, member, text, base_dir, why, p);
    case GT_MEMBER_SOURCES:
        return add_source(object, member, text, base_dir, why, p);
    case GT_MEMBER_WORD:
        return set_word(object, member, text, why, p);
    case GT_MEMBER_NUMBER:
    case GT_MEMBER_SIZE:
    case GT_MEMBER_SPAN:
        break;
    }
    return set_number(object, member, text, why, p);
}

static void set_initial(void *object, const gt_member_t *member, apr_pool_t *p)
{
    const char *why = "";
    int is_set = gt_member_set(object, member, member->initial, "/", &why, p);

    assert(is_set);
    (void)is_set;
}

void gt_members_default(void *object, const gt_member_t *table, apr_pool_t *p)
{
    for (const gt_member_t *row = table; row->name[0] != '\0'; row++) {
        if (row->initial != NULL)
            set_initial(object, row, p);
    }
}

void gt_members_fill(void *object, const gt_member_t *table, apr_pool_t *p)
{
    for (const gt_member_t *row = table; row->name[0] != '\0'; row++) {
        if (row->initial != NULL && !gt_member_is_set(object, row))
            set_initial(object, row, p);
    }
}

static int is_pointer(const gt_member_t *member)
{
    return member->kind == GT_MEMBER_TEXT || member->kind == GT_MEMBER_URL ||
           member->kind == GT_MEMBER_FILE || member->kind == GT_MEMBER_SOURCE ||
           member->kind == GT_MEMBER_SOURCES;
}

int gt_member_is_set(const void *object, const gt_member_t *member)
{
    const void *at = place_const(object, member);
    const void *pointer;

    if (is_pointer(member)) {
        memcpy(&pointer, at, sizeof(pointer));
        return pointer != NULL;
    }
    return member->kind == GT_MEMBER_WORD ? *(const int *)at >= 0 : *(const apr_int64_t *)at >= 0;
}

const char *gt_member_text(const void *object, const gt_member_t *table, const char *name)
{
    const gt_member_t *member = gt_member_find(table, name);

    assert(member != NULL && member->kind == GT_MEMBER_TEXT);
    return *(const char *const *)place_const(object, member);
}

static apr_size_t width(const gt_member_t *member)
{
    if (is_pointer(member))
        return sizeof(void *);
    return member->kind == GT_MEMBER_WORD ? sizeof(int) : sizeof(apr_int64_t);
}

void gt_members_inherit(void *object, const void *base, const gt_member_t *table)
{
    for (const gt_member_t *row = table; row->name[0] != '\0'; row++) {
        if (!gt_member_is_set(object, row))
            memcpy(place(object, row), place_const(base, row), width(row));
    }
}

static json_t *sources_to_json(const apr_array_header_t *sources)
{
    json_t *list = json_array();

    for (int i = 0; i < sources->nelts; i++)
        json_array_append_new(
            list, json_string(gt_source_name(APR_ARRAY_IDX(sources, i, const gt_source_t *))));
    return list;
}

static void to_json(json_t *json, const void *object, const gt_member_t *member, apr_pool_t *p)
{
    const void *at = place_const(object, member);
    const char *text;

    if (!gt_member_is_set(object, member)) {
        /* null is no word; where none is meant the member is left out. */
        if (member->kind != GT_MEMBER_WORD)
            gt_json_set(json, member->name, NULL);
        return;
    }
    /* A text set to "" means "none" (back to the default): null, as for an unset one. */
    switch (member->kind) {
    case GT_MEMBER_TEXT:
    case GT_MEMBER_URL:
    case GT_MEMBER_FILE:
        text = *(const char *const *)at;
        gt_json_set(json, member->name, text[0] != '\0' ? text : NULL);
        break;
    case GT_MEMBER_SOURCE:
        gt_json_set(json, member->name, gt_source_name(*(gt_source_t *const *)at));
        break;
    case GT_MEMBER_SOURCES:
        gt_json_put(json, member->name, sources_to_json(*(apr_array_header_t *const *)at));
        break;
    case GT_MEMBER_SPAN:
        gt_json_set(json, member->name, gt_span_text(*(const apr_interval_time_t *)at, p));
        break;
    case GT_MEMBER_WORD:
        gt_json_set(json, member->name,
                    APR_ARRAY_IDX(gt_split(member->words, " ", p), *(const int *)at, const char *));
        break;
    case GT_MEMBER_NUMBER:
    case GT_MEMBER_SIZE:
        gt_json_set_number(json, member->name, *(const apr_int64_t *)at);
        break;
    }
}

void gt_members_to_json(json_t *json, const void *object, const gt_member_t *table, apr_pool_t *p)
{
    for (const gt_member_t *row = table; row->name[0] != '\0'; row++)
        to_json(json, object, row, p);
}

/** A list of texts takes the place of what was there; a lone text is one. */
static gt_err_t *sources_from(void *object, const gt_member_t *member, const json_t *value,
                              apr_pool_t *p)
{
    apr_size_t count = json_is_array(value) ? json_array_size(value) : 1;

    memset(place(object, member), 0, width(member));
    for (apr_size_t i = 0; i < count; i++) {
        const char *text =
            json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        const char *why = "it must be a text, or a list of texts";

        if (text == NULL || !gt_member_set(object, member, text, "/", &why, p))
            return gt_err(p, GT_INVALID, "GT0150", "%s: %s", member->name, why);
    }
    return GT_OK;
}

/** Read one value; null unsets texts and sources and nothing else. */
static gt_err_t *from_json(void *object, const gt_member_t *member, const json_t *value,
                           apr_pool_t *p)
{
    const char *why = "it must be a text";
    const char *text = json_string_value(value);

    if (json_is_null(value) && is_pointer(member)) {
        memset(place(object, member), 0, width(member));
        return GT_OK;
    }
    if (member->kind == GT_MEMBER_SOURCES)
        return sources_from(object, member, value, p);
    if (member->kind == GT_MEMBER_NUMBER || member->kind == GT_MEMBER_SIZE) {
        why = "it must be a whole number";
        text = NULL;
        if (json_is_integer(value))
            text = apr_psprintf(p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    }
    if (text == NULL || !gt_member_set(object, member, text, "/", &why, p))
        return gt_err(p, GT_INVALID, "GT0150", "%s: %s", member->name, why);
    return GT_OK;
}

static int is_word_of(const char *word, const char *words, apr_pool_t *p)
{
    const apr_array_header_t *list = gt_split(words, " ", p);

    for (int i = 0; i < list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), word) == 0)
            return 1;
    }
    return 0;
}

gt_err_t *gt_members_from_json(void *object, const gt_member_t *table, const json_t *json,
                               const char *also, apr_pool_t *p)
{
    void *at;

    if (!json_is_object(json))
        return gt_err(p, GT_INVALID, "GT0151", "it must be an object");
    /* jansson's iterators take a non-const object although they only read. */
    for (at = json_object_iter((json_t *)json); at != NULL;
         at = json_object_iter_next((json_t *)json, at)) {
        const char *key = json_object_iter_key(at);
        const gt_member_t *member = gt_member_find(table, key);

        if (member != NULL)
            GT_TRY(from_json(object, member, json_object_iter_value(at), p));
        else if (!is_word_of(key, also, p))
            return gt_err(p, GT_INVALID, "GT0152", "%s: no such member", key);
    }
    return GT_OK;
}
