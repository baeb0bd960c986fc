/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Decoders of headers and parameters: base64, percent, times, spans, numbers. What one takes must
 * come back when its counterpart writes it, and nothing may be read past the given length.
 */

#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/language.h"

static const char *const offered[] = {"en", "de", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_base64(const char *text, size_t len, apr_pool_t *p)
{
    unsigned char *bytes;
    unsigned char *again;
    apr_size_t n;
    apr_size_t m;
    char *encoded;
    int alphabet;

    for (alphabet = 0; alphabet < 3; alphabet++) {
        if (!gt_base64_decode(&bytes, &n, text, len, alphabet, p))
            continue;
        encoded = gt_base64url(bytes, n, p);
        if (!gt_base64_decode(&again, &m, encoded, strlen(encoded), 0, p) || m != n ||
            memcmp(bytes, again, n) != 0)
            abort();
    }
}

static void try_percent(const char *text, size_t len, apr_pool_t *p)
{
    char *plain;
    char *encoded;
    char *again;

    if (!gt_unpercent(&plain, text, len, p))
        return;
    encoded = gt_percent(plain, p);
    if (!gt_unpercent(&again, encoded, strlen(encoded), p) || strcmp(plain, again) != 0)
        abort();
}

static void try_times(const char *text, apr_pool_t *p)
{
    apr_time_t t;
    apr_time_t again;
    apr_interval_time_t span;
    apr_int64_t number;

    /* It is printed in whole seconds. */
    if (gt_rfc3339_parse(&t, text) &&
        (!gt_rfc3339_parse(&again, gt_rfc3339(t, p)) || llabs(again - t) >= 1000000))
        abort();
    if (gt_local_time_parse(&t, text))
        (void)gt_rfc3339(t, p);
    if (gt_span_parse(&span, text))
        (void)gt_span_text(span, p);
    if (gt_number(&number, text, -10, 1000) && (number < -10 || number > 1000))
        abort();
    if (gt_retry_after(text) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    char *text;

    apr_pool_create(&pool, NULL);
    try_base64((const char *)data, size, pool);
    try_percent((const char *)data, size, pool);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    try_times(text, pool);
    (void)gt_is_utf8((const char *)data, size);
    (void)gt_trim(text, pool);
    (void)gt_split(text, " ,", pool);
    if (offered[gt_language_choose(text, offered)] == NULL)
        abort();
    apr_pool_destroy(pool);
    return 0;
}
