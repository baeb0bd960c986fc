/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_SESSION_STRUCT_H
#define GT_IMAP_SESSION_STRUCT_H

/** @file imap_session_struct.h The inside of a session: for the imap_session files alone. */

#include <apr_hash.h>

#include "imap/imap_session.h"
#include "imap/imap_stream.h"
#include "net/transfer.h"

struct gt_imap_session_t {
    apr_pool_t *pool;
    apr_pool_t *scratch; /* of the answers that arrived last */
    gt_transfer_t *transfer;
    gt_imap_stream_t *stream;
    const char *tag_begin;    /* of all tags: random, so that no mail can hold one */
    int commands;             /* so far */
    apr_hash_t *capabilities; /* in upper case; it and its words in a pool of their own */
    apr_size_t in_one_go;     /* bytes that were read since others had their turn */
    int is_at_rest;           /* 1: no command is under way */
    gt_err_t *bye;            /* the server's words at its end; GT_OK: none so far */
};

/** Note what the server can do, of a CAPABILITY answer or code. gt_imap_take_fn; the baton is a
 * session. */
gt_err_t *gt_imap_note_capabilities(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p);

/**
 * The next answer that has arrived.
 * @param answer   out, until the next call; NULL: none is whole, and the task was told to run the
 *                 step again, unless it is late
 * @param is_late  out: 1: it is `until` and no answer is there; NULL: that is GT_TIMEOUT
 * @param until    ticks
 */
GT_MUST gt_err_t *gt_imap_next(gt_imap_answer_t **answer, int *is_late, gt_imap_session_t *session,
                               apr_time_t until, gt_task_t *task);

/** Work: read the answers of a gt_imap_command_t that was sent: its own members are set. */
extern const gt_work_t gt_imap_rest;

#endif
