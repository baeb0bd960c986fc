/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CLIENT_TOKEN_H
#define GTM_CLIENT_TOKEN_H

/**
 * @file client_token.h
 * Tokens of ours that a client gets by token exchange: it calls our routes as a user, those that
 * GraphTokAllow of its entry names and no others. A token is sealed, bound to store, provider and
 * virtual host (or GraphTokSessionRealm), and says client, user, grant and end. So it holds on all
 * servers with the same keyring and over restarts, and none of them keeps it. The entry says what
 * it may do when it is used. It ends with its time, with the entry, with the grant, and when all
 * sessions of its user are ended. Called on the request's thread.
 */

#include "request/request.h"

/** A client's token that came with a request, opened. */
typedef struct gtm_client_token_t {
    const gt_client_conf_t *client;
    gt_session_name_t name; /* as that of a session: its id, the grant, when it was made */
    const char *user;
} gtm_client_token_t;

/**
 * Make a token of x->owner's for a client, which lives as long as the client's entry says.
 * @param grant  the id of the owner's grant
 * @return as gtm_origin_find; GT_INTERNAL without a key
 */
GT_MUST gt_err_t *gtm_client_token_make(gt_secret_t **token, gtm_request_t *x,
                                        const gt_client_conf_t *client, const char *grant);

/**
 * Gate: take the token of a client, where one came in Authorization: x->caller, x->client_token,
 * x->asker.client. Without one nothing changes. Behind gtm_find_target.
 * @return GT_FORBIDDEN with 401 for one that is none of ours, ended, or made for another place;
 *         GT_FORBIDDEN for a route that the client may not call; GT_LIMITED when these are too many
 */
GT_MUST gt_err_t *gtm_client_token_read(gtm_request_t *x);

/** Gate: the grant behind x->client_token is still there. May block on the database.
 * @return as gt_vault_has_session, and gtm_client_token_read */
GT_MUST gt_err_t *gtm_client_token_confirm(gtm_request_t *x);

#endif
