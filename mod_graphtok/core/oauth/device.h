/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DEVICE_H
#define GT_DEVICE_H

/**
 * @file device.h
 * The begin of a sign-in by a device that has no browser (RFC 8628 section 3.1): the provider gives
 * a code that its user types in elsewhere, and one that the device asks for tokens with
 * (vault/flow/device_code.c). Work of one task, whose pool has the results.
 */

#include "oauth/endpoint.h"

/** Work: have the two codes. */
typedef struct gt_device_t {
    gt_provider_t *provider;      /* in */
    const char *scope;            /* in: or NULL: the provider's */
    gt_secret_t *code;            /* out: that tokens are asked for with */
    const char *user_code;        /* out: for the user; visible characters and blanks */
    const char *page;             /* out: where the user types it in */
    apr_interval_time_t interval; /* out: at least so long between two questions */
    apr_interval_time_t life;     /* out: both codes serve for so long */
    gt_endpoint_post_t post;      /* own */
} gt_device_t;
/** Fails with GT_NOT_FOUND (GT0526) where the provider has no such endpoint, and with what the
 * provider refuses it by. */
extern const gt_work_t gt_device_begin;

#endif
