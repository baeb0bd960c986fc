/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DRAFT_TEXT_H
#define GT_DRAFT_TEXT_H

/**
 * @file draft_text.h
 * The wishes of a client for a draft, held against their rules and made Graph's. Pure; thread-safe;
 * fuzzed. Source: Microsoft Graph v1.0, "Create message", "message: createReply".
 */

#include "base/json.h"
#include "gt.h"

/** A draft that is wished for. */
typedef struct gt_draft_wish_t {
    const char *message_id; /* that it answers, as a segment of a path; NULL: a new one */
    int to_all;             /* 1: the answer goes to all recipients */
    const char *body;
    int is_html;
    json_t *message; /* of a new one: all that is wished for, as Graph takes it */
} gt_draft_wish_t;

/**
 * Read {to, cc, bcc, subject, body, body_type} or {message_id, body, body_type, reply_all}. An
 * address is a text, "ada@example.org" or "Ada <ada@example.org>"; to, cc and bcc are one or a
 * list.
 * @return GT_INVALID (GT0727) with every wrong field
 */
GT_MUST gt_err_t *gt_draft_read(gt_draft_wish_t *wish, const json_t *body, apr_pool_t *p);

/** Graph's body of an answer, {contentType, content} with the earlier mail in it, with what is
 * wished for put before that mail. A new object. */
json_t *gt_draft_answer(const json_t *graphs, const gt_draft_wish_t *wish, apr_pool_t *p);

/** An Idempotency-Key as a client writes it, with or without quotes.
 * @return GT_INVALID (GT0728) unless it has 1 to 128 letters, digits and "-_.:" */
GT_MUST gt_err_t *gt_draft_key(const char **key, const char *field, apr_pool_t *p);

#endif
