/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mistakes in a client secret that show without asking the provider, which would refuse the secret
 * only at the end of the first sign-in. */

#include "conf/client_secret.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/jwt.h"

#define TOKEN_MAX 16384
#define PASSES_AFTER apr_time_from_sec(5)

int gt_secret_has_lines(const gt_secret_t *secret)
{
    const char *text = gt_secret_text(secret);

    return text[strcspn(text, "\r\n")] != '\0';
}

const char *gt_client_secret_fault(const gt_secret_t *secret, int is_entra)
{
    const char *text = gt_secret_text(secret);

    /* RFC 6749, appendix A.2 allows a blank; no provider makes one. */
    if (gt_secret_has_lines(secret))
        return "has several lines; the secret alone belongs there";
    if (text[strcspn(text, " \t")] != '\0')
        return "has a blank in it; the secret alone belongs there";
    /* The portal shows a Secret ID beside the Value, and the Value only once. */
    if (is_entra && gt_is_guid(text))
        return "is a GUID, as the Secret ID is; what is needed is the Value beside it, or a new "
               "client secret where it is not shown any more";
    return NULL;
}

gt_err_t *gt_client_token_left(apr_int64_t *left, const gt_secret_t *token, const char *name,
                               apr_pool_t *p)
{
    const json_t *claims = gt_secret_len(token) <= TOKEN_MAX ? gt_jwt_claims(token, p) : NULL;
    apr_int64_t ends = 0;
    gt_err_t *err;

    *left = 0;
    if (claims == NULL || !gt_json_number(&ends, claims, "exp")) {
        err = gt_err(p, GT_INTERNAL, "GT0165",
                     "GraphTokClientAssertion %s holds no JWT of at most 16 KiB with an end (exp)",
                     name);
    }
    else {
        *left = ends - apr_time_sec(gt_now());
        if (*left > 0)
            return GT_OK;
        err = gt_err(p, GT_INTERNAL, "GT0166",
                     "GraphTokClientAssertion %s holds a token that has ended: what writes it "
                     "writes no new one",
                     name);
    }
    err->status = 503;
    err->retry_after = PASSES_AFTER;
    return err;
}
