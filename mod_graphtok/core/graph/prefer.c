/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/** @file prefer.c Reading the Prefer field by the grammar of RFC 7240, leniently: a preference may
 * be ignored, never refused. */

#include "graph/prefer.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "graph/event.h"

#define BLANKS " \t"
#define IMMUTABLE "ImmutableId"

static int is_body_type(const char *text)
{
    return strcmp(text, "text") == 0 || strcmp(text, "html") == 0;
}

static int is_id_type(const char *text)
{
    return strcasecmp(text, "immutable") == 0 || strcasecmp(text, IMMUTABLE) == 0;
}

const gt_preference_t gt_preferences[] = {
    {"timezone", "outlook.timezone", gt_is_time_zone,
     "must be the name of a time zone, like Europe/Berlin or UTC", NULL},
    {"body_type", "outlook.body-content-type", is_body_type, "must be one of: text html", NULL},
    {"id_type", "IdType", is_id_type, "must be: immutable", IMMUTABLE},
    {NULL, NULL, NULL, NULL, NULL}};

static const char *skip(const char *at, const char *bytes)
{
    return at + strspn(at, bytes);
}

/* A token or a quoted string, without quotes and backslashes. */
static const char *take_word(const char **at, apr_pool_t *p)
{
    char *word = apr_palloc(p, strlen(*at) + 1), *out = word;
    int is_quoted = **at == '"';

    for (*at += is_quoted; **at; ++*at) {
        if (is_quoted ? **at == '"' : strchr(",;=" BLANKS, **at) != NULL)
            break;
        if (is_quoted && **at == '\\' && (*at)[1])
            ++*at;
        *out++ = **at;
    }
    *out = '\0';
    if (is_quoted && **at)
        ++*at;
    return word;
}

/* Behind the comma that ends a preference and its parameters. */
static const char *next_preference(const char *at)
{
    int is_quoted = 0;

    for (; *at && (is_quoted || *at != ','); at++) {
        if (*at == '\\' && is_quoted && at[1])
            at++;
        else if (*at == '"')
            is_quoted = !is_quoted;
    }
    return *at ? at + 1 : at;
}

static void keep(apr_table_t *query, const char *graphs, const char *value)
{
    for (int i = 0; gt_preferences[i].name; i++) {
        if (strcasecmp(graphs, gt_preferences[i].graphs) == 0 &&
            apr_table_get(query, gt_preferences[i].name) == NULL)
            apr_table_set(query, gt_preferences[i].name, value);
    }
}

void gt_prefer_read(apr_table_t *query, const char *field, apr_pool_t *p)
{
    const char *at = field != NULL ? field : "";

    while (*(at = skip(at, "," BLANKS)) != '\0') {
        const char *name = take_word(&at, p);

        at = skip(at, BLANKS);
        if (*at == '=') {
            at = skip(at + 1, BLANKS);
            keep(query, name, take_word(&at, p));
        }
        at = next_preference(at);
    }
}
