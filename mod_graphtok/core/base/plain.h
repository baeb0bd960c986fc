/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PLAIN_H
#define GT_PLAIN_H

/** @file plain.h Runs of printable ASCII. Pure; thread-safe. */

#include "gt.h"

/** How many bytes at the front are printable ASCII, blanks included. */
apr_size_t gt_plain_len(const char *text, apr_size_t len);

#endif
