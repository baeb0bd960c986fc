/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any bytes as JSON that a stranger sent. What is accepted must come back the same after it was
 * printed, and typed reading must stay within bounds with any members.
 */

#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_members(const json_t *object)
{
    const char *name;
    json_t *value;
    apr_int64_t number;

    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        if (gt_json_number(&number, object, name) &&
            (number > APR_INT64_C(9007199254740992) || number < -APR_INT64_C(9007199254740992)))
            abort();
        if (gt_json_text(object, name) != NULL && !json_is_string(value))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    json_t *first;
    json_t *second;
    char *text;

    apr_pool_create(&pool, NULL);
    first = NULL;
    if (gt_json_parse(&first, (const char *)data, size, pool) == GT_OK) {
        if (json_is_object(first))
            read_members(first);
        text = gt_json_dump(first, pool);
        if (gt_json_parse(&second, text, strlen(text), pool) != GT_OK || !json_equal(first, second))
            abort();
    }
    /* What a provider answered is read wherever the strict reader reads, to the same, but for what
     * the strict one would not let pass. */
    if (gt_json_parse_answer(&second, (const char *)data, size, pool) == GT_OK) {
        text = gt_json_dump(second, pool);
        if (first != NULL && !json_equal(first, second))
            abort();
        if (gt_json_parse(&first, text, strlen(text), pool) != GT_OK || !json_equal(first, second))
            abort();
    }
    else if (first != NULL)
        abort();
    apr_pool_destroy(pool);
    return 0;
}
