/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The digest's line comes first: the text may hold line ends. */

#include "base/handed_text.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define DIGEST 4 /* bytes of it */

static const char *digest_of(const char *text, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, text, strlen(text));
    return gt_hex(digest, DIGEST, p);
}

const char *gt_hand_out(const char *text, apr_pool_t *p)
{
    text = apr_pstrcat(p, digest_of(text, p), "\n", text, NULL);
    return gt_base64url(text, strlen(text), p);
}

char *gt_cut_line(char **rest)
{
    char *line = *rest, *end = line != NULL ? strchr(line, '\n') : NULL;

    if (end == NULL)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

char *gt_take_back(const char *handed, apr_pool_t *p)
{
    unsigned char *bytes;
    const char *digest;
    apr_size_t len;
    char *rest;

    if (strlen(handed) > GT_HANDED_TEXT_MAX ||
        !gt_base64_decode(&bytes, &len, handed, strlen(handed), 0, p) ||
        strlen((char *)bytes) != len || !gt_is_utf8((char *)bytes, len))
        return NULL;
    rest = (char *)bytes;
    digest = gt_cut_line(&rest);
    return digest != NULL && strcmp(digest, digest_of(rest, p)) == 0 ? rest : NULL;
}
