/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file relink.c
 * A scanner of JSON (RFC 8259), byte by byte, that must find members at any depth by the end of
 * their names. A text that a colon follows is a name. The scanner does not
 * validate: all bytes go on as they are, but the value of a link, which is held back until its
 * closing quote and then replaced. State between two calls: the place, the depth, and the raw bytes
 * of the text or link under way, both bounded.
 */

#include "graph/relink.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/pool.h"

#define LINK_MAX 8192
#define MARK "\xEF\xBB\xBF" /* byte order mark: some gateways and servers begin with it */
#define MARK_LEN (sizeof(MARK) - 1)
#define KEY_MAX 192 /* a link's name with each character escaped, and the name of a collection */

/* How the names of links end; those of nested collections begin with the collection's name
 * (OData JSON Format 4.0, sections 4.5.5 and 4.5.6). */
static const char *const link_names[] = {"@odata.nextLink", "@odata.deltaLink", NULL};

/** Where the scanner is. */
typedef enum place_t {
    AT_START, /* nothing but blanks yet */
    OUTSIDE,  /* inside the outermost object, outside of texts */
    IN_TEXT,  /* inside a text, which may be a name */
    AT_COLON, /* after a text: a colon makes it a name */
    AT_LINK,  /* after the colon of a link's name */
    IN_LINK,  /* inside the text that is to be replaced */
    PAST_ALL  /* the outermost object has ended, or there never was one */
} place_t;

struct gt_relink_t {
    const char *const *names;
    gt_relink_fn *replace;
    void *baton;
    place_t place;
    apr_int64_t depth; /* open braces and brackets */
    int is_escaped;    /* the byte before was a backslash */
    apr_size_t
        marked; /* bytes of the mark that were seen; all of them: it is over, or there is none */
    apr_size_t held_len;
    char held[LINK_MAX + 2]; /* raw text of a link, or the first KEY_MAX + 1 bytes of any text */
};

/** The bytes that go on: stretches of the input and replaced links. */
typedef struct output_t {
    char *bytes;
    apr_size_t len, room;
    apr_pool_t *pool;
} output_t;

gt_relink_t *gt_relink_make(gt_relink_fn *replace, void *baton, apr_pool_t *p)
{
    return gt_relink_make_for(link_names, replace, baton, p);
}

gt_relink_t *gt_relink_make_for(const char *const *names, gt_relink_fn *replace, void *baton,
                                apr_pool_t *p)
{
    gt_relink_t *relink = apr_palloc(gt_pool_make(p, "gt_relink"), sizeof(*relink));

    memset(relink, 0, offsetof(gt_relink_t, held));
    relink->names = names;
    relink->replace = replace;
    relink->baton = baton;
    return relink;
}

static void append(output_t *output, const char *bytes, apr_size_t len)
{
    if (len == 0)
        return;
    if (len > output->room - output->len) {
        apr_size_t room = 2 * (output->len + len);
        char *grown = apr_palloc(output->pool, room);

        if (output->len)
            memcpy(grown, output->bytes, output->len);
        output->bytes = grown;
        output->room = room;
    }
    memcpy(output->bytes + output->len, bytes, len);
    output->len += len;
}

/* ---- texts of JSON ---- */

/* NULL when the raw text is none. */
static char *unescape(const char *raw, apr_size_t len, apr_pool_t *p)
{
    char *quoted = apr_palloc(p, len + 2);
    json_t *value;
    char *text;

    quoted[0] = '"';
    memcpy(quoted + 1, raw, len);
    quoted[len + 1] = '"';
    value = json_loadb(quoted, len + 2, JSON_DECODE_ANY, NULL);
    text = value != NULL ? apr_pstrdup(p, json_string_value(value)) : NULL;
    json_decref(value);
    return text;
}

/* With its quotes. */
static char *escape(const char *text, apr_pool_t *p)
{
    json_t *value = gt_json_own(json_string(text), p);
    apr_size_t len = json_dumpb(value, NULL, 0, JSON_ENCODE_ANY);
    char *quoted = apr_pcalloc(p, len + 1);

    json_dumpb(value, quoted, len, JSON_ENCODE_ANY);
    return quoted;
}

static int ends_as_link(const char *const *names, const char *name, apr_size_t len)
{
    for (int i = 0; names[i]; i++) {
        apr_size_t n = strlen(names[i]);

        if (len >= n && memcmp(name + len - n, names[i], n) == 0)
            return 1;
    }
    return 0;
}

static int is_link_name(const gt_relink_t *relink, apr_pool_t *p)
{
    const char *name;

    if (relink->held_len > KEY_MAX)
        return 0;
    if (memchr(relink->held, '\\', relink->held_len) == NULL)
        return ends_as_link(relink->names, relink->held, relink->held_len);
    name = unescape(relink->held, relink->held_len, p);
    return name != NULL && ends_as_link(relink->names, name, strlen(name));
}

static gt_err_t *put_link(output_t *output, gt_relink_t *relink)
{
    const char *link = unescape(relink->held, relink->held_len, output->pool);
    const char *ours, *quoted;

    if (link == NULL)
        return gt_err(output->pool, GT_UPSTREAM, "GT0718",
                      "Graph sent a link to the next page that is no text of JSON");
    GT_TRY(relink->replace(&ours, relink->baton, link, output->pool));
    quoted = escape(ours, output->pool);
    append(output, quoted, strlen(quoted));
    return GT_OK;
}

/* ---- the scanner, one byte at a time ---- */

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* 1 when this byte is the quote that ends the text we are in. */
static int ends_text(gt_relink_t *relink, char c)
{
    if (relink->is_escaped) {
        relink->is_escaped = 0;
        return 0;
    }
    relink->is_escaped = c == '\\';
    return c == '"';
}

