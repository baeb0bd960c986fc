/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mail is not written by the rules of HTML, so no tree is made: tags say where lines end, and the
 * rest is text. */

#include "mail/html_text.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define QUOTES_MAX 5 /* deeper ones look like this one */

typedef struct page_t {
    const char *at, *end;
    char *text;
    apr_size_t len, most;
    int lines;    /* line ends that are due before the next word; 2: an empty line */
    int is_blank; /* a blank is due */
    int is_plain; /* depth of <pre>: white space stands as it is */
    int quotes;   /* depth of <blockquote> */
    int is_full;
} page_t;

/* ---- out ---- */

static void put(page_t *page, const char *bytes, apr_size_t n)
{
    if (page->is_full || n > page->most - page->len) {
        page->is_full = 1;
        return;
    }
    memcpy(page->text + page->len, bytes, n);
    page->len += n;
}

static void put_word(page_t *page, const char *bytes, apr_size_t n)
{
    int starts = page->len == 0 || page->lines > 0;

    if (page->len > 0)
        put(page, "\n\n", (apr_size_t)page->lines);
    for (int i = 0; starts && i < page->quotes && i < QUOTES_MAX; i++)
        put(page, "> ", 2);
    if (!starts && page->is_blank)
        put(page, " ", 1);
    page->lines = page->is_blank = 0;
    put(page, bytes, n);
}

static void end_line(page_t *page, int lines)
{
    if (page->lines < lines)
        page->lines = lines;
    page->is_blank = 0;
}

/* ---- characters ---- */

/* U+00A0 to U+00FF, in their order. */
static const char *const latin[] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
    "copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
    "sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
    "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
    "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
    "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml",
};

static const struct {
    const char *name;
    unsigned int code;
} others[] = {
    {"amp", '&'},       {"lt", '<'},        {"gt", '>'},       {"quot", '"'},
    {"apos", '\''},     {"euro", 0x20AC},   {"ndash", 0x2013}, {"mdash", 0x2014},
    {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201A}, {"ldquo", 0x201C},
    {"rdquo", 0x201D},  {"bdquo", 0x201E},  {"bull", 0x2022},  {"hellip", 0x2026},
    {"lsaquo", 0x2039}, {"rsaquo", 0x203A}, {"trade", 0x2122}, {"larr", 0x2190},
    {"rarr", 0x2192},   {"OElig", 0x152},   {"oelig", 0x153},  {"Scaron", 0x160},
    {"scaron", 0x161},  {"ensp", ' '},      {"emsp", ' '},     {"thinsp", ' '},
    {"zwnj", 0x200C},   {"zwj", 0x200D},    {"minus", 0x2212}, {"ne", 0x2260},
};

/* @return 0: no character has this name */
static unsigned int named(const char *name, apr_size_t n)
{
    if (n < 2)
        return 0;
    for (apr_size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strlen(others[i].name) == n && memcmp(others[i].name, name, n) == 0)
            return others[i].code;
    for (unsigned int i = 0; i < sizeof(latin) / sizeof(latin[0]); i++)
        if (strlen(latin[i]) == n && memcmp(latin[i], name, n) == 0)
            return i == 0 ? ' ' : 0xA0 + i;
    return 0;
}

/* "#228" or "#xE4". @return 0: it is none, or a control character */
static unsigned int numbered(const char *digits, apr_size_t n)
{
    unsigned int base = n > 1 && (digits[0] | 0x20) == 'x' ? 16 : 10;
    unsigned int code = 0;

    for (apr_size_t i = base == 16; i < n; i++) {
        int digit = apr_isdigit(digits[i]) ? digits[i] - '0' : (digits[i] | 0x20) - 'a' + 10;

        if (!apr_isxdigit(digits[i]) || digit >= (int)base || code > 0x10FFFF)
            return 0;
        code = code * base + (unsigned int)digit;
    }
    if (code == 0xA0)
        return ' ';
    return code < 0x20 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : code;
}

