/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file page.c Writing a page of figures. The page doubles its room when it is full: such a page
 * has a few KiB. */

#include "shm/page.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#define FIRST_ROOM 16384

static void add_bytes(gt_page_t *page, const char *bytes, apr_size_t len)
{
    if (len >= page->room - page->len) {
        char *wider = apr_palloc(page->pool, 2 * (page->room + len));

        memcpy(wider, page->text, page->len);
        page->text = wider;
        page->room = 2 * (page->room + len);
    }
    memcpy(page->text + page->len, bytes, len);
    page->len += len;
    page->text[page->len] = '\0';
}

static void add(gt_page_t *page, const char *text)
{
    add_bytes(page, text, strlen(text));
}

gt_page_t *gt_page_make(apr_pool_t *p)
{
    gt_page_t *page = apr_pcalloc(p, sizeof(*page));

    page->pool = p;
    page->room = FIRST_ROOM;
    page->text = apr_palloc(p, page->room);
    page->text[0] = '\0';
    return page;
}

void gt_page_family(gt_page_t *page, const char *name, const char *type, const char *help)
{
    page->family = name;
    add(page, apr_pstrcat(page->pool, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type,
                          "\n", NULL));
}

static void add_label(gt_page_t *page, const gt_page_label_t *label)
{
    add(page, label->name);
    add(page, "=\"");
    for (const char *c = label->value; *c != '\0'; c++) {
        if (*c == '\n')
            add(page, "\\n");
        else if (*c == '"' || *c == '\\')
            add_bytes(page, (const char[]){'\\', *c}, 2);
        else
            add_bytes(page, c, 1);
    }
    add(page, "\"");
}

void gt_page_part(gt_page_t *page, const char *suffix, const gt_page_label_t *labels,
                  apr_int64_t value, int is_span)
{
    assert(page->family != NULL);
    add(page, page->family);
    add(page, suffix);
    for (int i = 0; labels != NULL && labels[i].name != NULL; i++) {
        add(page, i == 0 ? "{" : ",");
        add_label(page, &labels[i]);
    }
    add(page, labels != NULL && labels[0].name != NULL ? "} " : " ");
    if (is_span)
        add(page, apr_psprintf(page->pool, "%" APR_INT64_T_FMT ".%06d\n", value / APR_USEC_PER_SEC,
                               (int)(value % APR_USEC_PER_SEC)));
    else
        add(page, apr_psprintf(page->pool, "%" APR_INT64_T_FMT "\n", value));
}

void gt_page_sample(gt_page_t *page, const gt_page_label_t *labels, apr_int64_t value)
{
    gt_page_part(page, "", labels, value, 0);
}

void gt_page_comment(gt_page_t *page, const char *text)
{
    /* A line break would begin something that a program reads. */
    assert(strchr(text, '\n') == NULL);
    add(page, apr_pstrcat(page->pool, "# ", text, "\n", NULL));
}
