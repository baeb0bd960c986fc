/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GROUP_DENIED_H
#define GT_GROUP_DENIED_H

/**
 * @file group_denied.h
 * Graph says no more than "Access is denied" when the events of a group are not for a token. The
 * token tells most of the reason. Source: Microsoft Graph v1.0, "Create event" of a group
 * (permissions); Microsoft Graph permissions reference. Pure; thread-safe.
 */

#include "base/err.h"

/** A token that Graph refused at a group's events. */
typedef struct gt_group_call_t {
    const char *group;  /* its id */
    const char *scope;  /* granted to the token; "": not known */
    int is_reading;     /* 1: nothing was to be changed */
    int is_application; /* 1: a token of the application itself, of no user */
} gt_group_call_t;

/** Add to a refusal (403) its likely reason, and a remedy. Other errors stay as they are. */
void gt_group_denied(gt_err_t *err, const gt_group_call_t *call);

#endif
