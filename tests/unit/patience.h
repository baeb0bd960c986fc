/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_PATIENCE_H
#define GT_TEST_PATIENCE_H

/* How long tests wait and how often they try, here and under valgrind. */

#include <stdlib.h>

#include <apr_time.h>

/* 1 under valgrind (./runtests). */
static inline int tests_are_slow(void)
{
    return getenv("GT_TEST_IS_SLOW") != NULL;
}

/* For what must come, and comes at once unless something is broken; busy machines are slow, and
 * valgrind on one of them is slower. */
#define PATIENCE apr_time_from_sec(tests_are_slow() ? 400 : 90)

/* So many rounds of a test that tries its luck; a tenth of them where each takes long. */
static inline int rounds(int all)
{
    return tests_are_slow() ? all / 10 : all;
}

#endif
