/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A refusing answer: a grant dies by status 400 and the word invalid_grant only. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>

#include "oauth/kind.h"
#include "oauth/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 302, 400, 401, 403, 429, 500, 503};
    gt_err_t *err;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        err = gt_token_verdict(gt_kind_microsoft.refusals, statuses[i], (const char *)data, size, 0,
                               p);
        if (err->cls == GT_SIGN_IN && (statuses[i] != 400 || err->code == NULL))
            abort();
        if (err->claims != NULL && err->cls != GT_INTERACTION)
            abort();
    }
    apr_pool_destroy(p);
    return 0;
}
