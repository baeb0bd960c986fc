/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Bytes that are wiped with their pool. The cleanup is registered where the bytes are allocated,
 * so no path can forget it; the struct says nothing that printf could follow to the bytes.
 */

#include "base/secret.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"

struct gt_secret_t {
    unsigned char *bytes; /* room + 1 bytes, the one after len is NUL */
    apr_size_t len;       /* in use */
    apr_size_t room;      /* allocated without the NUL; never changes: what is wiped */
};

typedef struct span_t {
    void *bytes;
    apr_size_t len;
} span_t;

static apr_status_t wipe_secret(void *baton)
{
    gt_secret_wipe(baton);
    return APR_SUCCESS;
}

static apr_status_t wipe_span(void *baton)
{
    span_t *span = baton;

    OPENSSL_cleanse(span->bytes, span->len);
    return APR_SUCCESS;
}

gt_secret_t *gt_secret_blank(apr_size_t len, apr_pool_t *p)
{
    gt_secret_t *secret = apr_palloc(p, sizeof(*secret));

    secret->bytes = apr_pcalloc(p, len + 1);
    secret->len = len;
    secret->room = len;
    apr_pool_cleanup_register(p, secret, wipe_secret, apr_pool_cleanup_null);
    return secret;
}

gt_secret_t *gt_secret_make(const void *bytes, apr_size_t len, apr_pool_t *p)
{
    gt_secret_t *secret = gt_secret_blank(len, p);

    if (len > 0)
        memcpy(secret->bytes, bytes, len);
    return secret;
}

gt_secret_t *gt_secret_from(const char *text, apr_pool_t *p)
{
    return text == NULL ? NULL : gt_secret_make(text, strlen(text), p);
}

gt_secret_t *gt_secret_dup(const gt_secret_t *secret, apr_pool_t *p)
{
    return secret == NULL ? NULL : gt_secret_make(secret->bytes, secret->len, p);
}

apr_size_t gt_secret_len(const gt_secret_t *secret)
{
    return secret->len;
}

const char *gt_secret_text(const gt_secret_t *secret)
{
    return (const char *)secret->bytes;
}

unsigned char *gt_secret_bytes(gt_secret_t *secret)
{
    return secret->bytes;
}

void gt_secret_cut(gt_secret_t *secret, apr_size_t len)
{
    assert(len <= secret->len);
    OPENSSL_cleanse(secret->bytes + len, secret->room - len);
    secret->len = len;
}

int gt_secret_equal(const gt_secret_t *a, const gt_secret_t *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

void gt_secret_wipe(gt_secret_t *secret)
{
    gt_secret_cut(secret, 0);
}

void gt_wipe_with_pool(void *bytes, apr_size_t len, apr_pool_t *p)
{
    span_t *span = apr_palloc(p, sizeof(*span));

    span->bytes = bytes;
    span->len = len;
    apr_pool_cleanup_register(p, span, wipe_span, apr_pool_cleanup_null);
}

void gt_secret_digest(unsigned char digest[32], const gt_secret_t *secret)
{
    gt_sha256(digest, gt_secret_text(secret), gt_secret_len(secret));
}