static void keep(gt_relink_t *relink, const char *bytes, apr_size_t len)
{
    apr_size_t room = KEY_MAX + 1 - relink->held_len;

    if (len > room)
        len = room;
    memcpy(relink->held + relink->held_len, bytes, len);
    relink->held_len += len;
}

/* A byte of the outermost object or deeper, outside of texts. */
static void outside(gt_relink_t *relink, char c)
{
    relink->place = OUTSIDE;
    if (c == '"') {
        relink->held_len = 0;
        relink->place = IN_TEXT;
    }
    else if (c == '{' || c == '[')
        relink->depth++;
    else if (c == '}' || c == ']')
        relink->place = --relink->depth > 0 ? OUTSIDE : PAST_ALL;
}

static void in_text(gt_relink_t *relink, char c)
{
    if (ends_text(relink, c))
        relink->place = AT_COLON;
    else
        keep(relink, &c, 1);
}

static void at_colon(gt_relink_t *relink, char c, apr_pool_t *p)
{
    if (is_blank(c))
        return;
    if (c == ':' && is_link_name(relink, p))
        relink->place = AT_LINK;
    else
        outside(relink, c);
}

static void at_link(gt_relink_t *relink, char c)
{
    if (is_blank(c))
        return;
    outside(relink, c);
    if (c == '"')
        relink->place = IN_LINK;
}

static void at_start(gt_relink_t *relink, char c)
{
    if (is_blank(c))
        return;
    relink->depth = 1;
    relink->place = c == '{' ? OUTSIDE : PAST_ALL;
}

/* All places but IN_LINK: the byte goes on as it is. */
static void pass(gt_relink_t *relink, char c, apr_pool_t *p)
{
    switch (relink->place) {
    case AT_START:
        at_start(relink, c);
        break;
    case OUTSIDE:
        outside(relink, c);
        break;
    case IN_TEXT:
        in_text(relink, c);
        break;
    case AT_COLON:
        at_colon(relink, c, p);
        break;
    case AT_LINK:
        at_link(relink, c);
        break;
    case IN_LINK:
    case PAST_ALL:
        break;
    }
}

/* How many bytes of a byte order mark stand here: they do not go on (RFC 8259, section 8.1). */
static apr_size_t skip_mark(gt_relink_t *relink, const char *bytes, apr_size_t len)
{
    apr_size_t n = 0;

    while (n < len && relink->marked < MARK_LEN && bytes[n] == MARK[relink->marked]) {
        relink->marked++;
        n++;
    }
    if (n == len)
        return n;
    if (relink->marked > 0 && relink->marked < MARK_LEN)
        relink->place = PAST_ALL;
    relink->marked = MARK_LEN;
    return n;
}

/* How many bytes of a text, the bulk of an answer, can go on at once. */
static apr_size_t skip(gt_relink_t *relink, const char *bytes, apr_size_t len)
{
    apr_size_t n = 0;

    if (relink->place == PAST_ALL)
        return len;
    if (relink->place != IN_TEXT || relink->is_escaped)
        return 0;
    while (n < len && bytes[n] != '"' && bytes[n] != '\\')
        n++;
    keep(relink, bytes, n);
    return n;
}

/* Bytes up to and with the opening quote of a link, or all. */
static apr_size_t pass_some(gt_relink_t *relink, const char *bytes, apr_size_t len, apr_pool_t *p)
{
    apr_size_t n = 0;

    while (n < len && relink->place != IN_LINK) {
        apr_size_t unseen = skip(relink, bytes + n, len - n);

        n += unseen;
        if (n < len)
            pass(relink, bytes[n++], p);
    }
    return n;
}

/* Bytes of a link, up to and with its closing quote, or all. */
static gt_err_t *hold_some(apr_size_t *held, gt_relink_t *relink, const char *bytes, apr_size_t len,
                           apr_pool_t *p)
{
    for (*held = 0; *held < len; ++*held) {
        if (ends_text(relink, bytes[*held])) {
            relink->place = OUTSIDE;
            ++*held;
            return GT_OK;
        }
        if (relink->held_len >= LINK_MAX)
            return gt_err(p, GT_UPSTREAM, "GT0721",
                          "Graph sent a link to the next page that is longer than %d bytes",
                          LINK_MAX);
        relink->held[relink->held_len++] = bytes[*held];
    }
    return GT_OK;
}

gt_err_t *gt_relink_feed(const char **out, apr_size_t *out_len, gt_relink_t *relink,
                         const char *bytes, apr_size_t len, int end, apr_pool_t *scratch)
{
    output_t output = {NULL, 0, 0, scratch};
    apr_size_t at = skip_mark(relink, bytes, len);

    while (at < len) {
        if (relink->place == IN_LINK) {
            apr_size_t held;

            GT_TRY(hold_some(&held, relink, bytes + at, len - at, scratch));
            at += held;
            if (relink->place != IN_LINK)
                GT_TRY(put_link(&output, relink));
        }
        else {
            apr_size_t passed = pass_some(relink, bytes + at, len - at, scratch);
            int has_link = relink->place == IN_LINK;

            /* The usual case: nothing of ours in these bytes. */
            if (at == 0 && passed == len && !has_link) {
                *out = bytes;
                *out_len = len;
                return GT_OK;
            }
            append(&output, bytes + at, passed - (apr_size_t)has_link);
            at += passed;
        }
    }
    *out = output.bytes != NULL ? output.bytes : "";
    *out_len = output.len;
    if (end && relink->place == IN_LINK)
        return gt_err(scratch, GT_UPSTREAM, "GT0722",
                      "Graph's answer ended inside the link to the next page");
    return GT_OK;
}

int gt_relink_is_whole(const gt_relink_t *relink)
{
    return relink->place == PAST_ALL && relink->depth == 0;
}
