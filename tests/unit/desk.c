/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The desk of desk.h. */

#include <apr_strings.h>

#include "base/secret.h"
#include "store/store_ladder.h"
#include "desk.h"

const gt_owner_t desk_tom = {"tom", "microsoft"};
const gt_owner_t desk_ann = {"ann", "microsoft"};
const gt_identity_t desk_person = {
    "https://login.example/v2.0", "tenant", "oid-1", "tom@example.org", "Tom", NULL};
const gt_identity_t desk_stranger = {
    "https://login.example/v2.0", "tenant", "oid-2", "tom@example.org", "Tom", NULL};

desk_t desk_open(int loop)
{
    desk_t desk;

    desk.bench = bench_open(loop);
    desk.pool = desk.bench->pool;
    desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
    bench_migrate(desk.bench, gt_store_newest());
    return desk;
}

gt_tokens_t desk_tokens(const char *access, const char *refresh, apr_pool_t *p)
{
    gt_tokens_t fresh = {.scope = "User.Read"};

    fresh.access = gt_secret_from(access, p);
    fresh.refresh = gt_secret_from(refresh, p);
    fresh.expires_at = apr_time_from_sec(1795249815);
    return fresh;
}

gt_err_t *desk_sign_in(gt_grant_t **grant, desk_t *desk, const gt_owner_t *owner,
                       const gt_identity_t *identity, const char *access)
{
    const gt_tokens_t fresh =
        desk_tokens(access, apr_pstrcat(desk->pool, access, "-refresh", NULL), desk->pool);

    return gt_grant_sign_in(grant, desk->store, owner, identity, &fresh, desk->pool);
}

gt_grant_t *desk_signed_in(desk_t *desk, const gt_owner_t *owner, const char *access)
{
    gt_grant_t *grant;

    bench_ok(desk_sign_in(&grant, desk, owner, &desk_person, access));
    ck_assert_ptr_nonnull(grant);
    return grant;
}

gt_grant_t *desk_found(desk_t *desk, const gt_owner_t *owner)
{
    gt_grant_t *grant;

    bench_ok(gt_grant_find(&grant, desk->store, owner, desk->pool));
    return grant;
}

int desk_holds(const gt_secret_t *secret, const char *text, apr_pool_t *p)
{
    return secret != NULL && gt_secret_equal(secret, gt_secret_from(text, p));
}
