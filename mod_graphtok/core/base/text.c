/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Small things about bytes. Decoders are strict: one value has exactly one accepted spelling (RFC
 * 4648 sections 3.3 and 3.5), because a text that two readers decode differently gets past a check
 * in one of them. Sources: RFC 3629, RFC 3986, RFC 4648.
 */

#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/log.h"
#include "base/plain.h"

static const char hex_digits[] = "0123456789abcdef";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *gt_base64url(const void *bytes, apr_size_t len, apr_pool_t *p)
{
    const unsigned char *in = bytes;
    char *text = apr_palloc(p, (len + 2) / 3 * 4 + 1);
    char *out = text;
    unsigned bits = 0;
    int held = 0;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        bits = (bits << 8 | in[i]) & 0xFFFF;
        held += 8;
        while (held >= 6) {
            held -= 6;
            *out++ = url_alphabet[bits >> held & 0x3F];
        }
    }
    if (held > 0)
        *out++ = url_alphabet[bits << (6 - held) & 0x3F];
    *out = '\0';
    return text;
}

/* The value of a base64 character, or -1. */
static int sextet(char c, int alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-' || c == '_')
        return alphabet == 1 ? -1 : (c == '-' ? 62 : 63);
    if (c == '+' || c == '/')
        return alphabet == 0 ? -1 : (c == '+' ? 62 : 63);
    return -1;
}

/* Take the padding off; it must be whole when it is there. 0 when it is not. */
static int strip_padding(apr_size_t *text_len, const char *text)
{
    apr_size_t n = *text_len;
    apr_size_t padding = 0;

    while (padding < 2 && n > 0 && text[n - 1] == '=') {
        n--;
        padding++;
    }
    if (padding > 0 && *text_len % 4 != 0)
        return 0;
    *text_len = n;
    return n % 4 != 1;
}

int gt_base64_decode(unsigned char **bytes, apr_size_t *len, const char *text, apr_size_t text_len,
                     int alphabet, apr_pool_t *p)
{
    unsigned char *out;
    unsigned bits = 0;
    int held = 0;
    apr_size_t i;

    assert(alphabet >= 0 && alphabet <= 2);
    *bytes = NULL;
    *len = 0;
    if (!strip_padding(&text_len, text))
        return 0;
    out = *bytes = apr_palloc(p, text_len / 4 * 3 + 3);
    for (i = 0; i < text_len; i++) {
        int value = sextet(text[i], alphabet);

        if (value < 0)
            return 0;
        bits = (bits << 6 | (unsigned)value) & 0x3FFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *out++ = (unsigned char)(bits >> held & 0xFF);
        }
    }
    *out = '\0';
    *len = (apr_size_t)(out - *bytes);
    return (bits & ((1U << held) - 1)) == 0;
}

char *gt_hex(const void *bytes, apr_size_t len, apr_pool_t *p)
{
    const unsigned char *in = bytes;
    char *text = apr_palloc(p, 2 * len + 1);
    apr_size_t i;

    for (i = 0; i < len; i++) {
        text[2 * i] = hex_digits[in[i] >> 4];
        text[2 * i + 1] = hex_digits[in[i] & 0x0F];
    }
    text[2 * len] = '\0';
    return text;
}

static int is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char *gt_percent(const char *text, apr_pool_t *p)
{
    static const char upper_hex[] = "0123456789ABCDEF";
    char *encoded = apr_palloc(p, 3 * strlen(text) + 1);
    char *out = encoded;

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (is_unreserved(*text)) {
            *out++ = *text;
            continue;
        }
        *out++ = '%';
        *out++ = upper_hex[byte >> 4];
        *out++ = upper_hex[byte & 0x0F];
    }
    *out = '\0';
    return encoded;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One byte of an encoded value; its length in *step. -1 when it is broken. */
