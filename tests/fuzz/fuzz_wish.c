/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any JSON as what a client wishes: a mail, a draft, an event, an extension. A mail that is made
 * of it is ASCII in lines of at most 998 bytes. An event that was taken is taken again. Besides as
 * a link to a next page, which leads below Graph or nowhere.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "graph/event.h"
#include "graph/extended.h"
#include "graph/next_link.h"
#include "mail/compose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int holds)
{
    if (!holds)
        abort();
}

static void look_at_mail(const char *mail, apr_size_t len)
{
    const char *line = mail;
    const char *const end = mail + len;

    need(strlen(mail) == len);
    while (line < end) {
        const char *cr = strchr(line, '\r');

        need(cr != NULL && cr[1] == '\n' && cr - line <= 998);
        for (; line < cr; line++)
            need((unsigned char)*line < 0x80 && *line != '\n');
        line = cr + 2;
    }
}

static void try_mail(const json_t *body, apr_pool_t *p)
{
    gt_mail_wish_t wish = {.from = NULL}, draft = {.from = NULL};
    gt_draft_answers_t answers = {0, 0};
    gt_err_t *err = gt_compose_read(&wish, body, p);
    apr_size_t len;
    const char *mail;

    need(err == GT_OK || err->cls == GT_INVALID);
    if (err == GT_OK) {
        wish.from = "ada@example.org";
        wish.message_id = "<1@example.org>";
        wish.date = apr_time_from_sec(1790000000);
        mail = gt_compose(&len, &wish, p);
        look_at_mail(mail, len);
    }
    err = gt_compose_read_draft(&draft, &answers, body, p);
    need(err == GT_OK ? answers.message_id >= 0 : err->cls == GT_INVALID);
}

static void try_event(const json_t *body, apr_pool_t *p)
{
    json_t *event, *again;

    for (int use = GT_EVENT_CREATE; use <= GT_EVENT_CHANGE; use++) {
        gt_err_t *err = gt_event_read(&event, body, (gt_event_use_t)use, p);

        need(err == GT_OK || err->cls == GT_INVALID);
        need(err != GT_OK || gt_event_read(&again, event, (gt_event_use_t)use, p) == GT_OK);
    }
    for (int is_new = 0; is_new < 2; is_new++) {
        gt_err_t *err = gt_extension_read(&event, body, is_new, p);

        need(err == GT_OK || err->cls == GT_INVALID);
    }
}

static void try_link(const char *text, apr_pool_t *p)
{
    static const char graph[] = "https://graph.example/v1.0";
    const char *url;
    gt_err_t *err = gt_next_link(&url, text, graph, p);

    need(err == GT_OK || err->cls == GT_UPSTREAM);
    if (err == GT_OK)
        need(strncmp(url, graph, sizeof(graph) - 1) == 0 && strchr("/?", url[sizeof(graph) - 1]) &&
             strpbrk(url, " \r\n\"<>") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    json_t *body;

    apr_pool_create(&p, NULL);
    try_link(apr_pstrmemdup(p, (const char *)data, size), p);
    if (gt_json_parse(&body, (const char *)data, size, p) == GT_OK && json_is_object(body)) {
        try_mail(body, p);
        try_event(body, p);
    }
    apr_pool_destroy(p);
    return 0;
}
