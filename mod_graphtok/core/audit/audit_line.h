/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_AUDIT_LINE_H
#define GT_AUDIT_LINE_H

/**
 * @file audit_line.h
 * One line of the audit while it is made: JSON members in memory of fixed size, which fits a pipe's
 * single write. Pure: no I/O, no allocation. A line belongs to one thread.
 */

#include "audit/audit.h"

/** The kinds of records. Those but operations name heads, and are noted outside as well. */
typedef enum gt_audit_kind_t {
    GT_AUDIT_OPERATION,
    GT_AUDIT_START, /* the first record of a chain */
    GT_AUDIT_MARK,  /* heads of other chains; alone it is no reason for another mark */
    GT_AUDIT_END,   /* the last record of a chain */
    GT_AUDIT_LAST   /* the same, and the process's last one */
} gt_audit_kind_t;

/** A line under construction. */
typedef struct gt_audit_line_t {
    gt_audit_kind_t kind;
    char text[GT_AUDIT_LINE];
    apr_size_t len;
} gt_audit_line_t;

/** Begin a line: time, event and result. @param result  "ok", or the name of a class of errors */
void gt_audit_line_begin(gt_audit_line_t *line, gt_audit_kind_t kind, const char *event,
                         const char *result);

/** Begin the line of an operation: all that the announcement says. */
void gt_audit_line_operation(gt_audit_line_t *line, const gt_notice_t *notice);

/** Add text as it is. The callers' bounds leave room for all members; else the line is cut, and its
 * MAC shows that. */
void gt_audit_line_add(gt_audit_line_t *line, const char *fmt, ...) GT_PRINTF(2, 3);

/** Add a member of a text of up to 192 bytes when escaped; a longer one is cut between two
 * characters. @param text  NULL: no member */
void gt_audit_line_text(gt_audit_line_t *line, const char *name, const char *text);

/** Add the member "heads". @param count  0: no member */
void gt_audit_line_heads(gt_audit_line_t *line, const gt_head_t *heads, int count);

#endif
