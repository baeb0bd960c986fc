/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_READ_H
#define GT_MAIL_READ_H

/**
 * @file mail_read.h
 * Graph's mail as triage looks at it: the queries for it, and the readers of the answers. Pure;
 * thread-safe; fuzzed. Members that are missing or of another type read as not there.
 * Source: Microsoft Graph v1.0, message resource type, "List messages", user resource type.
 */

#include "base/json.h"
#include "graph/graph_params.h"
#include "triage/mail.h"

/** A message as it lies in Graph's mailbox. Its texts live as long as the JSON that was read. */
typedef struct gt_graph_mail_t {
    const char *id;
    const char *etag;               /* for If-Match; NULL: it has none */
    const char *received;           /* as Graph writes it, or NULL */
    apr_array_header_t *categories; /* of const char * */
    gt_mail_t mail;
} gt_graph_mail_t;

/** Most messages of one page. */
#define GT_MAIL_PAGE 50

/** Ask for the unread messages of the inbox, the newest first.
 * @param with_text  0: the first 255 characters of each have to do */
void gt_mail_ask_unread(gt_graph_params_t *params, int top, int with_text, apr_pool_t *p);

/** Ask for the caller's names and addresses.
 * @param with_aliases  0: without proxyAddresses, which some accounts do not have */
void gt_mail_ask_owner(gt_graph_params_t *params, int with_aliases, apr_pool_t *p);

/** Ask for the recipients of the last 200 messages that the caller has sent. */
void gt_mail_ask_sent(gt_graph_params_t *params, apr_pool_t *p);

/** One item of a list of messages. @return 0: it is no message, or has no id */
GT_MUST int gt_mail_read(gt_graph_mail_t *found, const json_t *row, apr_pool_t *p);

/** The caller's names and addresses; copied. */
void gt_mail_read_owner(gt_mail_owner_t *owner, const json_t *user, apr_pool_t *p);

/** Add to owner->written_to; copied, 2,000 at most. */
void gt_mail_read_sent(gt_mail_owner_t *owner, const json_t *list, apr_pool_t *p);

/** The link to the page after this one, or NULL. */
const char *gt_mail_next(const json_t *list);

#endif
