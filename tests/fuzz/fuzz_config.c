/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any bytes as the configuration's JSON: what is accepted must be accepted again as it is printed,
 * and be the same. And any bytes as a password of the database: always masked.
 */

#include "conf/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_json(const char *bytes, size_t size, apr_pool_t *p)
{
    apr_array_header_t *errors = apr_array_make(p, 1, sizeof(const char *));
    apr_array_header_t *warnings = apr_array_make(p, 1, sizeof(const char *));
    gt_config_t *config;
    json_t *json, *first;

    if (gt_json_parse(&json, bytes, size, p) != GT_OK ||
        gt_config_from_json(&config, json, p) != GT_OK)
        return;
    gt_config_check(config, errors, warnings, p);
    first = gt_config_to_json(config, p);
    if (gt_config_from_json(&config, first, p) != GT_OK ||
        !json_equal(first, gt_config_to_json(config, p)))
        abort();
}

static void expect(const char *params, const char *shown, apr_pool_t *p)
{
    if (strcmp(gt_db_params_shown("pgsql", params, p), shown) != 0)
        abort();
}

/** As libpq wants a value quoted: backslash before quote and backslash. */
static char *quoted(const char *text, apr_pool_t *p)
{
    char *out = apr_palloc(p, 2 * strlen(text) + 3);
    char *to = out;

    *to++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '\'';
    *to = '\0';
    return out;
}

static void mask(const char *password, apr_pool_t *p)
{
    if (password[0] == '\0')
        return;
    expect(apr_pstrcat(p, "host=h password=", quoted(password, p), " user=u", NULL),
           "host=h password=*** user=u", p);
    expect(apr_pstrcat(p, "postgresql://u:", gt_percent(password, p), "@h/d", NULL),
           "postgresql://u:***@h/d", p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    char *text;

    apr_pool_create(&pool, NULL);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    read_json(text, size, pool);
    mask(text, pool);
    (void)gt_db_params_shown("pgsql", text, pool);
    apr_pool_destroy(pool);
    return 0;
}
