/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Runs the unit tests of the core. Each test_<file>.c gives one suite; suites.def names them, a
 * line each. libcheck's own variables choose and shape: CK_RUN_SUITE, CK_RUN_CASE, CK_FORK,
 * CK_VERBOSITY, CK_TAP_LOG_FILE_NAME.
 */

#include <stdlib.h>

#include <apr_general.h>
#include <check.h>
#include <curl/curl.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.def"
#undef SUITE

static Suite *(*const suites[])(void) = {
#define SUITE(name) suite_##name,
#include "suites.def"
#undef SUITE
    NULL};

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;
    int i;

    apr_initialize();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (i = 0; suites[i] != NULL; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    /* A chosen suite that does not exist would otherwise pass by running nothing. */
    if (srunner_ntests_run(runner) == 0)
        failed = 1;
    srunner_free(runner);
    curl_global_cleanup();
    apr_terminate();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
