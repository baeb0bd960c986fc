/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any JSON as a request body, held against rules of every kind. Complaints are bounded, and their
 * texts are UTF-8. The same bytes as an e-mail address: what passes has one @ and nothing that
 * could begin a second header line.
 */

#include "base/address.h"
#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const gt_rule_t inner_rules[] = {
    {"address", GT_RULE_EMAIL, 1, 0, 0, NULL, NULL},
    {"type", GT_RULE_WORD, 0, 0, 0, "required optional", NULL},
    {"", GT_RULE_TEXT, 0, 0, 0, NULL, NULL},
};
static const gt_rule_t rules[] = {
    {"subject", GT_RULE_TEXT, 2, 1, 255, NULL, NULL},
    {"start", GT_RULE_MOMENT, 2, 0, 0, NULL, NULL},
    {"reminder", GT_RULE_NUMBER, 0, 0, 40320, NULL, NULL},
    {"allDay", GT_RULE_BOOL, 0, 0, 0, NULL, NULL},
    {"location", GT_RULE_OBJECT, 0, 0, 0, NULL, inner_rules},
    {"attendees", GT_RULE_LIST, 0, 0, 500, NULL, inner_rules},
    {"categories", GT_RULE_TEXTS, 0, 0, 25, NULL, NULL},
    {"", GT_RULE_TEXT, 0, 0, 0, NULL, NULL},
};

static void look_at(const gt_err_t *err)
{
    int i;

    if (err->cls != GT_INVALID)
        abort();
    for (i = 0; err->fields != NULL && i < err->fields->nelts; i++) {
        const gt_field_error_t *wrong = &APR_ARRAY_IDX(err->fields, i, gt_field_error_t);

        if (strlen(wrong->field) > 200 || !gt_is_utf8(wrong->field, strlen(wrong->field)) ||
            *wrong->message == '\0')
            abort();
    }
    if (i > 100)
        abort();
}

static void try_email(const char *text)
{
    static const char foreign[] = " \t\r\n,;<>\"()\\";
    const char *at = strrchr(text, '@');

    if (!gt_is_email(text))
        return;
    if (at == NULL || strpbrk(at, foreign) != NULL || strpbrk(text, "\r\n\t") != NULL)
        abort();
    if (text[0] != '"' && (strchr(text, '@') != at || strpbrk(text, foreign) != NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    json_t *body;
    gt_err_t *err;

    apr_pool_create(&pool, NULL);
    try_email(apr_pstrmemdup(pool, (const char *)data, size));
    if (gt_json_parse(&body, (const char *)data, size, pool) == GT_OK) {
        err = gt_check(body, rules, 0, pool);
        if (err != GT_OK)
            look_at(err);
        /* What is right as a whole is right as a part. */
        if (err == GT_OK && gt_check(body, rules, 1, pool) != GT_OK)
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
