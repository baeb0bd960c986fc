/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PLACES_H
#define GT_PLACES_H

/**
 * @file places.h
 * How many of a process may be at one place at a time, such as one server that many accounts have.
 * An entry stays when all have left: there are as many as servers. Thread-safe; nothing waits.
 */

#include "gt.h"

typedef struct gt_places_t gt_places_t;

/** Empty places. */
gt_places_t *gt_places_make(apr_pool_t *p);

/** Take a place, unless `most` are taken. @return 0: there is none free */
int gt_place_take(gt_places_t *places, const char *name, int most);

/** Give it back. */
void gt_place_give(gt_places_t *places, const char *name);

#endif
