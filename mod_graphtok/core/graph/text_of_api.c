/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file text_of_api.c Texts of refusals, which come from outside. */

#include "graph/text_of_api.h"

#include <string.h>

#include <apr_strings.h>

#define WORD_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
#define CODE_MAX 64
#define MESSAGE_MAX 256

const char *gt_api_word(const char *text, apr_pool_t *p)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || len > CODE_MAX || strspn(text, WORD_BYTES) < len)
        return NULL;
    return apr_pstrdup(p, text);
}

const char *gt_api_line(const char *text, apr_pool_t *p)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;
    char *copy;

    if (len == 0 || strstr(text, "eyJ") || strstr(text, "ya29.") || strstr(text, "Bearer "))
        return NULL;
    if (len > MESSAGE_MAX) {
        len = MESSAGE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    copy = apr_pstrmemdup(p, text, len);
    for (unsigned char *at = (unsigned char *)copy; *at; at++) {
        if (*at < 0x20 || *at == 0x7F)
            *at = ' ';
        /* U+0080 to U+009F are controls, too. */
        if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F)
            at[0] = at[1] = ' ';
    }
    return copy;
}
