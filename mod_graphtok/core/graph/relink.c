/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file relink.c
 * A scanner of JSON (RFC 8259), byte by byte, that must find one member of the outermost object. It
 * does not validate: whatever Graph sends goes on as it is, only the value of a link is held back
 * until its closing quote and then replaced. State between two calls: where we are, how deep, and
 * the raw bytes of the key or link under way, both bounded.
 */

#include "graph/relink.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/pool.h"

#define LINK_NAME "@odata.nextLink"
#define LINK_MAX 8192
#define KEY_MAX 128 /* LINK_NAME with each character escaped is 90 bytes long */

/** Where the scanner is. Only inside the outermost object are keys and values told apart. */
typedef enum place_t {
    AT_START, /* nothing but blanks yet */
    AT_KEY,   /* after { or , of the outermost object */
    IN_KEY,   /* inside a key of it */
    AT_COLON, /* after such a key */
    AT_VALUE, /* after its colon */
    IN_VALUE, /* inside a value of it that is no text: numbers, words, all that is deeper */
    IN_TEXT,  /* inside a text that is or is inside such a value */
    IN_LINK,  /* inside the text that is to be replaced */
    PAST_ALL  /* the outermost object has ended, or there never was one */
} place_t;

struct gt_relink_t {
    gt_relink_fn *replace;
    void *baton;
    place_t place;
    apr_int64_t depth; /* open braces and brackets */
    int is_escaped;    /* the byte before was a backslash */
    int is_link;       /* the key read last is the link's */
    apr_size_t held_len;
    char held[LINK_MAX + 2]; /* raw text of a key or link without its quotes */
};

/** What goes on: stretches of the input and replaced links. */
typedef struct output_t {
    char *bytes;
    apr_size_t len, room;
    apr_pool_t *pool;
} output_t;

gt_relink_t *gt_relink_make(gt_relink_fn *replace, void *baton, apr_pool_t *p)
{
    gt_relink_t *relink = apr_palloc(gt_pool_make(p, "gt_relink"), sizeof(*relink));

    memset(relink, 0, offsetof(gt_relink_t, held));
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
    text = value ? apr_pstrdup(p, json_string_value(value)) : NULL;
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

static int is_link_name(const gt_relink_t *relink, apr_pool_t *p)
{
    const char *name;

    if (relink->held_len > KEY_MAX)
        return 0;
    if (memchr(relink->held, '\\', relink->held_len) == NULL)
        return relink->held_len == strlen(LINK_NAME) &&
               memcmp(relink->held, LINK_NAME, relink->held_len) == 0;
    name = unescape(relink->held, relink->held_len, p);
    return name && strcmp(name, LINK_NAME) == 0;
}

static gt_err_t *put_link(output_t *output, gt_relink_t *relink)
{
    const char *link = unescape(relink->held, relink->held_len, output->pool);
    const char *ours, *quoted;

    if (!link)
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

static void in_key(gt_relink_t *relink, char c, apr_pool_t *p)
{
    if (ends_text(relink, c)) {
        relink->is_link = is_link_name(relink, p);
        relink->place = AT_COLON;
    }
    else if (relink->held_len <= KEY_MAX)
        relink->held[relink->held_len++] = c;
}

/* A byte of the outermost object or deeper, outside of texts. */
static void in_value(gt_relink_t *relink, char c)
{
    relink->place = IN_VALUE;
    if (c == '"')
        relink->place = IN_TEXT;
    else if (c == '{' || c == '[')
        relink->depth++;
    else if (c == '}' || c == ']')
        relink->place = --relink->depth > 0 ? IN_VALUE : PAST_ALL;
    else if (c == ',' && relink->depth == 1)
        relink->place = AT_KEY;
}

static void at_key(gt_relink_t *relink, char c)
{
    if (c == '"') {
        relink->held_len = 0;
        relink->place = IN_KEY;
    }
    else if (!is_blank(c))
        in_value(relink, c);
}

static void at_value(gt_relink_t *relink, char c)
{
    if (is_blank(c))
        return;
    if (c == '"' && relink->is_link) {
        relink->held_len = 0;
        relink->place = IN_LINK;
    }
    else
        in_value(relink, c);
}

static void at_start(gt_relink_t *relink, char c)
{
    if (is_blank(c))
        return;
    relink->depth = 1;
    relink->place = c == '{' ? AT_KEY : PAST_ALL;
}

/* All places but IN_LINK: the byte goes on as it is. */
static void pass(gt_relink_t *relink, char c, apr_pool_t *p)
{
    switch (relink->place) {
    case AT_START:
        at_start(relink, c);
        break;
    case AT_KEY:
        at_key(relink, c);
        break;
    case IN_KEY:
        in_key(relink, c, p);
        break;
    case AT_COLON:
        relink->place = c == ':' ? AT_VALUE : AT_COLON;
        break;
    case AT_VALUE:
        at_value(relink, c);
        break;
    case IN_TEXT:
        relink->place = ends_text(relink, c) ? IN_VALUE : IN_TEXT;
        break;
    case IN_VALUE:
        in_value(relink, c);
        break;
    case IN_LINK:
    case PAST_ALL:
        break;
    }
}

/* How many bytes of a list's inside, the bulk of an answer, can go on unlooked at. */
static apr_size_t skip(const gt_relink_t *relink, const char *bytes, apr_size_t len)
{
    apr_size_t n = 0;

    if (relink->place == PAST_ALL)
        return len;
    if (relink->place != IN_TEXT || relink->is_escaped)
        return 0;
    while (n < len && bytes[n] != '"' && bytes[n] != '\\')
        n++;
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
            relink->place = IN_VALUE;
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
    apr_size_t at = 0;

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
    *out = output.bytes ? output.bytes : "";
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
