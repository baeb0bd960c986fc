/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_WAKER_H
#define GT_WAKER_H

/** The function that wakes a sleeping thread to look again: quick, never blocking, from any thread,
 * any number of times. The side that will call it keeps a copy of this struct. */
typedef struct gt_waker_t {
    void (*wake)(void *baton);
    void *baton;
} gt_waker_t;

#endif
