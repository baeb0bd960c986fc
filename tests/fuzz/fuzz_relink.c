/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Next links in an answer: the pieces do not matter, and of an answer that is JSON nothing but its
 * links is another afterwards. The first byte says how long the pieces are.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "base/err.h"
#include "graph/relink.h"

static const char *const link_names[] = {"@odata.nextLink", "@odata.deltaLink", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gt_err_t *replace(const char **ours, void *baton, const char *next_link, apr_pool_t *p)
{
    (void)baton;
    if (strlen(next_link) % 2)
        return gt_err(p, GT_UPSTREAM, "GT0717", "elsewhere");
    *ours = apr_pstrcat(p, "ours of ", next_link, NULL);
    return GT_OK;
}

/* What comes out, or NULL after an error. */
static char *feed(apr_size_t *whole_len, const char *text, size_t size, size_t piece, apr_pool_t *p)
{
    gt_relink_t *relink = gt_relink_make(replace, NULL, p);
    char *whole = apr_palloc(p, 7 * size + 64);

    *whole_len = 0;
    for (size_t at = 0; at <= size; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        const char *out;
        apr_size_t out_len;

        if (gt_relink_feed(&out, &out_len, relink, text + at, len, at + len == size, p))
            return NULL;
        if (*whole_len + out_len > 7 * size + 64)
            abort();
        if (out_len)
            memcpy(whole + *whole_len, out, out_len);
        *whole_len += out_len;
        if (at + len == size)
            break;
    }
    return whole;
}

static int is_link(const char *name)
{
    size_t len = strlen(name);

    for (int i = 0; link_names[i]; i++) {
        size_t n = strlen(link_names[i]);

        if (len >= n && strcmp(name + len - n, link_names[i]) == 0)
            return 1;
    }
    return 0;
}

/* Take the links out of both; each of them must have changed, at any depth. Those of a list within
 * an entry have its name in front: "attachments@odata.nextLink". */
static void drop_links(json_t *was, json_t *is)
{
    const char *key;
    json_t *value;
    size_t i;
    void *next;

    json_object_foreach_safe (was, next, key, value) {
        if (!is_link(key) || !json_is_string(value))
            continue;
        if (json_equal(value, json_object_get(is, key)))
            abort();
        json_object_del(is, key);
        json_object_del(was, key);
    }
    json_object_foreach (was, key, value)
        drop_links(value, json_object_get(is, key));
    json_array_foreach (was, i, value)
        drop_links(value, json_array_get(is, i));
}

static void expect_only_links_changed(const char *before, size_t size, const char *after,
                                      apr_size_t after_len)
{
    json_t *was = json_loadb(before, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *is = json_loadb(after, after_len, JSON_REJECT_DUPLICATES, NULL);

    if (was && !is)
        abort();
    if (was && json_is_object(was))
        drop_links(was, is);
    if (was && !json_equal(was, is))
        abort();
    json_decref(was);
    json_decref(is);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_size_t whole_len, pieces_len;
    char *whole, *pieces;
    const char *text;
    apr_pool_t *p;

    if (size == 0)
        return 0;
    apr_pool_create(&p, NULL);
    text = (const char *)data + 1;
    whole = feed(&whole_len, text, size - 1, size, p);
    pieces = feed(&pieces_len, text, size - 1, 1 + (size_t)data[0] % 16, p);
    if (!whole != !pieces)
        abort();
    if (whole && (whole_len != pieces_len || memcmp(whole, pieces, whole_len) != 0))
        abort();
    if (whole)
        expect_only_links_changed(text, size - 1, whole, whole_len);
    apr_pool_destroy(p);
    return 0;
}
