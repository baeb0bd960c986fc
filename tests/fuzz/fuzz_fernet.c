/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any bytes as a Fernet token, and the same bytes signed as if they were one: only so is what
 * stands behind the signature reached. What opens must open again after it was sealed.
 */

#include "crypt/fernet.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[32] = "signsignsignsignencrencrencrencr";

static void try_token(const char *token, apr_pool_t *p)
{
    gt_secret_t *clear;
    gt_secret_t *again;
    const char *sealed;
    gt_err_t *err = gt_fernet_open(&clear, key, token, 60, 1795244400, p);

    if (err != GT_OK && err->cls != GT_DAMAGED)
        abort();
    if (gt_fernet_open(&clear, key, token, 0, 0, p) != GT_OK) {
        /* What passes with a time to live passes without one. */
        if (err == GT_OK || clear != NULL)
            abort();
        return;
    }
    if (gt_fernet_seal(&sealed, key, clear, 1795244400, p) != GT_OK ||
        gt_fernet_open(&again, key, sealed, 60, 1795244400, p) != GT_OK ||
        !gt_secret_equal(clear, again))
        abort();
}

static const char *signed_token(const uint8_t *data, size_t size, apr_pool_t *p)
{
    unsigned char *bytes = apr_palloc(p, size + 32);
    char *text;

    memcpy(bytes, data, size);
    if (size > 0)
        bytes[0] = 0x80;
    HMAC(EVP_sha256(), key, 16, bytes, size, bytes + size, NULL);
    text = gt_base64url(bytes, size + 32, p);
    while (strlen(text) % 4 != 0)
        text = apr_pstrcat(p, text, "=", NULL);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    try_token(apr_pstrmemdup(pool, (const char *)data, size), pool);
    try_token(signed_token(data, size, pool), pool);
    apr_pool_destroy(pool);
    return 0;
}
