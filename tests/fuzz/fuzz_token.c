/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A token endpoint's 200: nothing without a token can come out, nor one that ends before it
 * came. */

#include <stdint.h>
#include <stdlib.h>

#include <apr_pools.h>

#include "base/secret.h"
#include "oauth/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const apr_time_t now = apr_time_from_sec(1800000000);
    gt_tokens_t tokens;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (gt_token_parse(&tokens, (const char *)data, size, now, p) == GT_OK) {
        if (tokens.access == NULL && tokens.refresh == NULL)
            abort();
        if (tokens.access != NULL &&
            (gt_secret_len(tokens.access) == 0 || tokens.expires_at <= now))
            abort();
    }
    apr_pool_destroy(p);
    return 0;
}