static apr_size_t as_utf8(char bytes[4], unsigned int code)
{
    static const unsigned int fronts[] = {0, 0, 0xC0, 0xE0, 0xF0};
    apr_size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (apr_size_t i = n; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(fronts[n] | code);
    return n;
}

/* At "&". An ampersand that begins no character stands for itself. */
static void read_reference(page_t *page)
{
    const char *name = page->at + 1;
    const char *stop = name;
    unsigned int code;
    char bytes[4];
    apr_size_t n;

    while (stop < page->end && stop - name < 10 && (apr_isalnum(*stop) || *stop == '#'))
        stop++;
    n = (apr_size_t)(stop - name);
    code = n > 1 && *name == '#' ? numbered(name + 1, n - 1) : named(name, n);
    page->at = code == 0 ? name : stop + (stop < page->end && *stop == ';');
    if (code == ' ') {
        page->is_blank = 1;
        return;
    }
    put_word(page, bytes, as_utf8(bytes, code == 0 ? '&' : code));
}

/* ---- tags ---- */

/* Elements that end a line before and behind them: with an empty line, or without. */
static const char *const apart[] = {"p",  "h1", "h2", "h3",    "h4", "h5",
                                    "h6", "ul", "ol", "table", "hr", "pre"};
static const char *const below[] = {"div",     "tr",      "li",     "dt",     "dd",   "dl",
                                    "section", "article", "header", "footer", "form", "center",
                                    "address", "head",    "body",   "html",   "thead"};
/* Elements whose text is for programs. */
static const char *const silent[] = {"script", "style", "title"};

typedef struct tag_t {
    const char *name;
    apr_size_t n;
    int is_end;
} tag_t;

static int is(const tag_t *tag, const char *name)
{
    return strlen(name) == tag->n && strncasecmp(tag->name, name, tag->n) == 0;
}

static int is_one(const tag_t *tag, const char *const *names, apr_size_t n)
{
    for (apr_size_t i = 0; i < n; i++)
        if (is(tag, names[i]))
            return 1;
    return 0;
}

#define IS_ONE(tag, names) is_one(tag, names, sizeof(names) / sizeof(names[0]))

/* To the ">" of a tag, behind its attributes: one in quotes may hold a ">". */
static const char *tag_end(const char *at, const char *end)
{
    char quote = 0;

    for (; at < end; at++) {
        if (quote != 0)
            quote = *at == quote ? 0 : quote;
        else if ((*at == '"' || *at == '\'') && at[-1] == '=')
            quote = *at;
        else if (*at == '>')
            return at + 1;
    }
    return end;
}

/* Behind "</NAME", or the end. */
static void skip_element(page_t *page, const tag_t *tag)
{
    for (const char *at = page->at; at < page->end; at++) {
        at = memchr(at, '<', (apr_size_t)(page->end - at));
        if (at == NULL)
            break;
        if ((apr_size_t)(page->end - at) > tag->n + 2 && at[1] == '/' &&
            strncasecmp(at + 2, tag->name, tag->n) == 0 && !apr_isalnum(at[2 + tag->n])) {
            page->at = tag_end(at + 2, page->end);
            return;
        }
    }
    page->at = page->end;
}

static void obey(page_t *page, const tag_t *tag)
{
    int step = tag->is_end ? -1 : 1;

    if (is(tag, "br"))
        page->lines = page->lines < 2 ? page->lines + 1 : 2;
    else if (IS_ONE(tag, apart))
        end_line(page, 2);
    else if (IS_ONE(tag, below))
        end_line(page, 1);
    else if (is(tag, "td") || is(tag, "th"))
        page->is_blank = 1;
    if (is(tag, "li") && !tag->is_end) {
        put_word(page, "-", 1);
        page->is_blank = 1;
    }
    if (is(tag, "pre") && page->is_plain + step >= 0)
        page->is_plain += step;
    if (is(tag, "blockquote")) {
        end_line(page, 1);
        if (page->quotes + step >= 0)
            page->quotes += step;
    }
    if (!tag->is_end && IS_ONE(tag, silent))
        skip_element(page, tag);
}

/* At "<". One that begins no tag stands for itself. */
static void read_tag(page_t *page)
{
    tag_t tag = {page->at + 1, 0, 0};
    apr_size_t left = (apr_size_t)(page->end - page->at);

    if (left >= 4 && memcmp(page->at, "<!--", 4) == 0) {
        const char *close = memmem(page->at + 4, left - 4, "-->", 3);

        page->at = close != NULL ? close + 3 : page->end;
        return;
    }
    if (left > 1 && *tag.name == '/') {
        tag.is_end = 1;
        tag.name++;
    }
    while (tag.name + tag.n < page->end && apr_isalnum(tag.name[tag.n]) &&
           (tag.n > 0 || apr_isalpha(*tag.name)))
        tag.n++;
    if (tag.n == 0 && (left < 2 || !strchr("!?/", page->at[1]))) {
        put_word(page, "<", 1);
        page->at++;
        return;
    }
    page->at = tag_end(tag.name + tag.n, page->end);
    obey(page, &tag);
}

/* ---- text ---- */

static void read_blank(page_t *page)
{
    if (!page->is_plain)
        page->is_blank = 1;
    else if (*page->at == '\n')
        page->lines = page->lines < 2 ? page->lines + 1 : 2;
    else if (*page->at != '\r')
        put_word(page, page->at, 1);
    page->at++;
}

static void read_word(page_t *page)
{
    const char *word = page->at;

    while (page->at < page->end && !strchr("<& \t\r\n\f", *page->at))
        page->at++;
    put_word(page, word, (apr_size_t)(page->at - word));
}

char *gt_html_text(const char *html, apr_size_t size, apr_size_t most, int *is_cut, apr_pool_t *p)
{
    page_t page = {html, html + size, apr_palloc(p, most + 1), 0, most, 0, 0, 0, 0, 0};

    while (page.at < page.end && !page.is_full) {
        if (*page.at == '<')
            read_tag(&page);
        else if (*page.at == '&')
            read_reference(&page);
        else if (strchr(" \t\r\n\f", *page.at))
            read_blank(&page);
        else
            read_word(&page);
    }
    page.text[page.len] = '\0';
    *is_cut |= page.is_full;
    return page.text;
}
