/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Days are those of UTC. */

#include "conf/expiry.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

#define DAY apr_time_from_sec(86400)

static int read_day(apr_time_t *at, const char *text)
{
    char whole[sizeof("2027-03-01T00:00:00Z")];

    if (strlen(text) != strlen("2027-03-01"))
        return 0;
    apr_snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
    return gt_rfc3339_parse(at, whole);
}

int gt_is_day(const char *text)
{
    apr_time_t at;

    return read_day(&at, text);
}

apr_time_t gt_secret_expires(const gt_provider_conf_t *provider)
{
    apr_time_t at = 0;

    return provider->secret_expires != NULL && read_day(&at, provider->secret_expires) ? at : 0;
}

const char *gt_expiry_alarm(int *is_over, const gt_expiry_t *expiry,
                            const gt_provider_conf_t *provider, apr_time_t now, apr_pool_t *p)
{
    const char *day = apr_pstrmemdup(p, gt_rfc3339(expiry->at, p), strlen("2027-03-01"));
    apr_interval_time_t left = expiry->at - now;

    *is_over = left <= 0;
    if (left > provider->alarm_before)
        return NULL;
    if (*is_over)
        return apr_psprintf(p, "the client %s of provider %s ended on %s: renew it", expiry->what,
                            provider->name, day);
    return apr_psprintf(
        p, "the client %s of provider %s ends on %s, in %" APR_TIME_T_FMT " days: renew it before",
        expiry->what, provider->name, day, left / DAY);
}
