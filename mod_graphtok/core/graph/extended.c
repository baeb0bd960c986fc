/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/** @file extended.c Extended properties and open extensions. Their ids and names go into a filter
 * of OData, where a quote in one is doubled. */

#include "graph/extended.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"
#define GUID_LEN 36
#define ID_MAX 512
#define NAME_MAX_LEN 128
#define OPEN_TYPE "microsoft.graph.openTypeExtension"

/* The rest of a text behind a word and a blank; NULL when the text begins otherwise. */
static const char *behind(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0 ? text + strlen(word) : NULL;
}

static int is_tag(const char *text)
{
    return strncmp(text, "0x", 2) == 0 && text[2] && strspn(text + 2, HEX) == strlen(text + 2);
}

/* Commas stand between ids in a parameter. */
static int is_name(const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7F || *at == ',')
            return 0;
    }
    return *text != '\0' && gt_is_utf8(text, strlen(text));
}

static int is_in_set(const char *text)
{
    const char *rest;

    if (strspn(text, HEX "-") != GUID_LEN || strncmp(text + GUID_LEN, "} ", 2) != 0)
        return 0;
    text += GUID_LEN + 2;
    rest = behind(text, "Name ");
    if (rest != NULL)
        return is_name(rest);
    rest = behind(text, "Id ");
    return rest != NULL && is_tag(rest);
}

int gt_is_property_id(const char *id)
{
    apr_size_t type = strspn(id, LETTERS);

    if (type == 0 || id[type] != ' ' || strlen(id) > ID_MAX)
        return 0;
    id += type + 1;
    return *id == '{' ? is_in_set(id + 1) : is_tag(id);
}

int gt_is_extension_name(const char *name)
{
    apr_size_t len = strlen(name);

    return len > 0 && len <= NAME_MAX_LEN && strspn(name, LETTERS DIGITS "._-") == len &&
           strspn(name, ".") < len;
}

/* ---- $expand ---- */

/* "id eq 'A' or id eq 'B'" of some of the ids; NULL: of none. */
static const char *filter_of(const apr_array_header_t *ids, int (*is_meant)(const char *),
                             apr_pool_t *p)
{
    const char *filter = NULL;

    for (int i = 0; i < ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(ids, i, const char *), *literal = "";

        if (!is_meant(id))
            continue;
        for (apr_size_t n; *id; id += n) {
            n = *id == '\'' ? 1 : strcspn(id, "'");
            literal = apr_pstrcat(p, literal, *id == '\'' ? "''" : apr_pstrmemdup(p, id, n), NULL);
        }
        filter = apr_pstrcat(p, filter != NULL ? filter : "", filter != NULL ? " or " : "",
                             "id eq '", literal, "'", NULL);
    }
    return filter;
}

static int is_any(const char *id)
{
    return id != NULL;
}

/* The type of a list of values ends so. */
static int is_multi(const char *id)
{
    const char *blank = strchr(id, ' ');

    return blank != NULL && blank - id >= 5 && strncmp(blank - 5, "Array", 5) == 0;
}

static int is_single(const char *id)
{
    return !is_multi(id);
}

static const char *expansion(const char *list, const char *name, const char *filter, apr_pool_t *p)
{
    if (filter == NULL)
        return list;
    return apr_pstrcat(p, list, *list ? "," : "", name, "($filter=", filter, ")", NULL);
}

static int are(const apr_array_header_t *texts, int (*is_good)(const char *))
{
    for (int i = 0; i < texts->nelts; i++) {
        if (!is_good(APR_ARRAY_IDX(texts, i, const char *)))
            return 0;
    }
    return texts->nelts > 0;
}

const char *gt_extended_expand(const char *properties, const char *extensions, apr_pool_t *p)
{
    const apr_array_header_t *ids = properties != NULL ? gt_split(properties, ",", p) : NULL;
    const apr_array_header_t *names = extensions != NULL ? gt_split(extensions, ",", p) : NULL;
    int are_all = extensions != NULL && strcmp(extensions, "*") == 0;
    const char *list = "";

    if (ids == NULL && names == NULL)
        return NULL;
    if ((ids != NULL && !are(ids, gt_is_property_id)) ||
        (names != NULL && !are_all && !are(names, gt_is_extension_name)))
        return "";
    if (ids != NULL) {
        list = expansion(list, "singleValueExtendedProperties", filter_of(ids, is_single, p), p);
        list = expansion(list, "multiValueExtendedProperties", filter_of(ids, is_multi, p), p);
    }
    if (are_all)
        list = apr_pstrcat(p, list, *list ? "," : "", "extensions", NULL);
    else if (names != NULL)
        list = expansion(list, "extensions", filter_of(names, is_any, p), p);
    return gt_percent(list, p);
}

/* ---- bodies ---- */

gt_err_t *gt_extension_read(json_t **extension, const json_t *body, int is_new, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_INVALID, "GT0719", "the body is no open extension");
    const char *name = gt_json_text(body, "extensionName"), *member;
    json_t *value;
    void *next;

    *extension = gt_json_own(json_is_object(body) ? json_deep_copy(body) : json_object(), p);
    json_object_foreach_safe (*extension, next, member, value) {
        if (strchr(member, '@') || strcmp(member, "id") == 0)
            json_object_del(*extension, member);
    }
    gt_json_set(*extension, "@odata.type", OPEN_TYPE);
    if (name != NULL ? gt_is_extension_name(name)
                     : !is_new && json_object_get(body, "extensionName") == NULL)
        return GT_OK;
    gt_err_field(err, "extensionName",
                 "must be a name of letters, digits, '.', '_' and '-', like com.contoso.trip");
    return err;
}
