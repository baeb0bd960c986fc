/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_INDEX_NAMES_H
#define GT_INDEX_NAMES_H

/**
 * @file index_names.h
 * The names of the indexes of a ladder's table. A table that is renamed keeps them, and its
 * constraints, under its former name. For db/ladder only. Pure functions; results in `p`.
 */

#include <apr_hash.h>
#include <apr_pools.h>

/** Begins a text of a ladder that makes an index, before "{index}_…". */
#define GT_INDEX "CREATE INDEX "

/** 1 for a text that makes an index. */
int gt_index_is(const char *text);

/** "_expires" of "CREATE INDEX {index}_expires ON …". */
const char *gt_index_ending(const char *text, apr_pool_t *p);

/** A name as engines compare it when it is not quoted. */
const char *gt_index_lower(const char *name, apr_pool_t *p);

/**
 * The name of a table at the time when a step made its indexes.
 * @param names  of all its indexes, lower-case, any value
 * @param bare   its name now, lower-case
 * @param texts  of the step, up to GT_LADDER_TEXTS, NULL last
 * @return NULL: the same, or the step made none, or one of them is missing
 */
const char *gt_index_former(apr_hash_t *names, const char *bare, const char *const *texts,
                            apr_pool_t *p);

/** A text that drops "{bare}_…", an index, a trigger or a constraint, with the former name where
 * the database has it under that. Other texts stay. */
const char *gt_index_called(const char *text, apr_hash_t *names, const char *bare,
                            const char *former, apr_pool_t *p);

#endif
