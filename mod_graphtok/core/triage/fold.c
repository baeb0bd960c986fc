/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file fold.c Folding by code point. Source of the blocks: Unicode 15, Latin-1 Supplement, Latin
 * Extended-A, Combining Diacritical Marks, Greek, Cyrillic, General Punctuation. */

#include "triage/fold.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

/* U+00C0 to U+00FF. A blank: no letter; a digit: two letters, see `pairs`. */
static const char latin_1[] = "aaaaaa1ceeeeiiiidnooooo ouuuuyt2"
                              "aaaaaa1ceeeeiiiidnooooo ouuuuyty";
/* U+0100 to U+017F */
static const char latin_a[] = "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii"
                              "iijjkkkllllllllllnnnnnnnnnoooooo33rrrrrrsssssssstttttt"
                              "uuuuuuuuuuuuwwyyyzzzzzzs";
static const char *const pairs[] = {"", "ae", "ss", "oe"};

/** The text that is written. */
typedef struct fold_t {
    char *at;
    const char *start;
} fold_t;

static void put_blank(fold_t *fold)
{
    if (fold->at[-1] != ' ')
        *fold->at++ = ' ';
}

static void put_mark(fold_t *fold, char mark)
{
    put_blank(fold);
    /* "?!", "...": one mark is enough. */
    if (fold->at - fold->start > 1 && strchr("?.", fold->at[-2]) != NULL) {
        if (mark == '?')
            fold->at[-2] = '?';
        return;
    }
    *fold->at++ = mark;
    *fold->at++ = ' ';
}

static void put_latin(fold_t *fold, char base)
{
    if (base == ' ')
        put_blank(fold);
    else if (base < 'a')
        for (const char *c = pairs[base - '0']; *c != '\0'; c++)
            *fold->at++ = *c;
    else
        *fold->at++ = base;
}

static void put_utf8(fold_t *fold, unsigned code)
{
    if (code < 0x800)
        *fold->at++ = (char)(0xC0 | (code >> 6));
    else if (code < 0x10000) {
        *fold->at++ = (char)(0xE0 | (code >> 12));
        *fold->at++ = (char)(0x80 | ((code >> 6) & 0x3F));
    }
    else {
        *fold->at++ = (char)(0xF0 | (code >> 18));
        *fold->at++ = (char)(0x80 | ((code >> 12) & 0x3F));
        *fold->at++ = (char)(0x80 | ((code >> 6) & 0x3F));
    }
    *fold->at++ = (char)(0x80 | (code & 0x3F));
}

static int is_question(unsigned code)
{
    return code == '?' || code == 0x37E || code == 0x61F || code == 0xFF1F || code == 0x203D;
}

static int is_punctuation(unsigned code)
{
    return (code >= 0x80 && code < 0xC0) || (code >= 0x2000 && code < 0x2C00) ||
           (code >= 0x3000 && code < 0x3040) || (code >= 0xFF00 && code < 0xFF21) ||
           (code >= 0xE000 && code < 0xF900) || code >= 0x1F000;
}

static unsigned lower(unsigned code)
{
    if ((code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F))
        return code + 0x20;
    return code >= 0x400 && code <= 0x40F ? code + 0x50 : code;
}

static void put_ascii(fold_t *fold, char c)
{
    if (c >= 'A' && c <= 'Z')
        *fold->at++ = (char)(c | 0x20);
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        *fold->at++ = c;
    else if (c == '?' || c == '.' || c == '!' || c == ';')
        put_mark(fold, c == '?' ? '?' : '.');
    else if (c == '@') {
        put_blank(fold);
        *fold->at++ = '@';
        *fold->at++ = ' ';
    }
    else
        put_blank(fold);
}

static void put(fold_t *fold, unsigned code)
{
    if (is_question(code))
        put_mark(fold, '?');
    else if (code < 0x80)
        put_ascii(fold, (char)code);
    else if (code >= 0x300 && code < 0x370)
        return; /* an accent that follows its letter */
    else if (code >= 0xC0 && code < 0x100)
        put_latin(fold, latin_1[code - 0xC0]);
    else if (code >= 0x100 && code < 0x180)
        put_latin(fold, latin_a[code - 0x100]);
    else if (is_punctuation(code))
        put_blank(fold);
    else
        put_utf8(fold, lower(code));
}

static unsigned decode(const char *text, apr_size_t len)
{
    static const unsigned char first[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned code = (unsigned char)text[0] & first[len];

    for (apr_size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3F);
    return code;
}

/* The length of an address of the web, whose question marks ask nothing; 0: none begins here. */
static apr_size_t link_at(const char *text, apr_size_t left)
{
    static const char *const starts[] = {"http://", "https://", "www.", "mailto:"};

    for (apr_size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        apr_size_t len = strlen(starts[i]);

        if (left < len || strncasecmp(text, starts[i], len) != 0)
            continue;
        while (len < left && (unsigned char)text[len] > ' ' && strchr("<>\"()", text[len]) == NULL)
            len++;
        return len;
    }
    return 0;
}

char *gt_fold(const char *text, apr_size_t len, apr_pool_t *p)
{
    /* A byte becomes three at most: a mark with its blanks. */
    char *folded = apr_palloc(p, 3 * len + 3);
    fold_t fold = {folded + 1, folded};

    folded[0] = ' ';
    for (apr_size_t i = 0, step; i < len; i += step) {
        step = fold.at[-1] == ' ' ? link_at(text + i, len - i) : 0;
        if (step > 0)
            continue;
        step = gt_utf8_sequence(text + i, len - i);
        if (step > 0)
            put(&fold, decode(text + i, step));
        else {
            put_blank(&fold);
            step = 1;
        }
    }
    put_blank(&fold);
    *fold.at = '\0';
    return folded;
}
