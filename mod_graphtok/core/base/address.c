/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file address.c
 * Letters of any script may stand in an address; invisible characters (blanks, marks of direction
 * and other controls of Unicode) may not: with them an address looks like another one.
 */

#include "base/address.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"

#define EMAIL_MAX 254
#define MAILBOX_MAX (255 + 260) /* a name, and an address in its brackets */
#define LOCAL_PART_MAX 64
#define LABEL_MAX 63
#define X500_MAX 1024

/* Characters above U+007F that are not seen, from and to. */
static const unsigned unseen[][2] = {{0x80, 0xA0},     {0xAD, 0xAD},     {0x61C, 0x61C},
                                     {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200F},
                                     {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000},
                                     {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFF}, {0xE0000, 0xE0FFF}};

static unsigned code_point(const char *text, apr_size_t len)
{
    unsigned code = (unsigned char)text[0] & (0xFFU >> (len + 1));

    for (apr_size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3F);
    return code;
}

static int is_unseen(unsigned code)
{
    for (apr_size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
        if (code >= unseen[i][0] && code <= unseen[i][1])
            return 1;
    }
    return 0;
}

/* 1 when all bytes above 0x7F are UTF-8 of characters that are seen, and none is a control. */
static int is_seen(const char *text)
{
    apr_size_t left = strlen(text);

    while (left > 0) {
        apr_size_t len = gt_utf8_sequence(text, left);

        if (len == 0 || (len == 1 && ((unsigned char)*text < ' ' || *text == 0x7F)) ||
            (len > 1 && is_unseen(code_point(text, len))))
            return 0;
        text += len;
        left -= len;
    }
    return 1;
}

/* Not the locale's rule: a letter must not depend on the machine. */
static int is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (unsigned char)c > 0x7F;
}

/* Atoms joined by single dots (RFC 5321 section 4.1.2, Dot-string). */
static int is_dot_string(const char *text, apr_size_t len)
{
    static const char also[] = "!#$%&'*+-/=?^_`{|}~";

    if (text[0] == '.' || text[len - 1] == '.')
        return 0;
    for (apr_size_t i = 0; i < len; i++) {
        if (text[i] == '.' && text[i + 1] == '.')
            return 0;
        if (text[i] != '.' && !is_letter(text[i]) && strchr(also, text[i]) == NULL)
            return 0;
    }
    return 1;
}

/* The same section, Quoted-string. */
static int is_quoted_string(const char *text, apr_size_t len)
{
    if (len < 3 || text[0] != '"' || text[len - 1] != '"')
        return 0;
    for (apr_size_t i = 1; i < len - 1; i++) {
        if (text[i] == '"')
            return 0;
        if (text[i] == '\\' && ++i == len - 1)
            return 0;
    }
    return 1;
}

/* Labels of letters, digits and inner hyphens, joined by single dots. */
static int is_domain(const char *text)
{
    while (1) {
        apr_size_t len = strcspn(text, ".");

        if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
            return 0;
        for (apr_size_t i = 0; i < len; i++)
            if (!is_letter(text[i]) && text[i] != '-')
                return 0;
        if (text[len] == '\0')
            return 1;
        text += len + 1;
    }
}

/* A quoted string may hold an '@' of its own. */
int gt_is_email(const char *text)
{
    const char *at = text == NULL ? NULL : strrchr(text, '@');
    apr_size_t len = at == NULL ? 0 : (apr_size_t)(at - text);

    if (len == 0 || len > LOCAL_PART_MAX || strlen(text) > EMAIL_MAX || !is_seen(text))
        return 0;
    return (is_dot_string(text, len) || is_quoted_string(text, len)) && is_domain(at + 1);
}

int gt_split_mailbox(const char **name, const char **address, const char *text, apr_pool_t *p)
{
    char *copy = gt_trim(text, p), *open = strrchr(copy, '<');
    apr_size_t len = strlen(copy);

    *name = NULL;
    *address = copy;
    if (gt_has_control(text, strlen(text)) || len > MAILBOX_MAX)
        return 0;
    if (open == NULL || copy[len - 1] != '>')
        return 1;
    copy[len - 1] = '\0';
    *open = '\0';
    *address = open + 1;
    copy = gt_trim(copy, p);
    if (*copy != '\0')
        *name = gt_unquoted(copy);
    return 1;
}

int gt_is_x500(const char *text)
{
    if (text == NULL || strncasecmp(text, "/o=", 3) != 0 || strlen(text) > X500_MAX ||
        !is_seen(text))
        return 0;
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, "/cn=", 4) == 0 && text[4] != '\0')
            return 1;
    }
    return 0;
}

/* "Ada <ada@example.org>" */
static int is_name_with_email(const char *text)
{
    apr_size_t len = strlen(text);
    const char *open = strrchr(text, '<');
    char email[EMAIL_MAX + 1];

    if (open == NULL || text[len - 1] != '>' || len - (apr_size_t)(open - text) - 2 > EMAIL_MAX)
        return 0;
    apr_cpystrn(email, open + 1, len - (apr_size_t)(open - text) - 1);
    return gt_is_email(email);
}

int gt_is_person(const char *text)
{
    if (text == NULL || *text == '\0' || strlen(text) > X500_MAX || !is_seen(text))
        return 0;
    return strchr(text, '@') == NULL || gt_is_email(text) || is_name_with_email(text);
}

static int is_one_of(const char *address, const char *pattern, apr_size_t len)
{
    const char *domain = strrchr(address, '@');

    if (len == 1 && *pattern == '*')
        return 1;
    if (len > 2 && strncmp(pattern, "*@", 2) == 0)
        return domain != NULL && strlen(domain) == len - 1 &&
               strncasecmp(domain, pattern + 1, len - 1) == 0;
    return strlen(address) == len && strncasecmp(address, pattern, len) == 0;
}

int gt_is_address_of(const char *address, const char *patterns)
{
    for (const char *at = patterns != NULL ? patterns : ""; *at; at += strspn(at, " ")) {
        apr_size_t len = strcspn(at, " ");

        if (len > 0 && is_one_of(address, at, len))
            return 1;
        at += len;
    }
    return 0;
}
