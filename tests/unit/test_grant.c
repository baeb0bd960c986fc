/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Grants on both engines: sign-in, refresh, verdicts, counts, and what is refused. */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "store/store_ladder.h"
#include "desk.h"

Suite *suite_grant(void);

START_TEST(a_first_sign_in_makes_a_row)
{
    desk_t desk = desk_open(_i);
    gt_tokens_t fresh = desk_tokens("a1", "r1", desk.pool);
    gt_grant_t *grant;

    ck_assert_ptr_null(desk_found(&desk, &desk_tom));
    fresh.id_token = gt_secret_from("id-token", desk.pool);
    bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &fresh, desk.pool));
    ck_assert_ptr_nonnull(grant);
    grant = desk_found(&desk, &desk_tom);
    ck_assert_str_eq(grant->owner.user, "tom");
    ck_assert_str_eq(grant->owner.provider, "microsoft");
    ck_assert(desk_holds(grant->access, "a1", desk.pool));
    ck_assert(desk_holds(grant->refresh, "r1", desk.pool));
    ck_assert_str_eq(grant->account.subject, "oid-1");
    ck_assert_str_eq(grant->account.tenant, "tenant");
    ck_assert_str_eq(grant->account.issuer, "https://login.example/v2.0");
    ck_assert_str_eq(grant->account.email, "tom@example.org");
    ck_assert_str_eq(grant->scope, "User.Read");
    /* By the database's clock, whose second may have gone on since ours was read. */
    ck_assert_int_ge(grant->expires_at, apr_time_from_sec(1795249815));
    ck_assert_int_le(grant->expires_at, apr_time_from_sec(1795249815 + 30));
    ck_assert_int_eq(grant->status, GT_ACTIVE);
    ck_assert_int_eq(grant->use_count, 0);
    ck_assert(grant->last_used_at >= grant->created_at);
    ck_assert_str_eq(grant->key_id, "new");
    ck_assert_ptr_null(grant->error_message);
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T5_no_token_reaches_the_database_in_clear)
{
    desk_t desk = desk_open(_i);
    gt_tokens_t fresh = desk_tokens("clear-access", "clear-refresh", desk.pool);
    gt_grant_t *grant;

    fresh.id_token = gt_secret_from("clear-id", desk.pool);
    bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &fresh, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens WHERE "
                                           "encrypted_access_token LIKE 'gt2.new.%' AND "
                                           "encrypted_refresh_token LIKE 'gt2.new.%' AND "
                                           "encrypted_id_token LIKE 'gt2.new.%' AND "
                                           "encrypted_access_token NOT LIKE '%clear%'"),
                     "1");
    bench_close(desk.bench);
}
END_TEST

START_TEST(signing_in_again_keeps_row_and_counts_up)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *first = desk_signed_in(&desk, &desk_tom, "a1");
    gt_grant_t *second = desk_signed_in(&desk, &desk_tom, "a2");

    ck_assert_str_eq(first->id, second->id);
    ck_assert_int_eq(second->generation, first->generation + 1);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a2", desk.pool));
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "a2-refresh", desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens"), "1");
    bench_close(desk.bench);
}
END_TEST

