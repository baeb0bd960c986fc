/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ZONES_H
#define GT_ZONES_H

/** @file zones.h Names of time zones: Graph takes those of Windows and of IANA, Google IANA's. */

/** The IANA name of a zone that goes by a Windows name; "UTC" for all names of UTC; any other name
 * itself. Never NULL. */
const char *gt_zone_iana(const char *name);

#endif
