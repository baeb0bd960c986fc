/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The bytes of an SMTP server: in one piece or one by one they give the same replies, and all that
 * is read of these, for people and for the session, keeps its promises. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/smtp_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MOST 300
#define STATUS_MOST 9

static void judge(const gt_smtp_reply_t *reply, apr_pool_t *p)
{
    gt_smtp_can_t can = gt_smtp_can(reply);

    if (reply->code < 200 || reply->code > 599 || reply->lines->nelts == 0 || can.size_most < 0 ||
        strlen(reply->words) > WORDS_MOST || strlen(reply->status) > STATUS_MOST)
        abort();
    for (const char *c = reply->words; *c != '\0'; c++)
        if (*c < ' ' || *c >= 0x7F)
            abort();
    for (int place = GT_SMTP_AT_HELLO; place <= GT_SMTP_AT_MESSAGE; place++)
        if (gt_smtp_refusal(reply, (gt_smtp_place_t)place, p) == GT_OK)
            abort();
}

/* All replies at the front of some bytes. @return how many of the bytes these have */
static apr_size_t read_all(apr_size_t *sum, int *is_broken, const char *bytes, apr_size_t len,
                           apr_pool_t *p)
{
    apr_size_t at = 0, used = 1;

    while (!*is_broken && used > 0) {
        gt_smtp_reply_t *reply;
        gt_err_t *err = gt_smtp_reply_of(&reply, &used, bytes + at, len - at, p);

        *is_broken = err != GT_OK;
        if ((err != GT_OK && err->cls != GT_UPSTREAM) || used > len - at ||
            (err == GT_OK && (reply != NULL) != (used > 0)))
            abort();
        if (reply == NULL)
            break;
        judge(reply, p);
        *sum = *sum * 31 + (apr_size_t)reply->code + strlen(reply->words) +
               (apr_size_t)reply->lines->nelts;
        at += used;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    apr_size_t whole = 0, cut = 0, at = 0;
    int whole_is_broken = 0, cut_is_broken = 0;
    apr_pool_t *p;

    if (size > GT_SMTP_REPLY_MAX)
        return 0;
    apr_pool_create(&p, NULL);
    (void)read_all(&whole, &whole_is_broken, bytes, size, p);
    for (apr_size_t len = 1; len <= size && !cut_is_broken; len++)
        at += read_all(&cut, &cut_is_broken, bytes + at, len - at, p);
    if (whole != cut || whole_is_broken != cut_is_broken)
        abort();
    apr_pool_destroy(p);
    return 0;
}
