/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ENDPOINT_H
#define GT_ENDPOINT_H

/**
 * @file endpoint.h
 * A form posted to one of a provider's endpoints by our registration: discovery, the secret, one
 * POST. The POST goes on when its task is dropped, since the provider carries it out all the same,
 * and it is never sent twice from here. Work of one task, whose pool has the results.
 */

#include "net/transfer.h"
#include "net/url.h"
#include "oauth/provider.h"
#include "task/reader.h"

/** Work: post a form. */
typedef struct gt_endpoint_post_t {
    gt_provider_t *provider;
    /** Which endpoint; NULL, and nothing is sent, where the provider has none. */
    const char *(*url)(const gt_endpoints_t *endpoints);
    const char *tenant;      /* in: whose endpoint and registration; NULL or "": the configured */
    gt_form_t *form;         /* in; the client's own fields are added */
    apr_size_t answer_max;   /* most bytes of an answer */
    const char *purpose;     /* for the log: "refresh" */
    gt_transfer_t *transfer; /* out: ended, well or not; NULL: nothing was sent */
    gt_discover_t discover;  /* own */
    gt_read_t read;          /* own */
} gt_endpoint_post_t;
/** Fails where there is no discovery document, or no secret to be read. The work that asked judges
 * the outcome of the POST itself. */
extern const gt_work_t gt_endpoint_post;

#endif
