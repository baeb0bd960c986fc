/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROUTES_SEND_H
#define GTM_ROUTES_SEND_H

/** @file routes_send.h The work of POST /send of the mail route set. */

#include "request/request.h"

/** Work: send the mail of a request's body. State: the gtm_request_t. */
extern const gt_work_t gtm_send_work;

#endif
