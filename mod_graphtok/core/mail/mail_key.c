/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_key.c The digest of a request, and the name of the process that works for it. */

#include "mail/mail_key.h"

#include <apr_strings.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/text.h"
#include "vault/holder.h"

#define HOLDER_RANDOM 9

static int digest_piece(const char *bytes, size_t len, void *digest)
{
    return EVP_DigestUpdate(digest, bytes, len) == 1 ? 0 : -1;
}

static gt_err_t *digest_body(unsigned char digest[32], const json_t *body, apr_pool_t *p)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int is_good =
        context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
        json_dump_callback(body, digest_piece, context, JSON_COMPACT | JSON_SORT_KEYS) == 0 &&
        EVP_DigestFinal_ex(context, digest, NULL) == 1;

    EVP_MD_CTX_free(context);
    return is_good ? GT_OK : gt_err(p, GT_INTERNAL, "GT1667", "a request cannot be digested");
}

gt_err_t *gt_mail_key_fill(gt_send_t *row, gt_vault_t *vault, const json_t *body, apr_pool_t *p)
{
    const char *holder = gt_vault_parts(vault)->holder;

    row->holder =
        apr_pstrcat(p, holder != NULL ? holder : "-", "/", gt_random_text(HOLDER_RANDOM, p), NULL);
    return digest_body(row->digest, body, p);
}

int gt_mail_key_is_abandoned(const gt_send_t *row, gt_vault_t *vault, apr_pool_t *p)
{
    const char *holder = gt_vault_parts(vault)->holder;

    return row->is_over || (holder != NULL && gt_holder_is_dead(row->holder, holder, p));
}

gt_err_t *gt_mail_key_other(apr_pool_t *p)
{
    gt_err_t *err =
        gt_err(p, GT_INVALID, "GT1668", "this Idempotency-Key came with another request before");

    err->status = 422;
    return err;
}
