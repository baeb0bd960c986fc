/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_AUDIT_CHECK_H
#define GT_AUDIT_CHECK_H

/**
 * @file audit_check.h
 * Whether audit files are as they were written: every record's MAC, every chain's numbers and
 * links, and every head that another record names, in the files or in the notes outside of them.
 * Notes are read first (a record is noted when it stands in its file), then lines in the order in
 * which they were written, oldest file first. Nothing in a line is trusted before its MAC was found
 * right. A check is used by one thread.
 */

#include "audit/chain.h"

typedef struct gt_audit_check_t gt_audit_check_t;

/** The faults, in a word each. */
typedef enum gt_audit_fault_t {
    GT_AUDIT_DAMAGED,   /* no record: torn, garbled, too long, without its end */
    GT_AUDIT_CHANGED,   /* its MAC is not right, or it does not follow the record before it */
    GT_AUDIT_REMOVED,   /* records are missing before this one */
    GT_AUDIT_REORDERED, /* a record stands after one that was written later */
    GT_AUDIT_REPEATED,  /* a record stands twice */
    GT_AUDIT_TRUNCATED, /* others saw more of this chain than there is */
    GT_AUDIT_UNSIGNED,  /* made without a key, or with one that the keyring lacks */
    GT_AUDIT_FAULTS
} gt_audit_fault_t;

/** "damaged", …; never NULL. */
const char *gt_audit_fault_name(gt_audit_fault_t fault);

/** One finding. */
typedef struct gt_audit_finding_t {
    gt_audit_fault_t fault;
    const char *file;
    apr_int64_t line; /* from 1 */
    const char *text; /* for people */
} gt_audit_finding_t;

/** The sums over all lines. */
typedef struct gt_audit_counts_t {
    apr_int64_t records, chains;
    apr_int64_t open;  /* chains without an end: at work, or killed */
    apr_int64_t lost;  /* records that the writers say they could not write */
    apr_int64_t notes; /* records noted outside */
    apr_int64_t wrong;
} gt_audit_counts_t;

typedef struct gt_audit_check_conf_t {
    const gt_keyring_t *ring;
    int may_begin_late; /* 1: older files are gone on purpose */
    void *baton;
    void (*tell)(void *baton, const gt_audit_finding_t *finding);
} gt_audit_check_conf_t;

/** Begin. */
gt_audit_check_t *gt_audit_check_make(const gt_audit_check_conf_t *conf, apr_pool_t *p);

/** The next line of the notes outside; as gt_audit_check_line. */
void gt_audit_check_note(gt_audit_check_t *check, const char *file, apr_int64_t number,
                         const char *bytes, apr_size_t len, int is_whole);

/** The next line, without its newline. @param is_whole 0: the file ended without one */
void gt_audit_check_line(gt_audit_check_t *check, const char *file, apr_int64_t number,
                         const char *bytes, apr_size_t len, int is_whole);

/** No more lines. */
gt_audit_counts_t gt_audit_check_end(gt_audit_check_t *check);

#endif