START_TEST(another_person_is_refused)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_err_t *err = desk_sign_in(&grant, &desk, &desk_tom, &desk_stranger, "a2");
    int deleted;

    bench_tag(err, "GT0423");
    ck_assert_int_eq(err->cls, GT_CONFLICT);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a1", desk.pool));
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    ck_assert_int_eq(deleted, 1);
    bench_ok(desk_sign_in(&grant, &desk, &desk_tom, &desk_stranger, "a2"));
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_row_of_S0_is_bound_by_the_first_sign_in)
{
    desk_t desk = {.bench = bench_open(_i)};
    gt_grant_t *grant;

    desk.pool = desk.bench->pool;
    desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
    bench_s0_table(desk.bench);
    bench_migrate(desk.bench, gt_store_newest());
    bench_ok(desk_sign_in(&grant, &desk, &desk_tom, &desk_person, "a1"));
    ck_assert_int_eq(grant->generation, 2);
    bench_tag(desk_sign_in(&grant, &desk, &desk_tom, &desk_stranger, "a2"), "GT0423");
    ck_assert_str_eq(desk_found(&desk, &desk_tom)->account.subject, "oid-1");
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_sign_in_without_refresh_token_keeps_the_old_one)
{
    desk_t desk = desk_open(_i);
    const gt_tokens_t fresh = desk_tokens("a2", NULL, desk.pool);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");

    bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &fresh, desk.pool));
    ck_assert(desk_holds(grant->access, "a2", desk.pool));
    ck_assert(desk_holds(grant->refresh, "a1-refresh", desk.pool));
    bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_ann, &desk_person, &fresh, desk.pool));
    ck_assert_ptr_null(grant->refresh);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT encrypted_refresh_token FROM user_tokens "
                                           "WHERE user_id = 'ann'"),
                     "");
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_sign_in_heals_what_no_key_opens)
{
    desk_t desk = desk_open(_i);
    const gt_tokens_t fresh = desk_tokens("a2", NULL, desk.pool);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");

    bench_run(desk.bench, "UPDATE user_tokens SET encrypted_access_token = 'gt1.gone.AAAA', "
                          "encrypted_refresh_token = 'gt1.gone.AAAA'");
    ck_assert_int_eq(gt_grant_find(&grant, desk.store, &desk_tom, desk.pool)->cls, GT_DAMAGED);
    bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &fresh, desk.pool));
    ck_assert(desk_holds(grant->access, "a2", desk.pool));
    ck_assert_ptr_null(grant->refresh);
    bench_close(desk.bench);
}
END_TEST

/* Whether a value opens cannot be said without the ids. */
START_TEST(a_sign_in_drops_nothing_while_ids_cannot_be_read)
{
    desk_t desk = desk_open(_i);
    const gt_tokens_t fresh = desk_tokens("a2", NULL, desk.pool);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");

    bench_run(desk.bench, "UPDATE user_tokens SET encrypted_refresh_token = 'gt1.gone.AAAA'");
    bench_run(desk.bench, "ALTER TABLE graphtok_ids RENAME COLUMN id TO lost");
    bench_tag(gt_grant_find(&grant, desk.store, &desk_tom, desk.pool), "GT0409");
    bench_tag(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &fresh, desk.pool),
              "GT0409");
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT encrypted_refresh_token FROM user_tokens"),
                     "gt1.gone.AAAA");
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T2_a_moved_value_is_refused)
{
    static const char *const moves[] = {
        ("UPDATE user_tokens SET encrypted_access_token = (SELECT encrypted_access_token FROM "
         "user_tokens WHERE user_id = 'ann') WHERE user_id = 'tom'"),
        "UPDATE user_tokens SET encrypted_access_token = encrypted_refresh_token",
        "UPDATE user_tokens SET encrypted_refresh_token = encrypted_access_token",
        "UPDATE user_tokens SET provider = 'google' WHERE user_id = 'tom'",
    };
    const gt_owner_t google = {"tom", "google"};
    apr_size_t i;

    for (i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        desk_t desk = desk_open(_i);
        gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
        gt_err_t *err;

        desk_signed_in(&desk, &desk_ann, "a2");
        bench_run(desk.bench, moves[i]);
        err = gt_grant_find(&grant, desk.store, i == 3 ? &google : &desk_tom, desk.pool);
        ck_assert_ptr_nonnull(err);
        ck_assert_int_eq(err->cls, GT_DAMAGED);
        bench_close(desk.bench);
    }
}
END_TEST

