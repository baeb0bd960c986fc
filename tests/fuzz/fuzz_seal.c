/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any text as a sealed value: nothing opens but what was sealed with these keys, which is always
 * the word "hunter2". And any bytes sealed: they come back, in their own place only.
 */

#include "crypt/seal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char keys[] = "k1 any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
                           "k2 access __79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=\n";

/* Each form: without and with a store's id. */
static const gt_place_t homes[] = {{.table = "user_tokens",
                                    .column = "encrypted_access_token",
                                    .user = "tom",
                                    .provider = "microsoft"},
                                   {.table = "user_tokens",
                                    .column = "encrypted_access_token",
                                    .user = "tom",
                                    .provider = "microsoft",
                                    .store = "00112233445566778899aabbccddeeff",
                                    .resource = "graph"}};

static void try_open(const gt_keyring_t *ring, const gt_place_t *home, const char *text,
                     apr_pool_t *p)
{
    gt_secret_t *clear;
    const gt_err_t *err = gt_unseal(&clear, ring, GT_KEY_ACCESS, home, text, p);

    if (err != GT_OK && (err->cls != GT_DAMAGED || clear != NULL))
        abort();
    if (err == GT_OK && !gt_secret_equal(clear, gt_secret_from("hunter2", p)))
        abort();
    if (err == GT_OK && gt_sealed_key_id(text, p) == NULL && strchr(" \t\r\n\v\f", text[0]) == NULL)
        abort();
}

static void try_seal(const gt_keyring_t *ring, const gt_place_t *home, gt_cipher_t cipher,
                     const gt_secret_t *clear, apr_pool_t *p)
{
    gt_place_t elsewhere = *home;
    const char *sealed;
    gt_secret_t *again;

    elsewhere.user = "eve";
    if (gt_seal(&sealed, ring, GT_KEY_ACCESS, cipher, home, clear, p) != GT_OK ||
        gt_unseal(&again, ring, GT_KEY_ACCESS, home, sealed, p) != GT_OK ||
        !gt_secret_equal(clear, again))
        abort();
    if (cipher == GT_AES_256_GCM &&
        gt_unseal(&again, ring, GT_KEY_ACCESS, &elsewhere, sealed, p) == GT_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    gt_keyring_t *ring;

    apr_pool_create(&pool, NULL);
    if (gt_keyring_parse(&ring, gt_secret_from(keys, pool), pool) != GT_OK)
        abort();
    for (int i = 0; i < 2; i++) {
        try_open(ring, &homes[i], apr_pstrmemdup(pool, (const char *)data, size), pool);
        try_seal(ring, &homes[i], GT_AES_256_GCM, gt_secret_make(data, size, pool), pool);
        try_seal(ring, &homes[i], GT_FERNET, gt_secret_make(data, size, pool), pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
