/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file sign.c HMAC-SHA256 over id, time and body with dots between. */

#include "hooks/sign.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "conf/hooks.h"

gt_err_t *gt_webhook_sign(const char **signature, const gt_signed_t *message,
                          const gt_secret_t *secret, apr_pool_t *p)
{
    unsigned char *key, digest[EVP_MAX_MD_SIZE];
    unsigned char shown[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
    const char *content = apr_psprintf(p, "%s.%" APR_INT64_T_FMT ".%s", message->id,
                                       message->timestamp, message->body);
    apr_size_t len;
    unsigned digest_len = 0;

    if (!gt_hooks_key(&key, &len, secret, p))
        return gt_err(p, GT_INTERNAL, "GT1113", "GraphTokDeliverSecret is not " GT_HOOKS_KEY_FORM);
    if (HMAC(EVP_sha256(), key, (int)len, (const unsigned char *)content, strlen(content), digest,
             &digest_len) == NULL)
        return gt_err(p, GT_INTERNAL, "GT1114", "OpenSSL makes no HMAC");
    EVP_EncodeBlock(shown, digest, (int)digest_len);
    *signature = apr_pstrcat(p, "v1,", (const char *)shown, NULL);
    return GT_OK;
}
