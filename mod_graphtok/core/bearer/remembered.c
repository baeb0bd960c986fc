/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A SHA-256 over a key of the server's memory, the two digests and the token. Its first half is the
 * slot's key, its second half the value: a slot that was damaged, or written by chance, holds
 * another one and is a miss.
 */

#include "bearer/remembered.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/secret.h"

#define KEY_BYTES 32
#define HASH_BYTES 32

struct gt_remembered_t {
    gt_slots_t *slots;
    unsigned char key[KEY_BYTES];
};

gt_remembered_t *gt_remembered_make(gt_slots_t *slots, const unsigned char key[32], apr_pool_t *p)
{
    gt_remembered_t *remembered = apr_pcalloc(p, sizeof(*remembered));

    gt_wipe_with_pool(remembered, sizeof(*remembered), p);
    remembered->slots = slots;
    memcpy(remembered->key, key, KEY_BYTES);
    return remembered;
}

static int hash(unsigned char out[HASH_BYTES], const gt_remembered_t *remembered,
                const gt_secret_t *token, const gt_remembered_by_t *by)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int is_made = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                  EVP_DigestUpdate(ctx, remembered->key, KEY_BYTES) == 1 &&
                  EVP_DigestUpdate(ctx, by->issuer, HASH_BYTES) == 1 &&
                  EVP_DigestUpdate(ctx, by->keys, HASH_BYTES) == 1 &&
                  EVP_DigestUpdate(ctx, gt_secret_text(token), gt_secret_len(token)) == 1 &&
                  EVP_DigestFinal_ex(ctx, out, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return is_made;
}

int gt_remembered_has(gt_remembered_t *remembered, const gt_secret_t *token,
                      const gt_remembered_by_t *by)
{
    unsigned char name[HASH_BYTES], value[GT_REMEMBERED_BYTES];
    apr_time_t expires;
    apr_size_t len;

    return remembered != NULL && hash(name, remembered, token, by) &&
           gt_slots_get(remembered->slots, name, value, &len, &expires) &&
           len == GT_REMEMBERED_BYTES &&
           CRYPTO_memcmp(value, name + GT_SLOT_KEY_BYTES, GT_REMEMBERED_BYTES) == 0;
}

void gt_remembered_keep(gt_remembered_t *remembered, const gt_secret_t *token,
                        const gt_remembered_by_t *by, apr_interval_time_t span)
{
    unsigned char name[HASH_BYTES];
    gt_slot_item_t item = {name + GT_SLOT_KEY_BYTES, GT_REMEMBERED_BYTES, gt_ticks() + span, 0};

    /* One that finds no room costs its signature again. */
    if (remembered != NULL && span > 0 && hash(name, remembered, token, by))
        (void)!gt_slots_put(remembered->slots, name, &item);
}