START_TEST(test_T1_a_store_may_write_fernet)
{
    desk_t desk = {.bench = bench_open(_i)};
    gt_grant_t *grant;

    desk.bench->conf->cipher = GT_FERNET;
    desk.pool = desk.bench->pool;
    desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
    bench_migrate(desk.bench, gt_store_newest());
    grant = desk_signed_in(&desk, &desk_tom, "a1");
    ck_assert_str_eq(grant->key_id, "");
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "a1-refresh", desk.pool));
    ck_assert_int_eq(strncmp(bench_ask(desk.bench, "SELECT encrypted_access_token "
                                                   "FROM user_tokens"),
                             "gAAAAA", 6),
                     0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T6_a_refresh_is_stored_for_its_generation_only)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_tokens_t rotated = desk_tokens("a2", "r2", desk.pool);
    const gt_tokens_t late = desk_tokens("a3", "r3", desk.pool);
    const gt_lease_params_t lease = {"me", apr_time_from_sec(30), NULL};
    int stored, ours;

    bench_ok(gt_lease_take(&ours, desk.store, grant, &lease, desk.pool));
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &rotated, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->generation, grant->generation + 1);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "r2", desk.pool));
    ck_assert_ptr_null(desk_found(&desk, &desk_tom)->lease_owner);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->lease_until, 0);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &late, desk.pool));
    ck_assert_int_eq(stored, 0);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "r2", desk.pool));
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T6_a_refresh_without_rotation_keeps_the_token)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_tokens_t fresh = desk_tokens("a2", NULL, desk.pool);
    int stored;

    fresh.scope = NULL;
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
    ck_assert_int_eq(stored, 1);
    grant = desk_found(&desk, &desk_tom);
    ck_assert(desk_holds(grant->access, "a2", desk.pool));
    ck_assert(desk_holds(grant->refresh, "a1-refresh", desk.pool));
    ck_assert_str_eq(grant->scope, "User.Read");
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_commit_may_be_repeated)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_tokens_t rotated = desk_tokens("a2", "r2", desk.pool);
    int stored;

    bench_ok(gt_grant_commit(&stored, desk.store, grant, &rotated, desk.pool));
    ck_assert_int_eq(stored, 1);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &rotated, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->generation, grant->generation + 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_result_for_a_deleted_row_is_dropped)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_tokens_t late = desk_tokens("a2", "r2", desk.pool);
    int stored, deleted;

    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &late, desk.pool));
    ck_assert_int_eq(stored, 0);
    ck_assert_ptr_null(desk_found(&desk, &desk_tom));
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    ck_assert_int_eq(deleted, 0);
    bench_close(desk.bench);
}
END_TEST

/* A row that was made anew has no generation that the old one had. */
START_TEST(a_result_for_the_row_before_is_dropped)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *old = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_tokens_t late = desk_tokens("late", "late", desk.pool);
    gt_grant_t *now;
    int stored, deleted, noted;

    bench_run(desk.bench, "UPDATE user_tokens SET generation = generation - 1000");
    old->generation -= 1000;
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    now = desk_signed_in(&desk, &desk_tom, "a2");
    ck_assert_int_gt(now->generation, old->generation);
    bench_ok(gt_grant_commit(&stored, desk.store, old, &late, desk.pool));
    ck_assert_int_eq(stored, 0);
    bench_ok(gt_grant_failed(&noted, desk.store, old,
                             gt_err(desk.pool, GT_SIGN_IN, "GT0501", "refused"),
                             GT_EFFECT_DEACTIVATE, desk.pool));
    ck_assert_int_eq(noted, 0);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a2", desk.pool));
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->status, GT_ACTIVE);
    bench_close(desk.bench);
}
END_TEST

/* The first class whose effect it is. */
static gt_err_t *failure_with(gt_effect_t effect, apr_pool_t *p)
{
    int cls;

    for (cls = 0; cls < GT_CLASSES; cls++)
        if (gt_class_row((gt_class_t)cls)->effect == effect)
            return gt_err(p, (gt_class_t)cls, "GT0599", "text of the provider");
    return GT_OK;
}

static gt_effect_t effect_of(const gt_err_t *failure)
{
    return gt_class_row(failure->cls)->effect;
}

