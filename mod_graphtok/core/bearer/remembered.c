/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A SHA-256 over a key of the server's memory, the two digests and the token. Its first half is the
 * slot's key, its second half the value: a slot that was damaged, or written by chance, holds
 * another one and is a miss.
 */

#include "bearer/remembered.h"

#include <stdlib.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/secret.h"

#define KEY_BYTES 32

struct gt_remembered_t {
    gt_slots_t *slots;
    const EVP_MD_CTX *keyed; /* that has read the key; copied for each token */
};

static apr_status_t free_context(void *keyed)
{
    EVP_MD_CTX_free(keyed); /* wipes it */
    return APR_SUCCESS;
}

gt_remembered_t *gt_remembered_make(gt_slots_t *slots, const unsigned char key[32], apr_pool_t *p)
{
    gt_remembered_t *remembered = apr_pcalloc(p, sizeof(*remembered));
    EVP_MD_CTX *keyed = EVP_MD_CTX_new();

    if (keyed == NULL || EVP_DigestInit_ex(keyed, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(keyed, key, KEY_BYTES) != 1)
        abort(); /* no memory */
    apr_pool_cleanup_register(p, keyed, free_context, apr_pool_cleanup_null);
    remembered->slots = slots;
    remembered->keyed = keyed;
    return remembered;
}

static int hash(gt_remembered_name_t *name, const gt_remembered_t *remembered,
                const gt_secret_t *token, const gt_remembered_by_t *by)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int is_made = ctx != NULL && EVP_MD_CTX_copy_ex(ctx, remembered->keyed) == 1 &&
                  EVP_DigestUpdate(ctx, by->issuer, GT_DIGEST_BYTES) == 1 &&
                  EVP_DigestUpdate(ctx, by->keys, GT_DIGEST_BYTES) == 1 &&
                  EVP_DigestUpdate(ctx, gt_secret_text(token), gt_secret_len(token)) == 1 &&
                  EVP_DigestFinal_ex(ctx, name->hash, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return is_made;
}

int gt_remembered_has(gt_remembered_name_t *name, gt_remembered_t *remembered,
                      const gt_secret_t *token, const gt_remembered_by_t *by)
{
    unsigned char value[GT_REMEMBERED_BYTES];
    apr_time_t expires;
    apr_size_t len;

    name->is_made = remembered != NULL && hash(name, remembered, token, by);
    return name->is_made && gt_slots_get(remembered->slots, name->hash, value, &len, &expires) &&
           len == GT_REMEMBERED_BYTES &&
           CRYPTO_memcmp(value, name->hash + GT_SLOT_KEY_BYTES, GT_REMEMBERED_BYTES) == 0;
}

void gt_remembered_keep(gt_remembered_t *remembered, const gt_remembered_name_t *name,
                        apr_interval_time_t span)
{
    const gt_slot_item_t item = {name->hash + GT_SLOT_KEY_BYTES, GT_REMEMBERED_BYTES,
                                 gt_ticks() + span, 0};

    /* One that finds no room costs its signature again. */
    if (name->is_made && span > 0)
        (void)!gt_slots_put(remembered->slots, name->hash, &item);
}
