/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A token in the first line and a key set in the rest, both from strangers. With any bytes, the
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

static const char *const algorithms[] = {"RS256", "PS256", "ES256", "HS256", NULL};
static const char *const issuers[] = {"https://issuer/", NULL};
static const char *const audiences[] = {"us", NULL};

static void try_token(const gt_secret_t *token, const gt_key_set_t *keys, apr_pool_t *p)
{
    const gt_jwt_profile_t profile = {.algorithms = algorithms,
                                      .issuers = issuers,
                                      .audiences = audiences,
                                      .leeway = apr_time_from_sec(60)};
    const gt_jwt_rules_t rules = {&profile, NULL, apr_time_from_sec(1795244400)};
    const char *kid = gt_jwt_kid(token, p);
    gt_jwt_t jwt;
    const gt_err_t *err;

    if (kid != NULL && !gt_is_utf8(kid, strlen(kid)))
        abort();
    err = gt_jwt_verify(&jwt, token, keys, &rules, p);
    if (err != GT_OK) {
        if (err->cls != GT_REFUSED || err->code == NULL || jwt.claims != NULL)
            abort();
        return;
    }
    if (!gt_equal_ct(gt_json_text(jwt.claims, "iss"), "https://issuer/"))
        abort();
    /* A token that passed with this set has a key in it, unless others made it ambiguous. */
    if (kid != NULL && !gt_key_set_has(keys, kid))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
    size_t token_len = newline == NULL ? size : (size_t)(newline - data);
    const gt_key_set_t *keys;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    keys = newline == NULL
               ? NULL
               : gt_key_set_parse((const char *)newline + 1, size - token_len - 1, pool);
    try_token(gt_secret_make(data, token_len, pool), keys, pool);
    (void)gt_key_set_has(keys, NULL);
    apr_pool_destroy(pool);
    return 0;
}