START_TEST(test_T8_three_errors_deactivate_and_success_resets)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_tokens_t fresh = desk_tokens("a2", "r2", desk.pool);
    gt_err_t *failure = failure_with(GT_EFFECT_COUNT, desk.pool);
    int i, noted, stored;

    ck_assert_ptr_nonnull(failure);
    for (i = 1; i <= 3; i++) {
        bench_ok(
            gt_grant_failed(&noted, desk.store, grant, failure, effect_of(failure), desk.pool));
        ck_assert_int_eq(noted, 1);
        ck_assert_int_eq(desk_found(&desk, &desk_tom)->error_count, i);
        ck_assert_int_eq(desk_found(&desk, &desk_tom)->status, i < 3 ? GT_ACTIVE : GT_INACTIVE);
    }
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->error_count, 0);
    ck_assert_ptr_null(desk_found(&desk, &desk_tom)->error_message);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->status, GT_ACTIVE);
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T13_a_refusal_deactivates_until_the_next_sign_in)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_err_t *failure = failure_with(GT_EFFECT_DEACTIVATE, desk.pool);
    int noted;

    ck_assert_ptr_nonnull(failure);
    failure->code = "AADSTS700082 \xff'; token";
    bench_ok(gt_grant_failed(&noted, desk.store, grant, failure, effect_of(failure), desk.pool));
    ck_assert_int_eq(noted, 1);
    grant = desk_found(&desk, &desk_tom);
    ck_assert_int_eq(grant->status, GT_INACTIVE);
    ck_assert_int_eq(grant->error_count, 1);
    ck_assert_ptr_nonnull(strstr(grant->error_message, "GT0599 AADSTS700082_____token"));
    ck_assert_ptr_null(strstr(grant->error_message, "text of the provider"));
    ck_assert(desk_holds(grant->refresh, "a1-refresh", desk.pool));
    ck_assert_int_eq(desk_signed_in(&desk, &desk_tom, "a2")->status, GT_ACTIVE);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->error_count, 0);
    bench_close(desk.bench);
}
END_TEST

/* The caller may know that the failure means less to the grant than its class says. */
START_TEST(an_effect_of_the_callers_choice_is_noted)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_err_t *failure = failure_with(GT_EFFECT_DEACTIVATE, desk.pool);
    int noted;

    bench_ok(gt_grant_failed(&noted, desk.store, grant, failure, GT_EFFECT_COUNT, desk.pool));
    ck_assert_int_eq(noted, 1);
    grant = desk_found(&desk, &desk_tom);
    ck_assert_int_eq(grant->status, GT_ACTIVE);
    ck_assert_int_eq(grant->error_count, 1);
    ck_assert_str_eq(grant->error_message, "refused GT0599");
    bench_close(desk.bench);
}
END_TEST

START_TEST(interaction_is_a_state_of_its_own)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_err_t *failure = failure_with(GT_EFFECT_INTERACT, desk.pool);
    int noted;

    ck_assert_ptr_nonnull(failure);
    bench_ok(gt_grant_failed(&noted, desk.store, grant, failure, effect_of(failure), desk.pool));
    ck_assert_int_eq(noted, 1);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->status, GT_NEEDS_USER);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "a1-refresh", desk.pool));
    bench_close(desk.bench);
}
END_TEST

START_TEST(what_the_provider_wants_is_kept_until_the_user_signs_in)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_err_t *failure = failure_with(GT_EFFECT_INTERACT, desk.pool);
    int noted;

    failure->claims = "{\"a\":1}";
    bench_ok(gt_grant_failed(&noted, desk.store, grant, failure, effect_of(failure), desk.pool));
    ck_assert_str_eq(desk_found(&desk, &desk_tom)->claims, "{\"a\":1}");
    desk_signed_in(&desk, &desk_tom, "a2");
    ck_assert_ptr_null(desk_found(&desk, &desk_tom)->claims);
    bench_close(desk.bench);
}
END_TEST

/* Once; 1: there may be more. */
static int purge(desk_t *desk)
{
    int more = -1;

    bench_ok(gt_grant_purge(&more, desk->store, desk->pool));
    return more;
}

/* A table that is not migrated so far still has a column for it. */
START_TEST(test_T6_a_replaced_refresh_token_is_kept_nowhere)
{
    desk_t desk = desk_open(_i);
    gt_tokens_t fresh;
    int stored;

    bench_migrate(desk.bench, 10);
    fresh = desk_tokens("a3", "r3", desk.pool);
    bench_ok(gt_grant_commit(&stored, desk.store, desk_signed_in(&desk, &desk_tom, "a1"), &fresh,
                             desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_ptr_null(bench_ask(desk.bench, "SELECT previous_refresh_token FROM user_tokens"));
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "r3", desk.pool));
    bench_close(desk.bench);
}
END_TEST

