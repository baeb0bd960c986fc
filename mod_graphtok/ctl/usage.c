/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file usage.c A wrong command line has an exit code of its own, as sysexits(3) has it. */

#include "ctl.h"

#include <sysexits.h>

#include "base/err.h"

gt_err_t *ctl_usage(gt_err_t *err)
{
    err->exit_code = EX_USAGE;
    return err;
}
