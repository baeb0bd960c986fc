/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JSON_WRITER_H
#define GT_JSON_WRITER_H

/**
 * @file json_writer.h
 * JSON written from left to right, for texts of which there are many: where no tree is needed, none
 * is made. The text is that of gt_json_dump. One thread at a time.
 */

#include <apr_pools.h>

#include "gt.h"

typedef struct gt_json_writer_t gt_json_writer_t;

/** An empty text. @param room  bytes that it has room for at first */
gt_json_writer_t *gt_json_writer_make(apr_size_t room, apr_pool_t *p);

/** Begin an object or array. @param bracket  '{' or '[' */
void gt_json_open(gt_json_writer_t *writer, char bracket);

/** End it. @param bracket  '}' or ']' */
void gt_json_close(gt_json_writer_t *writer, char bracket);

/** The key of the member that is written next. */
void gt_json_key(gt_json_writer_t *writer, const char *key);

/** A text; null for NULL, and for one that is not UTF-8. */
void gt_json_write(gt_json_writer_t *writer, const char *text);

/** A text of printable ASCII without quotes and backslashes, which is not looked at. */
void gt_json_write_plain(gt_json_writer_t *writer, const char *text);

/** A number. */
void gt_json_write_number(gt_json_writer_t *writer, apr_int64_t number);

/** @return what was written so far; valid until more is */
const char *gt_json_written(const gt_json_writer_t *writer);

#endif