/* The generation up to which a cached token of this user is stale; -1: nothing is said of it. */
static apr_int64_t stale_of(desk_t *desk, const char *user)
{
    apr_array_header_t *changes;
    apr_int64_t stale = -1;

    bench_ok(gt_grant_changes(&changes, desk->store, apr_time_from_sec(60), desk->pool));
    for (int i = 0; i < changes->nelts; i++) {
        const gt_change_t *change = &APR_ARRAY_IDX(changes, i, gt_change_t);

        if (strcmp(change->owner.user, user) == 0 && change->stale > stale)
            stale = change->stale;
    }
    return stale;
}

START_TEST(other_nodes_learn_what_changed_and_what_went)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    int deleted;

    ck_assert_int_eq(stale_of(&desk, "tom"), grant->generation - 1);
    ck_assert_int_eq(stale_of(&desk, "ann"), -1);
    bench_run(desk.bench, "UPDATE user_tokens SET status = 0");
    ck_assert_int_eq(stale_of(&desk, "tom"), grant->generation);
    bench_run(desk.bench, "UPDATE user_tokens SET revision = revision - 100000");
    ck_assert_int_eq(stale_of(&desk, "tom"), -1);
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    ck_assert_int_eq(deleted, 1);
    ck_assert_int_ge(stale_of(&desk, "tom"), grant->generation);
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_ann, desk.pool));
    ck_assert_int_eq(deleted, 0);
    ck_assert_int_eq(stale_of(&desk, "ann"), -1);
    grant = desk_signed_in(&desk, &desk_tom, "a2");
    /* Equal within one millisecond; that costs a look. */
    ck_assert_int_le(stale_of(&desk, "tom"), grant->generation);
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    bench_run(desk.bench, "UPDATE user_tokens_gone SET revision = revision - 10800000");
    purge(&desk);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens_gone"), "0");
    bench_close(desk.bench);
}
END_TEST

/* The generation stays, for the sake of a refresh under way, and yet all nodes drop the token. */
START_TEST(a_claims_challenge_ends_the_token_everywhere)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *before = desk_signed_in(&desk, &desk_tom, "a1"), *now;
    gt_tokens_t fresh = desk_tokens("a2", "r2", desk.pool);
    const gt_tokens_t fresher = desk_tokens("a3", "r3", desk.pool);
    int stored;

    fresh.received = gt_now();
    fresh.expires_at = fresh.received + apr_time_from_sec(100800);
    bench_run(desk.bench, "INSERT INTO user_tokens_access (user_id, provider, resource, "
                          "encrypted_access_token, expires_at, generation, obtained_at) VALUES "
                          "('tom', 'microsoft', 'outlook', 'o', 9999999999, 1, 1)");
    bench_ok(gt_grant_challenged(desk.store, before, "{\"a\":1}", desk.pool));
    now = desk_found(&desk, &desk_tom);
    ck_assert(now->status == GT_ACTIVE && now->generation == before->generation);
    ck_assert(now->expires_at <= gt_now());
    ck_assert_str_eq(now->claims, "{\"a\":1}");
    ck_assert_int_eq(stale_of(&desk, "tom"), before->generation);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens_access"), "0");

    /* A refresh that began before leaves the demands to the next one, which meets them. */
    bench_ok(gt_grant_commit(&stored, desk.store, before, &fresh, desk.pool));
    now = desk_found(&desk, &desk_tom);
    ck_assert_int_eq(stored, 1);
    ck_assert(now->expires_at > gt_now() + apr_time_from_sec(100700));
    ck_assert_str_eq(now->claims, "{\"a\":1}");
    ck_assert_int_eq(stale_of(&desk, "tom"), before->generation);
    bench_ok(gt_grant_challenged(desk.store, before, "{\"b\":1}", desk.pool));
    ck_assert_str_eq(desk_found(&desk, &desk_tom)->claims, "{\"a\":1}");
    bench_ok(gt_grant_commit(&stored, desk.store, now, &fresher, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_ptr_null(desk_found(&desk, &desk_tom)->claims);
    bench_close(desk.bench);
}
END_TEST

/* A backlog of any length is dropped in parts, so that no statement runs into its time limit; rows
 * that another transaction holds are left to the next time. */
START_TEST(a_purge_is_bounded_and_goes_on)
{
    desk_t desk = desk_open(_i);
    const char *const left = "SELECT (SELECT count(*) FROM user_tokens_access) || ' ' || "
                             "(SELECT count(*) FROM user_tokens_gone)";

    bench_run(desk.bench, "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                          "encrypted_refresh_token, expires_at) WITH RECURSIVE s(n) AS ("
                          "SELECT 100000 UNION ALL SELECT n + 1 FROM s WHERE n < 100599) SELECT "
                          "'u' || n, 'a', 'r', '2026-11-21' FROM s");
    bench_run(desk.bench, "INSERT INTO user_tokens_access (user_id, provider, resource, "
                          "encrypted_access_token, expires_at, generation, obtained_at) SELECT "
                          "user_id, provider, 'outlook', 'o', 5, 1, 1 FROM user_tokens");
    bench_run(desk.bench, "INSERT INTO user_tokens_gone (user_id, provider, revision) "
                          "SELECT user_id, provider, 7 FROM user_tokens WHERE user_id < 'u100100'");
    ck_assert_int_eq(purge(&desk), 1);
    ck_assert_str_eq(bench_ask(desk.bench, left), "100 0");
    ck_assert_int_eq(purge(&desk), 0);
    ck_assert_str_eq(bench_ask(desk.bench, left), "0 0");
    bench_close(desk.bench);
}
END_TEST

START_TEST(failures_that_are_not_the_users_touch_nothing)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_err_t *failure = failure_with(GT_EFFECT_NONE, desk.pool);
    int noted;

    ck_assert_ptr_nonnull(failure);
    bench_ok(gt_grant_failed(&noted, desk.store, grant, failure, effect_of(failure), desk.pool));
    ck_assert_int_eq(noted, 0);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->error_count, 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_stale_verdict_changes_nothing)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *old = desk_signed_in(&desk, &desk_tom, "a1");
    int noted;

    desk_signed_in(&desk, &desk_tom, "a2");
    bench_ok(gt_grant_failed(&noted, desk.store, old, failure_with(GT_EFFECT_DEACTIVATE, desk.pool),
                             GT_EFFECT_DEACTIVATE, desk.pool));
    ck_assert_int_eq(noted, 0);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->status, GT_ACTIVE);
    bench_close(desk.bench);
}
END_TEST

