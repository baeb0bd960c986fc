/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOCAL_END_H
#define GT_LOCAL_END_H

/**
 * @file local_end.h
 * The local end of calls: an IP address of this machine, or a network interface by its name. An
 * address is of one family, so calls then go to addresses of the same family alone.
 */

#include "gt.h"

/** 1 for an IPv4 or IPv6 address, or what can be an interface's name (if(4): at most 15 bytes).
 * There need not be one of this name. */
int gt_local_is_good(const char *text);

/** Why calls cannot start there now, in `p`; NULL: they can. Asks the system, not the network. */
const char *gt_local_fault(const char *text, apr_pool_t *p);

/** As CURLOPT_INTERFACE takes it, so that no name is ever looked up. In `p`; NULL gives NULL. */
const char *gt_local_option(const char *text, apr_pool_t *p);

#endif
