/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_EXPIRY_H
#define GT_EXPIRY_H

/**
 * @file expiry.h
 * When a registration's credentials end: a certificate says it itself, of a secret the
 * administrator says it (GraphTokClientSecretExpires), since no provider tells it to its clients.
 */

#include "conf/config.h"

/** A credential that ends. */
typedef struct gt_expiry_t {
    const char *what; /* "certificate" or "secret" */
    apr_time_t at;    /* the wall clock's */
} gt_expiry_t;

#define GT_EXPIRIES_MAX 2

/** 1 for a day as GraphTokClientSecretExpires has it: "2027-03-01". */
int gt_is_day(const char *text);

/** The beginning of a secret's last day, in UTC; 0: nothing is said of it. */
apr_time_t gt_secret_expires(const gt_provider_conf_t *provider);

/**
 * What is to be said of a credential that has ended, or ends within GraphTokAlarmBefore.
 * @param is_over  out: 1: it has ended
 * @return "the client secret of provider microsoft ends on 2027-03-01, in 12 days: ...", in `p`;
 *         NULL: its end is far
 */
const char *gt_expiry_alarm(int *is_over, const gt_expiry_t *expiry,
                            const gt_provider_conf_t *provider, apr_time_t now, apr_pool_t *p);

#endif
