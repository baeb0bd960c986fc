/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file fault.c
 * The one table of the ways in which transfers fail: class and tag of each, and whether the
 * administrator must mend it.
 */

#include "net/fault.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define BUSY_RETRY_AFTER (apr_time_from_sec(1))

static const struct {
    gt_class_t cls;
    const char *tag;
    int is_ours; /* 1: the administrator's to mend */
} faults[] = {
    [GT_FAULT_NONE] = {GT_INTERNAL, "", 0},
    [GT_FAULT_FULL] = {GT_BUSY, "GT0302", 0},
    [GT_FAULT_ENDING] = {GT_BUSY, "GT0303", 0},
    [GT_FAULT_UNREACHABLE] = {GT_UPSTREAM, "GT0304", 0},
    [GT_FAULT_PROXY_AWAY] = {GT_UPSTREAM, "GT0313", 1},
    [GT_FAULT_PROXY_REFUSES] = {GT_UPSTREAM, "GT0314", 1},
    [GT_FAULT_RUBBISH] = {GT_UPSTREAM, "GT0305", 0},
    [GT_FAULT_TOO_LARGE] = {GT_UPSTREAM, "GT0306", 0},
    [GT_FAULT_NOT_REPEATED] = {GT_UPSTREAM, "GT0307", 0},
    [GT_FAULT_TIMEOUT] = {GT_TIMEOUT, "GT0308", 0},
    [GT_FAULT_TLS] = {GT_UPSTREAM, "GT0309", 0},
    [GT_FAULT_PINS] = {GT_UPSTREAM, "GT0316", 1},
    [GT_FAULT_SOURCE] = {GT_UPSTREAM, "GT0317", 1},
    [GT_FAULT_MEMORY] = {GT_INTERNAL, "GT0311", 0},
    [GT_FAULT_CANCELLED] = {GT_CANCELLED, "GT0312", 0},
};

void gt_failure_set(gt_failure_t *failure, gt_fault_t fault, const char *text)
{
    char *c;

    failure->fault = fault;
    failure->is_ours = faults[fault].is_ours;
    apr_cpystrn(failure->detail, text, sizeof(failure->detail));
    /* libcurl may quote a URL; a query can hold what no log may show. */
    failure->detail[strcspn(failure->detail, "?")] = '\0';
    for (c = failure->detail; *c != '\0'; c++)
        if (apr_iscntrl(*c))
            *c = ' ';
}

const char *gt_fault_tag(gt_fault_t fault)
{
    return faults[fault].tag;
}

gt_err_t *gt_failure_error(const gt_failure_t *failure, const char *purpose, apr_pool_t *p)
{
    gt_err_t *err;

    if (failure->fault == GT_FAULT_NONE)
        return GT_OK;
    err = gt_err(p, faults[failure->fault].cls, faults[failure->fault].tag, "%s: %s", purpose,
                 failure->detail);
    err->is_ours = failure->is_ours;
    if (err->cls == GT_BUSY)
        err->retry_after = BUSY_RETRY_AFTER;
    return err;
}
