/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A list's cursor is "PROVIDER USER" in base64url: the name of a provider has no blank. */

#include "admin/cursor.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

const char *gt_cursor(const gt_owner_t *owner, apr_pool_t *p)
{
    const char *text = apr_pstrcat(p, owner->provider, " ", owner->user, NULL);

    return gt_base64url(text, strlen(text), p);
}

int gt_cursor_read(gt_owner_t *owner, const char *cursor, apr_pool_t *p)
{
    unsigned char *bytes;
    apr_size_t len;
    char *blank;

    if (!gt_base64_decode(&bytes, &len, cursor, strlen(cursor), 0, p) ||
        strlen((char *)bytes) != len || !gt_is_utf8((char *)bytes, len))
        return 0;
    blank = strchr((char *)bytes, ' ');
    if (blank == NULL || blank == (char *)bytes || blank[1] == '\0')
        return 0;
    *blank = '\0';
    *owner = (gt_owner_t){blank + 1, (char *)bytes};
    return 1;
}