static gt_grant_stats_t counted(desk_t *desk, int margin)
{
    gt_grant_stats_t stats;

    for (int part = 0; part < GT_COUNT_PARTS; part++)
        bench_ok(gt_grant_count(desk->store, part, apr_time_from_sec(margin), desk->pool));
    bench_ok(gt_grant_stats(&stats, desk->store, desk->pool));
    return stats;
}

START_TEST(grants_are_counted_by_state)
{
    desk_t desk = desk_open(_i);
    static const struct {
        const char *user, *change;
    } rows[] = {
        {"u1", "status = 1"},
        {"u2", "status = 0, error_count = 3"},
        {"u3", "status = 2, error_count = 1"},
        {"u4", "expires_at = '2001-01-01 00:00:00'"},
    };
    gt_grant_stats_t stats;
    apr_size_t i;

    bench_ok(gt_grant_stats(&stats, desk.store, desk.pool));
    ck_assert_int_eq(stats.total, 0);
    ck_assert_int_eq(stats.is_whole, 0);
    stats = counted(&desk, 0);
    ck_assert_int_eq(stats.total, 0);
    ck_assert_int_eq(stats.is_whole, 1);
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const gt_owner_t owner = {rows[i].user, "microsoft"};

        desk_signed_in(&desk, &owner, "a");
        bench_run(desk.bench,
                  apr_psprintf(desk.pool, "UPDATE user_tokens SET %s WHERE user_id = '%s'",
                               rows[i].change, rows[i].user));
    }
    bench_run(desk.bench, desk.bench->engine == GT_PGSQL
                              ? "UPDATE user_tokens SET expires_at = now() + interval '1 hour' "
                                "WHERE user_id <> 'u4'"
                              : "UPDATE user_tokens SET expires_at = datetime('now', '+1 hour') "
                                "WHERE user_id <> 'u4'");
    stats = counted(&desk, 60);
    ck_assert_int_eq(stats.total, 4);
    ck_assert_int_eq(stats.active, 2);
    ck_assert_int_eq(stats.inactive, 1);
    ck_assert_int_eq(stats.needs_user, 1);
    ck_assert_int_eq(stats.expired, 1);
    ck_assert_int_eq(stats.expiring_soon, 0);
    ck_assert_int_eq(stats.refresh_failures, 2);
    ck_assert_int_eq(counted(&desk, 7200).expiring_soon, 3);
    bench_run(desk.bench, "UPDATE user_tokens_counts SET counted_at = counted_at - 500 "
                          "WHERE part = 7");
    bench_ok(gt_grant_stats(&stats, desk.store, desk.pool));
    ck_assert_int_ge(stats.age, apr_time_from_sec(500));
    ck_assert_int_lt(stats.age, apr_time_from_sec(600));
    bench_close(desk.bench);
}
END_TEST

