/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RULES_STRUCT_H
#define GT_RULES_STRUCT_H

/** @file rules_struct.h The rules as their reader leaves them, for the files of this room alone. */

#include <apr_tables.h>

#include "triage/rules.h"

/** Traits that show in a mail itself. Order = signal_names. */
typedef enum gt_signal_t {
    GT_SIGNAL_ALONE,
    GT_SIGNAL_AMONG_OTHERS,
    GT_SIGNAL_COPIED,
    GT_SIGNAL_UNNAMED,
    GT_SIGNAL_NAMED,
    GT_SIGNAL_MENTIONED,
    GT_SIGNAL_QUESTION,
    GT_SIGNAL_HIGH,
    GT_SIGNAL_LOW,
    GT_SIGNAL_WRITTEN_TO,
    GT_SIGNAL_SAME_DOMAIN,
    GT_SIGNAL_REPLY,
    GT_SIGNAL_INVITATION,
    GT_SIGNAL_CANCELLED,
    GT_SIGNAL_ANSWERED,
    GT_SIGNALS
} gt_signal_t;

/** One rule. */
typedef struct gt_triage_rule_t {
    const char *name;
    int points;
    const char *reason;
} gt_triage_rule_t;

/** Folded words that a rule looks for. */
typedef struct gt_phrase_t {
    const char *text; /* "could you", without blanks around it */
    apr_size_t len;
    int is_front; /* 1: the last word may go on */
    int rule;     /* -1: the phrase is overlooked */
} gt_phrase_t;

/** A pattern of a sender's address, or of a header field's value. */
typedef struct gt_pattern_t {
    const char *field; /* of a header; NULL: of a sender */
    const char *glob;  /* fnmatch's; NULL: any value */
    int rule;
} gt_pattern_t;

struct gt_triage_rules_t {
    int needs_answer_from;
    int can_wait_below;
    const char *categories[GT_TRIAGE_CLASSES];
    int signals[GT_SIGNALS];          /* index of its rule; -1: it has none */
    apr_array_header_t *rules;        /* of gt_triage_rule_t */
    apr_array_header_t *phrases[256]; /* of gt_phrase_t, by first byte; NULL: none */
    apr_array_header_t *senders;      /* of gt_pattern_t */
    apr_array_header_t *headers;      /* of gt_pattern_t */
    apr_array_header_t *quoted;       /* of const char *: patterns of whole folded lines */
};

#define GT_TRIAGE_FILE_MAX (256 * 1024) /* bytes of rules */

/** The rules that are compiled in: lines, NULL last. Made from conf/triage.rules by the build. */
extern const char *const gt_triage_default[];

#endif
