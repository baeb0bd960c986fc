/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CLIENT_H
#define GTM_CLIENT_H

/**
 * @file client.h
 * Clients: applications and agents elsewhere that have an entry in the configuration. A client
 * authenticates by id and secret in an Authorization field or in the form (RFC 6749 2.3.1), or by a
 * JWT of an issuer that its entry names, as client_assertion (RFC 7523 2.2) or as Bearer.
 */

#include "request/request.h"
#include "task/reader.h"

/** The header fields of a route that authenticates clients, NULL last. */
extern const char *const gtm_client_fields[];

/** Work: authenticate the client of a request whose form is read. */
typedef struct gtm_client_auth_t {
    gtm_request_t *x;                /* in */
    const gt_client_conf_t *conf;    /* out */
    const gt_client_conf_t *claimed; /* own: the entry of the id that came, or NULL */
    gt_secret_t *shown[2];           /* own: the secret that came, in the two forms in which clients
                                      * write it */
    gt_read_t read;                  /* own: the secret as it should be */
    gt_bearer_check_t bearer;        /* own: a JWT that came; token NULL: none */
    int fits;                        /* own: 1: the secret that came is that of the entry */
    int is_once;                     /* own: 1: it is an assertion for one use */
    gt_err_t *failure;               /* own */
} gtm_client_auth_t;
/**
 * A client that is not configured, or may not ask at this place, costs what a wrong secret costs
 * and is told the same.
 * @return GT_FORBIDDEN (invalid_client, 401); GT_INVALID when it shows itself in two ways or in
 *         none that is well-formed; GT_INTERNAL with 503 when its secret cannot be read here
 */
extern const gt_work_t gtm_client_authenticate;

#endif
