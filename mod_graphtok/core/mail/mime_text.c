/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Charsets by iconv, among a list of those that mails use; then one pass that cleans. */

#include "mail/mime_text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/plain.h"
#include "base/text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* ---- charsets ---- */

/* A name in a mail, and what is meant by it: programs write the smaller charset and send the larger
 * one (the Encoding Standard of the WHATWG, section 4.2, has the same pairs). */
static const char *const meanings[][2] = {
    {"us-ascii", "WINDOWS-1252"},   {"ascii", "WINDOWS-1252"},  {"iso-8859-1", "WINDOWS-1252"},
    {"iso8859-1", "WINDOWS-1252"},  {"latin1", "WINDOWS-1252"}, {"iso-8859-9", "WINDOWS-1254"},
    {"iso-8859-11", "WINDOWS-874"}, {"tis-620", "WINDOWS-874"}, {"gb2312", "GB18030"},
    {"gb_2312-80", "GB18030"},      {"gbk", "GB18030"},         {"big5", "BIG5-HKSCS"},
    {"ks_c_5601-1987", "CP949"},    {"euc-kr", "CP949"},        {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},         {"sjis", "CP932"},          {"x-sjis", "CP932"},
    {"unicode-1-1-utf-7", "UTF-7"},
};

/* Families that mails use. iconv knows hundreds more, and reads files for each. */
static const char *const families[] = {
    "utf-",  "utf7",    "windows-", "cp125", "iso-8859-", "iso8859-", "iso-2022-jp", "iso-2022-kr",
    "koi8-", "gb18030", "big5",     "euc-",  "macintosh", "ibm437",   "ibm85",
};

static int is_known(const char *charset)
{
    for (const char *c = charset; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *c) ||
            c - charset > 30)
            return 0;
    for (apr_size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (strncasecmp(charset, families[i], strlen(families[i])) == 0)
            return 1;
    return 0;
}

static iconv_t open_charset(const char *charset)
{
    for (apr_size_t i = 0; charset != NULL && i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strcasecmp(charset, meanings[i][0]) == 0)
            return iconv_open("UTF-8", meanings[i][1]);
    return charset != NULL && is_known(charset) ? iconv_open("UTF-8", charset) : (iconv_t)-1;
}

/* 1: some character beyond ASCII is well-formed UTF-8. Bytes of which none is are of another
 * charset, in spite of the name that their mail gives. */
static int has_utf8(const char *bytes, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++)
        if ((unsigned char)bytes[i] >= 0x80 && gt_utf8_sequence(bytes + i, size - i) > 0)
            return 1;
    return 0;
}

/* One unit that cannot be read: as many bytes as the charset's smallest character has. */
static apr_size_t unit(const char *charset)
{
    if (strncasecmp(charset, "utf-16", 6) == 0)
        return 2;
    return strncasecmp(charset, "utf-32", 6) == 0 ? 4 : 1;
}

static char *without_nul(char *text, apr_size_t len)
{
    for (char *nul = memchr(text, '\0', len); nul != NULL;
         nul = memchr(nul, '\0', len - (apr_size_t)(nul - text)))
        *nul = ' ';
    return text;
}

static char *convert(iconv_t cd, apr_size_t skip, const char *bytes, apr_size_t size,
                     apr_size_t most, int *is_cut, apr_pool_t *p)
{
    /* A byte becomes four at the most. */
    apr_size_t room = size < most / 4 ? size * 4 : most;
    char *text = apr_palloc(p, room + 1);
    char *in = (char *)bytes, *out = text; /* iconv does not write there */
    apr_size_t left = size;

    while (left > 0 && iconv(cd, &in, &left, &out, &room) == (size_t)-1) {
        if (errno == E2BIG || room < sizeof(REPLACEMENT) - 1) {
            *is_cut = 1;
            break;
        }
        memcpy(out, REPLACEMENT, sizeof(REPLACEMENT) - 1);
        out += sizeof(REPLACEMENT) - 1;
        room -= sizeof(REPLACEMENT) - 1;
        if (errno == EINVAL)
            break; /* the last character is not whole */
        skip = skip > left ? left : skip;
        in += skip;
        left -= skip;
    }
    /* Some charsets hold a character back that the next one might join. */
    (void)!iconv(cd, NULL, NULL, &out, &room);
    *out = '\0';
    return without_nul(text, (apr_size_t)(out - text));
}