static int unescape(apr_size_t *step, const char *encoded, apr_size_t left)
{
    int high, low;

    *step = 1;
    if (encoded[0] == '+')
        return ' ';
    if (encoded[0] != '%')
        return (unsigned char)encoded[0];
    if (left < 3)
        return -1;
    high = hex_value(encoded[1]);
    low = hex_value(encoded[2]);
    *step = 3;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

apr_size_t gt_utf8_sequence(const char *text, apr_size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    apr_size_t n, i;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    n = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (n > left)
        return 0;
    /* The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF. */
    if (s[0] == 0xE0)
        low = 0xA0;
    else if (s[0] == 0xED)
        high = 0x9F;
    else if (s[0] == 0xF0)
        low = 0x90;
    else if (s[0] == 0xF4)
        high = 0x8F;
    if (s[1] < low || s[1] > high)
        return 0;
    for (i = 2; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

/* How many bytes at the front are well-formed. */
static apr_size_t utf8_front(const char *text, apr_size_t len)
{
    apr_size_t at = gt_plain_len(text, len), n = 1;

    while (at < len && n > 0) {
        n = gt_utf8_sequence(text + at, len - at);
        at += n;
        at += gt_plain_len(text + at, len - at);
    }
    return at;
}

/* Decode up to the first byte that is refused. Returns how much was read. */
static apr_size_t decode_front(char *out, const char *encoded, apr_size_t len)
{
    apr_size_t used = 0;
    apr_size_t i, step;

    for (i = 0; i < len; i += step) {
        int byte = unescape(&step, encoded + i, len - i);

        if (byte < 0x20 || byte == 0x7F)
            break;
        out[used++] = (char)byte;
    }
    out[used] = '\0';
    return i;
}

int gt_unpercent(char **text, const char *encoded, apr_size_t len, apr_pool_t *p)
{
    char *out = apr_palloc(p, len + 1);

    *text = NULL;
    if (decode_front(out, encoded, len) < len || !gt_is_utf8(out, strlen(out)))
        return 0;
    *text = out;
    return 1;
}

char *gt_unpercent_front(const char *encoded, apr_size_t len, apr_pool_t *p)
{
    char *out = apr_palloc(p, len + 1);

    (void)decode_front(out, encoded, len);
    out[utf8_front(out, strlen(out))] = '\0';
    return out;
}

int gt_is_utf8(const char *text, apr_size_t len)
{
    return utf8_front(text, len) == len;
}

/* ASCII's rule, in every locale. */
static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\0' ? c : '_';
}

int gt_is_alike(const char *a, const char *b)
{
    while (*a != '\0' && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

int gt_equal_ct(const char *a, const char *b)
{
    apr_size_t len;

    if (a == NULL || b == NULL)
        return 0;
    len = strlen(a);
    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

int gt_number(apr_int64_t *number, const char *text, apr_int64_t min, apr_int64_t max)
{
    int negative;
    apr_int64_t value = 0;

    *number = 0;
    if (text == NULL)
        return 0;
    negative = *text == '-';
    text += negative;
    if (*text == '\0')
        return 0;
    /* Gathered below zero, where the range is one larger. */
    for (; *text != '\0'; text++) {
        int digit = *text - '0';

        if (digit < 0 || digit > 9 || value < (APR_INT64_MIN + digit) / 10)
            return 0;
        value = value * 10 - digit;
    }
    if (!negative && value == APR_INT64_MIN)
        return 0;
    value = negative ? value : -value;
    if (value < min || value > max)
        return 0;
    *number = value;
    return 1;
}

void gt_random(void *bytes, apr_size_t n)
{
    assert(n <= 0x7FFFFFFF);
    if (RAND_bytes(bytes, (int)n) == 1)
        return;
    /* Going on with predictable keys, states and verifiers would be worse than ending. */
    gt_log(GT_LOG_ERROR, "GT0101", "the system gives no random bytes; the process ends");
    abort();
}

char *gt_random_text(apr_size_t n, apr_pool_t *p)
{
    unsigned char *bytes = apr_palloc(p, n);
    char *text;

    gt_random(bytes, n);
    text = gt_base64url(bytes, n, p);
    OPENSSL_cleanse(bytes, n);
    return text;
}

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char *gt_unquoted(char *text)
{
    apr_size_t len = strlen(text);

    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text[len - 1] = '\0';
        return text + 1;
    }
    return text;
}

int gt_has_control(const char *bytes, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++)
        if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7F)
            return 1;
    return 0;
}

char *gt_trim(const char *text, apr_pool_t *p)
{
    apr_size_t len;

    while (is_blank(*text))
        text++;
    len = strlen(text);
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    return apr_pstrmemdup(p, text, len);
}

char *gt_lower(const char *text, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, text);

    for (char *c = copy; *c != '\0'; c++)
        *c = (char)apr_tolower(*c);
    return copy;
}

apr_array_header_t *gt_split(const char *text, const char *separators, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 8, sizeof(char *));

    while (*text != '\0') {
        apr_size_t len = strcspn(text, separators);

        if (len > 0)
            APR_ARRAY_PUSH(parts, char *) = apr_pstrmemdup(p, text, len);
        text += len;
        text += strspn(text, separators);
    }
    return parts;
}

int gt_has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (list += strspn(list, " "); *list != '\0'; list += strspn(list, " ")) {
        size_t len = strcspn(list, " ");

        if (len == n && memcmp(list, word, n) == 0)
            return 1;
        list += len;
    }
    return 0;
}

int gt_has_scope(const char *scopes, const char *name)
{
    size_t n = strlen(name);

    for (scopes += strspn(scopes, " "); *scopes != '\0'; scopes += strspn(scopes, " ")) {
        size_t len = strcspn(scopes, " ");
        const char *end = scopes + len, *word = scopes;

        for (const char *c = scopes; c < end; c++) {
            if (*c == '/')
                word = c + 1;
        }
        if ((size_t)(end - word) == n && strncasecmp(word, name, n) == 0)
            return 1;
        scopes = end;
    }
    return 0;
}

int gt_is_domain(const char *text)
{
    size_t label = 0, dots = 0, len = strlen(text);

    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '.' ? label == 0 : !apr_isalnum(*c) && *c != '-')
            return 0;
        dots += *c == '.';
        label = *c == '.' ? 0 : label + 1;
        if (label > 63)
            return 0;
    }
    return dots > 0 && label > 0 && len <= 253;
}

int gt_is_guid(const char *text)
{
    for (int i = 0; i < 36; i++) {
        char c = text[i];
        int is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        int is_dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_dash ? c != '-' : !is_hex)
            return 0;
    }
    return text[36] == '\0';
}

const char *gt_uuid(apr_pool_t *p)
{
    unsigned char bytes[16];
    const char *hex;

    gt_random(bytes, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    hex = gt_hex(bytes, sizeof(bytes), p);
    return apr_psprintf(p, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

const char *gt_counted(apr_int64_t n, const char *one, const char *many, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_INT64_T_FMT " %s", n, n == 1 ? one : many);
}

void gt_sha256(unsigned char digest[32], const void *bytes, apr_size_t len)
{
    SHA256(bytes, len, digest);
}
