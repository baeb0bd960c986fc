/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_H
#define GT_TEST_H

/*
 * What several suites of unit tests share: a pool per test, errors as assertions, a clock that
 * stands still until it is moved, the published vectors. Test programs include it once per file;
 * everything is static, and what a file does not use is no mistake.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <check.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "patience.h"

#define MAYBE_UNUSED __attribute__((unused))

#ifndef GT_TEST_VECTORS
#ifdef GT_TESTS
#define GT_TEST_VECTORS GT_TESTS "/vectors"
#else
#define GT_TEST_VECTORS "tests/vectors"
#endif
#endif

/* Every test's own. */
static MAYBE_UNUSED apr_pool_t *pool;

static MAYBE_UNUSED void make_pool(void)
{
    apr_pool_create(&pool, NULL);
}

static MAYBE_UNUSED void drop_pool(void)
{
    apr_pool_destroy(pool);
    gt_clock_set(NULL, NULL);
}

/* The call succeeds. */
#define ck_ok(call)                                                                                \
    do {                                                                                           \
        const gt_err_t *ck_ok_err = (call);                                                        \
        ck_assert_msg(ck_ok_err == GT_OK, "%s: %s %s", #call, ck_ok_err->tag, ck_ok_err->detail);  \
    } while (0)

/* The call fails with this class and tag. */
#define ck_fails(call, class_wanted, tag_wanted)                                                   \
    do {                                                                                           \
        const gt_err_t *ck_fails_err = (call);                                                     \
        ck_assert_msg(ck_fails_err != GT_OK, "%s succeeds", #call);                                \
        ck_assert_str_eq(ck_fails_err->tag, tag_wanted);                                           \
        ck_assert_int_eq(ck_fails_err->cls, class_wanted);                                         \
    } while (0)

/* A clock that tests move. */
static MAYBE_UNUSED apr_time_t fake_time;

static MAYBE_UNUSED apr_time_t read_fake_time(void)
{
    return fake_time;
}

static MAYBE_UNUSED void fake_clock(apr_time_t start)
{
    fake_time = start;
    gt_clock_set(read_fake_time, read_fake_time);
}

/* A case with a pool for each test; more tests are added to it. */
static MAYBE_UNUSED TCase *case_with_pool(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, make_pool, drop_pool);
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* A file of published vectors; the test fails when it is not there. */
static MAYBE_UNUSED json_t *load_vectors(const char *name)
{
    const char *folder = getenv("GRAPHTOK_VECTORS");
    char path[1024];
    json_error_t error;
    json_t *vectors;

    apr_snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : GT_TEST_VECTORS, name);
    vectors = json_load_file(path, 0, &error);
    ck_assert_msg(vectors != NULL, "%s: %s", path, error.text);
    return vectors;
}

#endif