char *gt_mime_utf8(const char *charset, const char *bytes, apr_size_t size, apr_size_t most,
                   int *is_cut, apr_pool_t *p)
{
    int says_utf8 = charset != NULL && strcasecmp(charset, "utf-8") == 0;
    int looks_utf8 = gt_is_utf8(bytes, size) || (says_utf8 && has_utf8(bytes, size));
    iconv_t cd = (iconv_t)-1;
    char *text;

    if (!says_utf8)
        cd = open_charset(charset);
    if (cd == (iconv_t)-1 && !looks_utf8)
        cd = iconv_open("UTF-8", charset = "WINDOWS-1252");
    if (cd == (iconv_t)-1) {
        *is_cut |= size > most;
        size = size > most ? most : size;
        return without_nul(apr_pstrmemdup(p, bytes, size), size);
    }
    text = convert(cd, unit(charset), bytes, size, most, is_cut, p);
    iconv_close(cd);
    return text;
}

/* ---- clean ---- */

typedef struct cleaned_t {
    char *text;
    apr_size_t len, most;
    int is_full;
} cleaned_t;

static void add(cleaned_t *cleaned, const char *bytes, apr_size_t n)
{
    if (cleaned->is_full || n > cleaned->most - cleaned->len) {
        cleaned->is_full = 1;
        return;
    }
    memcpy(cleaned->text + cleaned->len, bytes, n);
    cleaned->len += n;
}

/* One character, or the one byte that is none. @return the bytes that were read */
static apr_size_t add_one(cleaned_t *cleaned, const char *text, apr_size_t left)
{
    apr_size_t n = gt_utf8_sequence(text, left);

    add(cleaned, n > 0 ? text : REPLACEMENT, n > 0 ? n : sizeof(REPLACEMENT) - 1);
    return n > 0 ? n : 1;
}

static int is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

/* ASCII, as much of it as there is room for. */
static void add_ascii(cleaned_t *cleaned, const char *text, apr_size_t n)
{
    if (n > cleaned->most - cleaned->len) {
        n = cleaned->most - cleaned->len;
        cleaned->is_full = 1;
    }
    memcpy(cleaned->text + cleaned->len, text, n);
    cleaned->len += n;
}

/* Most mail is ASCII: as much of it as stands here at once. @return the bytes that were read */
static apr_size_t add_plain(cleaned_t *cleaned, const char *text, apr_size_t left)
{
    apr_size_t n = gt_plain_len(text, left);

    while (n < left && (text[n] == '\n' || text[n] == '\t')) {
        n++;
        n += gt_plain_len(text + n, left - n);
    }
    add_ascii(cleaned, text, n);
    return n;
}

/* The same of one word. */
static apr_size_t add_word(cleaned_t *cleaned, const char *text, apr_size_t left)
{
    apr_size_t n = 0;

    while (n < left && text[n] > ' ' && text[n] < 0x7F)
        n++;
    add_ascii(cleaned, text, n);
    return n > 0 ? n : add_one(cleaned, text, left);
}

static cleaned_t begin(apr_size_t size, apr_size_t most, apr_pool_t *p)
{
    /* A byte becomes three at the most. */
    apr_size_t room = size < most / 3 ? size * 3 : most;

    return (cleaned_t){apr_palloc(p, room + 1), 0, room, 0};
}

static char *end(cleaned_t *cleaned, int *is_cut)
{
    cleaned->text[cleaned->len] = '\0';
    *is_cut |= cleaned->is_full;
    return cleaned->text;
}

char *gt_mime_clean_text(const char *text, apr_size_t size, apr_size_t most, int *is_cut,
                         apr_pool_t *p)
{
    cleaned_t cleaned = begin(size, most, p);

    for (apr_size_t i = 0; i < size;) {
        i += add_plain(&cleaned, text + i, size - i);
        if (i == size || cleaned.is_full)
            break;
        if (!is_control(text[i])) {
            i += add_one(&cleaned, text + i, size - i);
            continue;
        }
        if (text[i] == '\r' && (i + 1 == size || text[i + 1] != '\n'))
            add(&cleaned, "\n", 1);
        i++;
    }
    return end(&cleaned, is_cut);
}

char *gt_mime_clean_line(const char *text, apr_size_t size, apr_size_t most, int *is_cut,
                         apr_pool_t *p)
{
    cleaned_t cleaned = begin(size, most, p);
    int is_blank = 0;

    for (apr_size_t i = 0; i < size && !cleaned.is_full;) {
        if (text[i] == ' ' || is_control(text[i])) {
            is_blank = 1;
            i++;
            continue;
        }
        if (is_blank && cleaned.len > 0)
            add(&cleaned, " ", 1);
        is_blank = 0;
        i += add_word(&cleaned, text + i, size - i);
    }
    return end(&cleaned, is_cut);
}
