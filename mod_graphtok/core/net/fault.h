/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FAULT_H
#define GT_FAULT_H

/**
 * @file fault.h
 * Why a transfer failed. The loop's thread notes a fault and a text in memory of fixed size; the
 * task makes an error of it later, in a pool of its own.
 */

#include <curl/curl.h>

#include "base/err.h"

/** Why transfers fail. A table in fault.c gives each its class and tag. */
typedef enum gt_fault_t {
    GT_FAULT_NONE, /* it did not fail */
    GT_FAULT_FULL,
    GT_FAULT_ENDING,
    GT_FAULT_UNREACHABLE,
    GT_FAULT_PROXY_AWAY,
    GT_FAULT_PROXY_REFUSES,
    GT_FAULT_RUBBISH,
    GT_FAULT_TOO_LARGE,
    GT_FAULT_NOT_REPEATED,
    GT_FAULT_TIMEOUT,
    GT_FAULT_TLS,
    GT_FAULT_PINS,
    GT_FAULT_SOURCE,
    GT_FAULT_MEMORY,
    GT_FAULT_CANCELLED
} gt_fault_t;

/** How a transfer failed. Zeroed, it did not. */
typedef struct gt_failure_t {
    gt_fault_t fault;
    int is_ours;                  /* 1: the administrator's to mend */
    char detail[CURL_ERROR_SIZE]; /* for people */
} gt_failure_t;

/** Fill in a failure; the text is bounded and made harmless. */
void gt_failure_set(gt_failure_t *failure, gt_fault_t fault, const char *text);

/** The permanent tag of a fault, for the log. */
const char *gt_fault_tag(gt_fault_t fault);

/** The failure as an error in `p`, or GT_OK. @param purpose of the transfer, put before the text */
GT_MUST gt_err_t *gt_failure_error(const gt_failure_t *failure, const char *purpose, apr_pool_t *p);

#endif
