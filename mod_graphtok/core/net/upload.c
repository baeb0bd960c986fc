/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The body of a request that comes in pieces: a buffer between the task, which gives, and libcurl,
 * which takes on the loop's thread. While the provider is slow the task finds no room; while the
 * task has nothing libcurl pauses. A byte that was taken is gone, so that no such request is ever
 * sent a second time.
 */

#include "net/transfer_struct.h"

#include <stddef.h>
#include <string.h>

#include "base/secret.h"

/* A task is woken for half a buffer, not for every segment that the provider acknowledges. */
#define ROOM_WORTH_A_WAKE (GT_STREAM_WAITING / 2)

struct gt_upload_t {
    apr_int64_t length; /* of the whole body; -1: not said */
    apr_int64_t given;  /* bytes so far */
    int is_whole;       /* nothing follows */
    int is_starving;    /* libcurl pauses until something is given */
    apr_size_t at, len; /* in `bytes`: the first that waits, and the end of those that do */
    char bytes[GT_STREAM_WAITING];
};

gt_upload_t *gt_upload_make(apr_int64_t length, apr_pool_t *p)
{
    gt_upload_t *upload = apr_palloc(p, sizeof(*upload));

    memset(upload, 0, offsetof(gt_upload_t, bytes));
    upload->length = length;
    gt_wipe_with_pool(upload->bytes, sizeof(upload->bytes), p);
    return upload;
}

apr_int64_t gt_upload_length(const gt_upload_t *upload)
{
    return upload->length;
}

int gt_upload_is_whole(const gt_upload_t *upload)
{
    return upload->is_whole;
}

int gt_upload_is_starving(const gt_upload_t *upload)
{
    return upload->is_starving;
}

int gt_upload_has_room(const gt_upload_t *upload)
{
    return sizeof(upload->bytes) - (upload->len - upload->at) >= ROOM_WORTH_A_WAKE;
}

/* More than was said would be the begin of another request on this connection. */
static int has_its_length(const gt_upload_t *upload, apr_size_t len, int end)
{
    apr_int64_t all = upload->given + (apr_int64_t)len;

    if (upload->is_whole)
        return len == 0;
    return upload->length < 0 || (end ? all == upload->length : all <= upload->length);
}

static apr_size_t append(gt_upload_t *upload, const char *bytes, apr_size_t len)
{
    apr_size_t room;

    if (upload->at > 0) {
        memmove(upload->bytes, upload->bytes + upload->at, upload->len - upload->at);
        upload->len -= upload->at;
        upload->at = 0;
    }
    room = sizeof(upload->bytes) - upload->len;
    if (len > room)
        len = room;
    memcpy(upload->bytes + upload->len, bytes, len);
    upload->len += len;
    upload->given += (apr_int64_t)len;
    return len;
}

gt_err_t *gt_transfer_give(apr_size_t *taken, gt_transfer_t *transfer, const char *bytes,
                           apr_size_t len, int end, apr_pool_t *p)
{
    gt_upload_t *upload = transfer->upload;
    int is_good;

    *taken = 0;
    pthread_mutex_lock(&transfer->lock);
    is_good = has_its_length(upload, len, end);
    if (is_good && len > 0)
        *taken = append(upload, bytes, len);
    if (is_good && end && *taken == len)
        upload->is_whole = 1;
    if (upload->is_starving && (*taken > 0 || upload->is_whole)) {
        upload->is_starving = 0;
        gt_loop_ask(transfer->loop, transfer, GT_ASK_GO_ON);
    }
    pthread_mutex_unlock(&transfer->lock);
    return is_good ? GT_OK
                   : gt_err(p, GT_INVALID, "GT0315",
                            "%s: the body is not as long as it was said to be", transfer->purpose);
}

int gt_transfer_wants_body(gt_transfer_t *transfer)
{
    int wants;

    pthread_mutex_lock(&transfer->lock);
    wants = gt_transfer_takes_body(transfer);
    pthread_mutex_unlock(&transfer->lock);
    return wants;
}

int gt_transfer_feed_on_loop(apr_size_t *len, gt_transfer_t *transfer, char *room, apr_size_t most)
{
    gt_upload_t *upload = transfer->upload;
    int goes_on;

    pthread_mutex_lock(&transfer->lock);
    *len = upload->len - upload->at;
    if (*len > most)
        *len = most;
    memcpy(room, upload->bytes + upload->at, *len);
    upload->at += *len;
    goes_on = *len > 0 || !upload->is_whole;
    upload->is_starving = *len == 0 && goes_on;
    pthread_mutex_unlock(&transfer->lock);
    return goes_on;
}
