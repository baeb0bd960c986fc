/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CHILD_USER_H
#define GTM_CHILD_USER_H

/**
 * @file child_user.h
 * What httpd's children will be allowed to do, judged by the parent, which often is root: by owner,
 * group and mode alone.
 */

#include <sys/stat.h>

#include <apr_pools.h>

/**
 * Whether a child may use a file in these ways.
 * @param rights  S_IROTH, S_IWOTH, S_IXOTH, or several
 */
int gtm_child_may(const struct stat *file, mode_t rights);

/** What its user is called, in p. */
const char *gtm_child_user(apr_pool_t *p);

#endif
