/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mod_test_files.c
 * A child that is told to end at once opens files, as other modules and libraries may at any
 * moment: they get the numbers of descriptors that were closed just before. TEST_FILES names their
 * folder.
 */

#include <fcntl.h>
#include <stdlib.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <mpm_common.h>

#define FILES 32

static void open_files(apr_pool_t *pchild, int graceful)
{
    const char *folder = getenv("TEST_FILES");

    for (int n = 0; n < FILES && folder && !graceful; n++)
        (void)open(apr_psprintf(pchild, "%s/%d", folder, n), O_RDWR | O_CREAT | O_EXCL, 0600);
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_child_stopping(open_files, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(test_files) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
