/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any bytes as a keyring. Either a complaint, or keys that each serve a purpose and are found by
 * their ids.
 */

#include "crypt/keyring.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const gt_keyring_t *ring, const gt_key_t *key)
{
    int purpose;

    if (key->purposes == 0 || strlen(key->fingerprint) != 8 || strlen(key->id) > 32)
        abort();
    for (purpose = 0; purpose < GT_PURPOSES; purpose++) {
        int is_for = (key->purposes & 1U << purpose) != 0;
        const gt_key_t *found = gt_keyring_find(ring, key->id, (gt_purpose_t)purpose);

        if ((found == key) != is_for ||
            (is_for && gt_keyring_writer(ring, (gt_purpose_t)purpose) == NULL))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    gt_keyring_t *ring;
    const gt_err_t *err;
    int i;

    apr_pool_create(&pool, NULL);
    err = gt_keyring_parse(&ring, gt_secret_make(data, size, pool), pool);
    if ((err == GT_OK) != (ring != NULL) || (err != GT_OK && err->cls != GT_INTERNAL))
        abort();
    for (i = 0; ring != NULL && i < gt_keyring_keys(ring)->nelts; i++)
        look_up(ring, APR_ARRAY_IDX(gt_keyring_keys(ring), i, const gt_key_t *));
    apr_pool_destroy(pool);
    return 0;
}
