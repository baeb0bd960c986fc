/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_DESK_H
#define GT_TEST_DESK_H

/* A migrated store on an empty database of bench.h, and people who sign in there. */

#include "bench.h"
#include "store/grant.h"

typedef struct desk_t {
    bench_t *bench; /* bench_close() ends the desk */
    apr_pool_t *pool;
    gt_store_t *store;
} desk_t;

extern const gt_owner_t desk_tom, desk_ann;
/* One issuer and tenant, one e-mail address, two people. */
extern const gt_identity_t desk_person, desk_stranger;

desk_t desk_open(int loop);

/* What a token endpoint gave; `refresh` may be NULL. Ends 2026-11-21T08:30:15Z. */
gt_tokens_t desk_tokens(const char *access, const char *refresh, apr_pool_t *p);

/* Sign in with an access token `access` and a refresh token "<access>-refresh". */
gt_err_t *desk_sign_in(gt_grant_t **grant, desk_t *desk, const gt_owner_t *owner,
                       const gt_identity_t *identity, const char *access);
/* The same for desk_person, which must pass. */
gt_grant_t *desk_signed_in(desk_t *desk, const gt_owner_t *owner, const char *access);

/* What the store has now; NULL: nothing. */
gt_grant_t *desk_found(desk_t *desk, const gt_owner_t *owner);

/* 1 when a secret is there and has this text. */
int desk_holds(const gt_secret_t *secret, const char *text, apr_pool_t *p);

#endif
