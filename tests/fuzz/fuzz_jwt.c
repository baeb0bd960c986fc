/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A token in the first line and a key set in the rest, both from strangers. Whatever they are, the
 * answer is a refusal with a code, or the claims of an issuer and an audience that were demanded.
 */

#include "crypt/jwt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_token(const gt_secret_t *token, const char *jwks, apr_pool_t *p)
{
    gt_jwt_rules_t rules = {"RS256 PS256 ES256", "https://issuer/", "us", NULL, NULL, 0, 0};
    const char *kid = gt_jwt_kid(token, p);
    json_t *claims;
    const char *issuer;
    const gt_err_t *err;

    if (kid != NULL && !gt_is_utf8(kid, strlen(kid)))
        abort();
    rules.skew = apr_time_from_sec(60);
    rules.now = apr_time_from_sec(1795244400);
    err = gt_jwt_verify(&claims, &issuer, token, jwks, &rules, p);
    if (err != GT_OK) {
        if (err->cls != GT_REFUSED || err->code == NULL || claims != NULL)
            abort();
        return;
    }
    if (!gt_equal_ct(gt_json_text(claims, "iss"), "https://issuer/"))
        abort();
    /* A token that passed with this set has a key in it, unless others made it ambiguous. */
    if (kid != NULL && !gt_jwks_has(jwks, kid, p))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
    size_t token_len = newline == NULL ? size : (size_t)(newline - data);
    apr_pool_t *pool;
    const char *jwks;

    apr_pool_create(&pool, NULL);
    jwks = newline == NULL ? ""
                           : apr_pstrmemdup(pool, (const char *)newline + 1, size - token_len - 1);
    try_token(gt_secret_make(data, token_len, pool), jwks, pool);
    (void)gt_jwks_has(jwks, NULL, pool);
    apr_pool_destroy(pool);
    return 0;
}
