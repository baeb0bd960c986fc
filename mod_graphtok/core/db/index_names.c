/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The names of a table's indexes, also after the table was renamed. The former name of a table is
 * found by the indexes of one step, which must all begin with it: one index of the administrator's
 * may end as one of ours does. */

#include "db/index_names.h"

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "db/ladder.h"

#define INDEX_OF "{index}"
#define BARE "{bare}"
#define DROP_INDEX "DROP INDEX "
#define DROP_TRIGGER "DROP TRIGGER "

static int begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

int gt_index_is(const char *text)
{
    return begins(text, GT_INDEX);
}

const char *gt_index_ending(const char *text, apr_pool_t *p)
{
    const char *begin = text + strlen(GT_INDEX INDEX_OF);

    return apr_pstrmemdup(p, begin, strcspn(begin, " "));
}

const char *gt_index_lower(const char *name, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, name);

    for (char *c = copy; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static int has(apr_hash_t *names, const char *begin, const char *end, apr_pool_t *p)
{
    return apr_hash_get(names, apr_pstrcat(p, begin, end, NULL), APR_HASH_KEY_STRING) != NULL;
}

/* 1 when the indexes of a step all begin with this. */
static int all_begin_with(const char *begin, const char *const *texts, apr_hash_t *names,
                          apr_pool_t *p)
{
    for (int i = 0; i < GT_LADDER_TEXTS && texts[i] != NULL; i++) {
        if (gt_index_is(texts[i]) && !has(names, begin, gt_index_ending(texts[i], p), p))
            return 0;
    }
    return 1;
}

static const char *first_ending(const char *const *texts, apr_pool_t *p)
{
    for (int i = 0; i < GT_LADDER_TEXTS && texts[i] != NULL; i++) {
        if (gt_index_is(texts[i]))
            return gt_index_ending(texts[i], p);
    }
    return NULL;
}

const char *gt_index_former(apr_hash_t *names, const char *bare, const char *const *texts,
                            apr_pool_t *p)
{
    const char *end = first_ending(texts, p);

    if (end == NULL || all_begin_with(bare, texts, names, p))
        return NULL;
    for (apr_hash_index_t *i = apr_hash_first(p, names); i != NULL; i = apr_hash_next(i)) {
        const char *name = apr_hash_this_key(i), *begin;
        const apr_size_t length = strlen(name);

        if (length <= strlen(end) || strcmp(name + length - strlen(end), end) != 0)
            continue;
        begin = apr_pstrmemdup(p, name, length - strlen(end));
        /* It goes into statements. */
        if (gt_sql_is_name(begin, 0) && all_begin_with(begin, texts, names, p))
            return begin;
    }
    return NULL;
}

const char *gt_index_called(const char *text, apr_hash_t *names, const char *bare,
                            const char *former, apr_pool_t *p)
{
    const char *name = strstr(text, BARE "_"), *end;
    const int is_listed = begins(text, DROP_INDEX) || begins(text, DROP_TRIGGER);

    if (name == NULL || (!is_listed && strstr(text, " DROP CONSTRAINT ") == NULL))
        return text;
    end = name + strlen(BARE);
    /* A step down may have made it anew, under the name of now. References are not among the
     * names. */
    if (has(names, bare, end, p) || (is_listed && !has(names, former, end, p)))
        return text;
    return apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(name - text)), former, end, NULL);
}
