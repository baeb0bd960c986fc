/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file usage.c The exit code of a wrong command line: EX_USAGE of sysexits(3). */

#include "ctl.h"

#include <sysexits.h>

#include "base/err.h"

gt_err_t *ctl_usage(gt_err_t *err)
{
    err->exit_code = EX_USAGE;
    return err;
}
