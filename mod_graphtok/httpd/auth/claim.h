/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CLAIM_H
#define GTM_CLAIM_H

/**
 * @file claim.h
 * Require graphtok-claim NAME VALUE…: the user's token has a claim of this name with one of these
 * values. A text, a number or true and false must be the value; a list must have it; of scope and
 * scp a word must be it (RFC 8693 section 4.2). Where no claim is called so, NAME is a path:
 * "realm.roles" is roles within realm.
 */

#include <apr_pools.h>

/** Register the authorization provider. */
void gtm_claim_register(apr_pool_t *p);

#endif
