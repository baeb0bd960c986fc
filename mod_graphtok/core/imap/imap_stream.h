/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_STREAM_H
#define GT_IMAP_STREAM_H

/**
 * @file imap_stream.h
 * The bytes that arrive from an IMAP server, cut into answers. The server is not trusted: a line, a
 * literal and an answer are bounded, and a literal is counted, so that nothing inside a mail is
 * taken for an answer. A stream is owned by one thread at a time.
 */

#include "imap/imap_answer.h"

/** Bounds, in bytes. */
typedef struct gt_imap_bounds_t {
    apr_size_t line;    /* without its literals */
    apr_size_t literal; /* one of them */
    apr_size_t answer;  /* a whole one, with all of its lines and literals */
} gt_imap_bounds_t;

typedef struct gt_imap_stream_t gt_imap_stream_t;

/** Make an empty stream; its memory grows with the answer that is under way, and goes with `p`. */
gt_imap_stream_t *gt_imap_stream_make(const gt_imap_bounds_t *bounds, apr_pool_t *p);

/** Bytes that have arrived; copied. */
void gt_imap_stream_add(gt_imap_stream_t *stream, const char *bytes, apr_size_t size);

/**
 * The next whole answer.
 * @param answer  out: NULL: more bytes are needed
 * @param p       for the answer
 * @return GT_UPSTREAM when the bytes are no IMAP, or pass a bound; the connection is of no use then
 */
GT_MUST gt_err_t *gt_imap_stream_next(gt_imap_answer_t **answer, gt_imap_stream_t *stream,
                                      apr_pool_t *p);

#endif