START_TEST(user_ids_are_held_to_their_type)
{
    static const struct {
        const char *type, *user, *stored; /* stored NULL: refused */
    } rows[] = {
        {"text", "tom", "tom"},
        {"text", "", NULL},
        {"text", "t\xff", NULL},
        {"text", "'; DROP TABLE user_tokens; --", "'; DROP TABLE user_tokens; --"},
        {"integer", "42", "42"},
        {"integer", "-7", "-7"},
        {"integer", "9223372036854775807", "9223372036854775807"},
        {"integer", "9223372036854775808", NULL},
        {"integer", "042", NULL},
        {"integer", "+4", NULL},
        {"integer", "tom", NULL},
        {"integer", "4 ", NULL},
        {"uuid", "0B6A3F6C-0C4E-4B5F-8F2F-7B1C9D3E5A71", "0b6a3f6c-0c4e-4b5f-8f2f-7b1c9d3e5a71"},
        {"uuid", "0b6a3f6c0c4e4b5f8f2f7b1c9d3e5a71", NULL},
        {"uuid", "0b6a3f6c-0c4e-4b5f-8f2f-7b1c9d3e5a7g", NULL},
        {"uuid", "0b6a3f6c-0c4e-4b5f-8f2f_7b1c9d3e5a71", NULL},
        {"uuid", "tom", NULL},
    };
    apr_size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        desk_t desk = {.bench = bench_open(_i)};
        const gt_owner_t owner = {rows[i].user, "microsoft"};
        gt_grant_t *grant;
        gt_err_t *err;

        desk.pool = desk.bench->pool;
        desk.bench->conf->user_type = rows[i].type;
        desk.bench->conf->user_column = "teacher_id";
        desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
        bench_migrate(desk.bench, gt_store_newest());
        err = desk_sign_in(&grant, &desk, &owner, &desk_person, "a1");
        if (rows[i].stored == NULL) {
            ck_assert_ptr_nonnull(err);
            ck_assert_int_eq(err->cls, GT_INVALID);
            ck_assert_ptr_nonnull(gt_grant_find(&grant, desk.store, &owner, desk.pool));
        }
        else {
            bench_ok(err);
            ck_assert_str_eq(bench_ask(desk.bench, "SELECT teacher_id FROM user_tokens"),
                             rows[i].stored);
            ck_assert(desk_holds(desk_found(&desk, &owner)->access, "a1", desk.pool));
        }
        bench_close(desk.bench);
    }
}
END_TEST

START_TEST(a_user_id_of_256_bytes_is_too_long)
{
    desk_t desk = desk_open(_i);
    char user[257];
    const gt_owner_t owner = {user, "microsoft"};
    gt_grant_t *grant;

    memset(user, 'u', sizeof user);
    user[256] = '\0';
    bench_tag(gt_grant_find(&grant, desk.store, &owner, desk.pool), "GT0420");
    user[255] = '\0';
    bench_ok(desk_sign_in(&grant, &desk, &owner, &desk_person, "a1"));
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_row_with_rubbish_is_damaged)
{
    desk_t desk = desk_open(0);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");

    bench_run(desk.bench, "UPDATE user_tokens SET generation = 'x'");
    bench_tag(gt_grant_find(&grant, desk.store, &desk_tom, desk.pool), "GT0422");
    bench_run(desk.bench, "UPDATE user_tokens SET generation = 1, expires_at = 'tomorrow'");
    bench_ok(gt_grant_find(&grant, desk.store, &desk_tom, desk.pool));
    ck_assert_int_eq(grant->expires_at, 0);
    bench_run(desk.bench, "UPDATE user_tokens SET status = 9");
    bench_tag(gt_grant_find(&grant, desk.store, &desk_tom, desk.pool), "GT0422");
    bench_close(desk.bench);
}
END_TEST

