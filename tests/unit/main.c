/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Runs the unit tests of the core. Each test_<file>.c gives one suite; suites.def names them, a
 * line each. The arguments choose some of them; libcheck's own variables choose and shape, too:
 * CK_RUN_SUITE, CK_RUN_CASE, CK_FORK.
 *
 *     check_core [SUITE…]
 */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <check.h>
#include <curl/curl.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.def"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, suite_##name},
#include "suites.def"
#undef SUITE
    {NULL, NULL},
};

typedef struct results_t {
    int run;
    int failed; /* of these; errors: that died or ran too long */
    int errors;
} results_t;

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

/* A suite in a runner of its own. Its name stands before all that it prints, and it is only called
 * ok at its end, so that a log says which suites a process that died has not run. */
static void run(Suite *suite, const char *name, results_t *sum)
{
    SRunner *runner = srunner_create(suite);
    const apr_time_t begin = apr_time_now();
    TestResult **wrong;
    int n;

    printf("suite %s\n", name);
    fflush(stdout);
    srunner_run_all(runner, CK_SILENT);
    n = srunner_ntests_failed(runner);
    wrong = srunner_failures(runner);
    for (int i = 0; i < n; i++) {
        const int is_error = tr_rtype(wrong[i]) == CK_ERROR;

        sum->errors += is_error;
        printf("%s:%d:%c:%s: %s\n", tr_lfile(wrong[i]), tr_lno(wrong[i]), is_error ? 'E' : 'F',
               tr_tcname(wrong[i]), tr_msg(wrong[i]));
    }
    free(wrong);
    printf("%s %s: %d tests, %.1f s\n", n == 0 ? "ok" : "FAIL", name, srunner_ntests_run(runner),
           (double)(apr_time_now() - begin) / APR_USEC_PER_SEC);
    fflush(stdout);
    sum->run += srunner_ntests_run(runner);
    sum->failed += n;
    srunner_free(runner);
}

static int is_wanted(const char *name, int argc, char **argv)
{
    const char *chosen = getenv("CK_RUN_SUITE");

    if (chosen != NULL && strcmp(chosen, name) != 0)
        return 0;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc == 1;
}

int main(int argc, char **argv)
{
    results_t sum = {0, 0, 0};
    int suites_run = 0;

    the_tests = pthread_self();
    apr_initialize();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; suites[i].name != NULL; i++)
        if (is_wanted(suites[i].name, argc, argv)) {
            run(suites[i].make(), suites[i].name, &sum);
            suites_run++;
        }
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n",
           sum.run > 0 ? (sum.run - sum.failed) * 100 / sum.run : 0, sum.run,
           sum.failed - sum.errors, sum.errors);
    curl_global_cleanup();
    apr_terminate();
    /* A chosen suite that does not exist would otherwise pass by running nothing. */
    if (sum.run == 0 || suites_run < argc - 1)
        return EXIT_FAILURE;
    return sum.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
