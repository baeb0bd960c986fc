/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RULES_H
#define GT_RULES_H

/**
 * @file rules.h
 * The rules of triage, read from the text that an administrator can change. conf/triage.rules says
 * its form at its head; that file is compiled in as well, and holds where no other one is named.
 * Rules are read once and never change, so any thread may use them.
 */

#include "gt.h"

/** The places of a mail after triage. */
typedef enum gt_triage_class_t {
    GT_NEEDS_ANSWER,
    GT_TO_KNOW,
    GT_CAN_WAIT,
    GT_TRIAGE_CLASSES
} gt_triage_class_t;

/** "needs-answer", "to-know", "can-wait", indexed by class. */
extern const char *const gt_triage_names[GT_TRIAGE_CLASSES];

/** A set of rules. */
typedef struct gt_triage_rules_t gt_triage_rules_t;

/**
 * Read rules.
 * @param name  where the text comes from, for messages: a file's path
 * @return GT_INVALID (GT1402): "NAME:LINE: " and the mistake
 */
GT_MUST gt_err_t *gt_triage_parse(gt_triage_rules_t **rules, const char *name, const char *text,
                                  apr_size_t len, apr_pool_t *p);

/**
 * Read the rules of a file. Blocks for as long as the file system does.
 * @param file  NULL: those that are compiled in
 * @return GT_INVALID (GT1401, GT1403) when the file cannot be read; as gt_triage_parse
 */
GT_MUST gt_err_t *gt_triage_load(gt_triage_rules_t **rules, const char *file, apr_pool_t *p);

/** The category that a class is written as. */
const char *gt_triage_category(const gt_triage_rules_t *rules, gt_triage_class_t cls);

#endif
