/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_AUDIT_H
#define GT_AUDIT_H

/**
 * @file audit.h
 * One JSON line for each token operation, appended to a file or handed to a program by a single
 * write, tied to the line before by a MAC (audit/chain.h). The line is there before the token
 * leaves. Lines hold names, causes, addresses and numbers, never a token, code or secret. Members,
 * in this order:
 *
 *     time event result [tag code] [store provider user] [address request_id route]
 *     [client] [administrator] [job] [trace] [took_ms] [detail] node pid chain seq prev mac
 *
 * A chain begins with a "start" record (key: id of the key its MACs are made with; after: the head
 * found in its place; heads: the last records that the file shows) and ends, when its process ends
 * well, with an "end" record; this and "mark" records name the heads of other chains; "lost" says
 * how many records could not be written before it. Records that name heads are also noted outside.
 */

#include "audit/chain.h"
#include "base/notice.h"

#define GT_AUDIT_LINE 4096 /* PIPE_BUF: a write of so much arrives whole or not at all */

typedef struct gt_audit_t gt_audit_t;

/** The parts of a writer; all of them outlive it. */
typedef struct gt_audit_conf_t {
    int fd;    /* O_APPEND, readable when it is a file, or a pipe's end, O_NONBLOCK there; -1: it
                          could not be opened */
    int notes; /* the same for the notes outside; -1: nowhere */
    int is_required;          /* 1: an operation that cannot be recorded must not happen */
    void *heads;              /* gt_heads_size() bytes that the processes share; NULL: none */
    const gt_keyring_t *ring; /* NULL: not there yet */
} gt_audit_conf_t;

/**
 * Where heads are noted for an audit: the place that GraphTokAuditHeads names, else beside a file.
 * @param is_file  1: the audit is a regular file
 * @return a path, "|program" or NULL: nowhere
 */
const char *gt_audit_notes(const char *audit, const char *notes, int is_file, apr_pool_t *p);

/** Make this process's writer, after the fork. Nothing is written before the first record. */
gt_audit_t *gt_audit_make(const gt_audit_conf_t *conf, apr_pool_t *p);

/** The keyring has come: the next record begins a new chain. */
void gt_audit_key(gt_audit_t *audit, const gt_keyring_t *ring);

/** For gt_notice_to: records the operations on tokens. */
gt_notice_sink_t gt_audit_sink(gt_audit_t *audit);

/** Write down the other chains' heads when that is due: call it now and then, in each process. */
void gt_audit_mark(gt_audit_t *audit);

/** End the chain. Thread-safe, as all of these but gt_audit_make. */
void gt_audit_end(gt_audit_t *audit);

#endif
