/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CALLER_H
#define GTM_CALLER_H

/**
 * @file caller.h
 * The caller of a request (GraphTokUser), and then the owner of the grant in question. The handler
 * takes the gates one by one, with the limits between them; a hook that serves another handler's
 * request takes them at once. All of them run on the request's thread and allocate in its pool.
 */

#include "request/request.h"

/** Gate: name the request in x->asker; its id is the one that %L shows in httpd's logs. */
GT_MUST gt_err_t *gtm_caller_name(gtm_request_t *x);

/**
 * Gate: find x->caller by what the location names as its source. Its id is "" where the route needs
 * no caller and none is known. Behind gtm_find_target.
 * With x->bearer_waits afterwards nothing is known yet: gt_check_bearer runs on x->bearer, and then
 * the gate is taken again.
 * @return GT_SIGN_IN when the route needs a caller and none is known; GT_FORBIDDEN when no
 * authentication stands in front, or for an id that is none; as gtm_bearer_read
 */
GT_MUST gt_err_t *gtm_caller_find(gtm_request_t *x);

/**
 * Gate: a session that was ended, or whose grant was revoked, is none. Behind the limits, since it
 * may ask the database.
 * @return as gtm_caller_find; GT_STORE_AWAY when it cannot be told
 */
GT_MUST gt_err_t *gtm_caller_confirm(gtm_request_t *x);

/** Whether a user id may end up in rows, logs and header fields. @return GT_FORBIDDEN */
GT_MUST gt_err_t *gtm_caller_check_id(const gtm_request_t *x, const char *id);

/** Gate: set x->owner, the owner of the grant in question: the caller, or the one that the route
 * names. */
GT_MUST gt_err_t *gtm_owner_find(gtm_request_t *x);

/** The caller of a request that stands outside the road (gtm_request_beside): its name, target,
 * source and confirmation in their order. @return as those; see gtm_caller_find for x->bearer_waits
 */
GT_MUST gt_err_t *gtm_caller_identify(gtm_request_t *x);

/** The error of a request that needs a caller and has none: GT_SIGN_IN. */
GT_MUST gt_err_t *gtm_caller_missing(const gtm_request_t *x);

/** Tell httpd who the caller is, once the gates know it: %u in its logs, REMOTE_USER for programs.
 * A user that an authentication of httpd has set stays. */
void gtm_caller_show(const gtm_request_t *x);

#endif
