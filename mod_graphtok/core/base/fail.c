/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Points of failure for tests. Of the processes that read a point's file at the same time, the one
 * that succeeds in removing it fails; the others go on.
 */

#include "base/fail.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef GT_FAULTS

#define PATH_MAX_BYTES 1024

int gt_fail(const char *point)
{
    const char *folder = getenv("GRAPHTOK_FAULTS");
    char path[PATH_MAX_BYTES];
    char word[8] = "";
    FILE *file;

    if (folder == NULL || snprintf(path, sizeof(path), "%s/%s", folder, point) >= (int)sizeof(path))
        return 0;
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%7s", word) != 1)
        word[0] = '\0';
    fclose(file);
    if (unlink(path) != 0)
        return 0;
    if (strcmp(word, "kill") == 0)
        kill(getpid(), SIGKILL);
    else if (strcmp(word, "stop") == 0)
        kill(getpid(), SIGSTOP);
    return strcmp(word, "err") == 0;
}

#else

/* A file needs something in it. */
typedef int gt_no_faults_t;

#endif
