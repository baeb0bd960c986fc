/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file json_mend.c
 * One pass over the bytes; its only state is whether they stand within a string. A provider's
 * answer may hold a refresh token that exists nowhere else, so a fault in a member that we do not
 * read must not lose the answer. The reader of a member checks its value: no token and no URL holds
 * U+FFFD.
 */

#include "base/json_mend.h"

#include <string.h>

#include <jansson.h>

#include "base/secret.h"
#include "base/text.h"

#define UNKNOWN "\xef\xbf\xbd"
#define MOST_FOR_ONE 4 /* "null" for a word of one byte */

typedef struct mend_t {
    const char *at, *end;
    char *out;
} mend_t;

static void put(mend_t *mend, const char *text, apr_size_t len)
{
    memcpy(mend->out, text, len);
    mend->out += len;
}

static void copy(mend_t *mend, apr_size_t len)
{
    put(mend, mend->at, len);
    mend->at += len;
}

static void replace(mend_t *mend, apr_size_t len)
{
    put(mend, UNKNOWN, sizeof(UNKNOWN) - 1);
    mend->at += len;
}

/** The number of an escape \uXXXX at `at`; -1: there is none. */
static int code_at(const char *at, const char *end)
{
    int code = 0;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digit = memchr("0123456789abcdefABCDEF", at[i], 22);

        if (digit == NULL)
            return -1;
        code = code * 16 + (at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
    }
    return code;
}

static int is_high(int code)
{
    return code >= 0xd800 && code <= 0xdbff;
}

static int is_low(int code)
{
    return code >= 0xdc00 && code <= 0xdfff;
}

static void mend_escape(mend_t *mend)
{
    int code = code_at(mend->at, mend->end);

    if (mend->end - mend->at < 2)
        copy(mend, 1);
    else if (code < 0 && memchr("\"\\/bfnrt", mend->at[1], 8) != NULL)
        copy(mend, 2);
    else if (code < 0)
        replace(mend, 2);
    else if (is_high(code) && is_low(code_at(mend->at + 6, mend->end)))
        copy(mend, 12);
    else if (code == 0 || is_high(code) || is_low(code))
        replace(mend, 6);
    else
        copy(mend, 6);
}

/** From the opening quote to behind the closing one. */
static void mend_text(mend_t *mend)
{
    copy(mend, 1);
    while (mend->at < mend->end && *mend->at != '"') {
        apr_size_t len = gt_utf8_sequence(mend->at, (apr_size_t)(mend->end - mend->at));

        if (*mend->at == '\\')
            mend_escape(mend);
        else if (len == 0 || (unsigned char)*mend->at < 0x20)
            replace(mend, 1);
        else
            copy(mend, len);
    }
    if (mend->at < mend->end)
        copy(mend, 1);
}

/** A number, true, false, null, or something that is none of these. */
static void mend_word(mend_t *mend)
{
    const char *at = mend->at;
    apr_size_t len = 0;
    json_t *value;

    while (at + len < mend->end && memchr("{}[],:\" \t\r\n", at[len], 11) == NULL)
        len++;
    value = json_loadb(at, len, JSON_DECODE_ANY, NULL);
    if (value != NULL)
        put(mend, at, len);
    else
        put(mend, "null", 4);
    json_decref(value);
    mend->at += len;
}

char *gt_json_mend(apr_size_t *mended_len, const char *bytes, apr_size_t len, apr_pool_t *p)
{
    char *mended = apr_palloc(p, len * MOST_FOR_ONE + 1);
    mend_t mend = {bytes, bytes + len, mended};

    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        mend.at += 3;
    while (mend.at < mend.end) {
        if (*mend.at == '"')
            mend_text(&mend);
        else if (memchr("{}[],: \t\r\n", *mend.at, 10) != NULL)
            copy(&mend, 1);
        else
            mend_word(&mend);
    }
    *mended_len = (apr_size_t)(mend.out - mended);
    mended[*mended_len] = '\0';
    gt_wipe_with_pool(mended, *mended_len, p);
    return mended;
}
