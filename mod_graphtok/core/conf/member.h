/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MEMBER_H
#define GT_MEMBER_H

/**
 * @file member.h
 * Members of configuration structs as tables: name, place, kind, bounds. One table drives reading
 * directives, merging, the JSON dump and reading it back, so that the same text means the same, and
 * is refused with the same words, wherever it comes from. A table ends with an empty name.
 * Thread-safe for different objects.
 */

#include "base/json.h"

typedef enum gt_member_kind_t {
    GT_MEMBER_TEXT,    /* const char *; NULL: unset */
    GT_MEMBER_URL,     /* the same: a safe URL, without query and trailing slash */
    GT_MEMBER_FILE,    /* the same: a path, made absolute */
    GT_MEMBER_SOURCE,  /* gt_source_t *; NULL: unset */
    GT_MEMBER_SOURCES, /* apr_array_header_t * of gt_source_t *, NULL: unset; settings add up */
    GT_MEMBER_NUMBER,  /* apr_int64_t; -1: unset */
    GT_MEMBER_SIZE,    /* apr_int64_t bytes, written with K, M or G; -1: unset */
    GT_MEMBER_SPAN,    /* apr_interval_time_t µs; -1: unset */
    GT_MEMBER_WORD     /* int (or an enum of its size), index in `words`; -1: unset */
} gt_member_kind_t;

typedef struct gt_member_t {
    const char *name; /* in JSON */
    gt_member_kind_t kind;
    apr_size_t offset;        /* in its struct */
    const char *least, *most; /* NUMBER, SIZE, SPAN: as the administrator would write them */
    apr_size_t longest;       /* TEXT, URL, FILE: most bytes, 0: 1,023 */
    const char *words;        /* WORD: blank-separated, in the order of their numbers */
    int (*is_good)(const char *text); /* TEXT: further rule, or NULL */
    const char *expects;              /* the demand of is_good: "'x' is not <expects>" */
    const char *initial;              /* the default, as it would be written; NULL: none */
} gt_member_t;

/** The row of a name, or NULL. */
const gt_member_t *gt_member_find(const gt_member_t *table, const char *name);

/**
 * Set one member from the administrator's text.
 * @param base_dir  where relative file names start
 * @param why       on failure the fault and the expected form; never quotes a secret
 * @return 1, or 0 with *why set and nothing changed
 */
GT_MUST int gt_member_set(void *object, const gt_member_t *member, const char *text,
                          const char *base_dir, const char **why, apr_pool_t *p);

/** Give every member of the table that has a default this one. In `p`. */
void gt_members_default(void *object, const gt_member_t *table, apr_pool_t *p);

/** The same for those that are not set. */
void gt_members_fill(void *object, const gt_member_t *table, apr_pool_t *p);

/** A TEXT member by its name; NULL: it is not set. */
const char *gt_member_text(const void *object, const gt_member_t *table, const char *name);

/** 1 when a member is set. */
int gt_member_is_set(const void *object, const gt_member_t *member);

/** Copy from `base` every member of the table that `object` has not set. */
void gt_members_inherit(void *object, const void *base, const gt_member_t *table);

/** Write every member of the table into a JSON object; unset ones as null, sources as
 * references. */
void gt_members_to_json(json_t *json, const void *object, const gt_member_t *table, apr_pool_t *p);

/**
 * Read members from a JSON object; those it lacks stay as they are. Members named in `also`
 * (blank-separated) are the caller's, all others must be in the table.
 * @return GT_INVALID naming the member
 */
GT_MUST gt_err_t *gt_members_from_json(void *object, const gt_member_t *table, const json_t *json,
                                       const char *also, apr_pool_t *p);

#endif
