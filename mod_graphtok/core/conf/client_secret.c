/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mistakes in a client secret that show without asking the provider, which would refuse the secret
 * only at the end of the first sign-in. */

#include "conf/client_secret.h"

#include <string.h>

#include "base/secret.h"
#include "base/text.h"

const char *gt_client_secret_fault(const gt_secret_t *secret, int is_entra)
{
    const char *text = gt_secret_text(secret);

    /* RFC 6749, appendix A.2 allows a blank; no provider makes one. */
    if (text[strcspn(text, "\r\n")] != '\0')
        return "has several lines; the secret alone belongs there";
    if (text[strcspn(text, " \t")] != '\0')
        return "has a blank in it; the secret alone belongs there";
    /* The portal shows a Secret ID beside the Value, and the Value only once. */
    if (is_entra && gt_is_guid(text))
        return "is a GUID, as the Secret ID is; what is needed is the Value beside it, or a new "
               "client secret where it is not shown any more";
    return NULL;
}
