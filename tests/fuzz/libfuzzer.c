/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What standalone.c does before the first input, where libFuzzer has the main function. */

#include <apr_general.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}