static TCase *of_sign_in(int n)
{
    TCase *tcase = tcase_create("sign in");

    tcase_add_loop_test(tcase, a_first_sign_in_makes_a_row, 0, n);
    tcase_add_loop_test(tcase, test_T5_no_token_reaches_the_database_in_clear, 0, n);
    tcase_add_loop_test(tcase, signing_in_again_keeps_row_and_counts_up, 0, n);
    tcase_add_loop_test(tcase, another_person_is_refused, 0, n);
    tcase_add_loop_test(tcase, a_row_of_S0_is_bound_by_the_first_sign_in, 0, n);
    tcase_add_loop_test(tcase, a_sign_in_without_refresh_token_keeps_the_old_one, 0, n);
    tcase_add_loop_test(tcase, a_sign_in_heals_what_no_key_opens, 0, n);
    tcase_add_loop_test(tcase, a_sign_in_drops_nothing_while_ids_cannot_be_read, 0, n);
    tcase_add_loop_test(tcase, test_T2_a_moved_value_is_refused, 0, n);
    tcase_add_loop_test(tcase, test_T1_a_store_may_write_fernet, 0, n);
    tcase_add_loop_test(tcase, user_ids_are_held_to_their_type, 0, n);
    tcase_add_loop_test(tcase, a_user_id_of_256_bytes_is_too_long, 0, n);
    tcase_add_test(tcase, a_row_with_rubbish_is_damaged);
    return tcase;
}

static TCase *of_refresh(int n)
{
    TCase *tcase = tcase_create("refresh");

    tcase_add_loop_test(tcase, test_T6_a_refresh_is_stored_for_its_generation_only, 0, n);
    tcase_add_loop_test(tcase, test_T6_a_refresh_without_rotation_keeps_the_token, 0, n);
    tcase_add_loop_test(tcase, a_commit_may_be_repeated, 0, n);
    tcase_add_loop_test(tcase, a_result_for_a_deleted_row_is_dropped, 0, n);
    tcase_add_loop_test(tcase, a_result_for_the_row_before_is_dropped, 0, n);
    tcase_add_loop_test(tcase, test_T8_three_errors_deactivate_and_success_resets, 0, n);
    tcase_add_loop_test(tcase, test_T13_a_refusal_deactivates_until_the_next_sign_in, 0, n);
    tcase_add_loop_test(tcase, an_effect_of_the_callers_choice_is_noted, 0, n);
    tcase_add_loop_test(tcase, interaction_is_a_state_of_its_own, 0, n);
    tcase_add_loop_test(tcase, failures_that_are_not_the_users_touch_nothing, 0, n);
    tcase_add_loop_test(tcase, what_the_provider_wants_is_kept_until_the_user_signs_in, 0, n);
    tcase_add_loop_test(tcase, test_T6_a_replaced_refresh_token_is_kept_nowhere, 0, n);
    tcase_add_loop_test(tcase, a_purge_is_bounded_and_goes_on, 0, n);
    tcase_add_loop_test(tcase, other_nodes_learn_what_changed_and_what_went, 0, n);
    tcase_add_loop_test(tcase, a_claims_challenge_ends_the_token_everywhere, 0, n);
    tcase_add_loop_test(tcase, a_stale_verdict_changes_nothing, 0, n);
    tcase_add_loop_test(tcase, grants_are_counted_by_state, 0, n);
    return tcase;
}

Suite *suite_grant(void)
{
    Suite *suite = suite_create("grant");
    const int n = bench_engines();

    suite_add_tcase(suite, of_sign_in(n));
    suite_add_tcase(suite, of_refresh(n));
    return suite;
}
