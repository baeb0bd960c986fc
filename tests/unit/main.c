/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Runs the unit tests of the core. Each test_<file>.c gives one suite; suites.def names them, a
 * line each. libcheck's own variables choose and shape: CK_RUN_SUITE, CK_RUN_CASE, CK_FORK,
 * CK_VERBOSITY, CK_TAP_LOG_FILE_NAME.
 */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
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

/* A fork has it, too: the thread that forks goes on under its name. */
static pthread_t the_tests;

void __real__ck_assert_failed(const char *file, int line, const char *expr, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));

/* Stands before libcheck's (--wrap). Without a fork libcheck leaves a failed test by longjmp, which
 * would take another thread onto the stack of the test's thread: such a failure ends the
 * process. */
void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *format, ...)
{
    char text[4096] = "";
    va_list args;

    if (format != NULL) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
    }
    if (pthread_equal(pthread_self(), the_tests))
        __real__ck_assert_failed(file, line, expr, format != NULL ? "%s" : NULL, text);
    fprintf(stderr, "%s:%d: on a thread beside the test's: %s\n", file, line,
            format != NULL ? text : expr);
    abort();
}

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;
    int i;

    the_tests = pthread_self();
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
