/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CHILD_USER_H
#define GTM_CHILD_USER_H

/**
 * @file child_user.h
 * The rights that httpd's children will have in a file, judged by the parent, which often is root:
 * by owner, group and mode alone. Parent only, while the configuration is read or checked.
 */

#include <sys/stat.h>

#include <apr_pools.h>

/**
 * Whether a child may use a file in these ways.
 * @param rights  S_IROTH, S_IWOTH, S_IXOTH, or several
 */
int gtm_child_may(const struct stat *file, mode_t rights);

/** The name of the children's user, in p. */
const char *gtm_child_user(apr_pool_t *p);

#endif
