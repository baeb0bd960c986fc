/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Callers' tokens: how each is counted, and when its signature is remembered. */

#include "gt_test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/notice.h"
#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "bearer/bearer.h"

Suite *suite_bearer(void);

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER "abcdef0123456789abcdef0123456789"
#define SLOTS 64

static gt_slots_t *slots;
static const char *result; /* of the last token */
static apr_time_t wall_time;

static apr_time_t read_wall_time(void)
{
    return wall_time;
}

static int note(void *baton, const gt_notice_t *notice)
{
    (void)baton;
    result = notice->detail;
    return 1;
}

static void begin(void)
{
    apr_size_t size = gt_slots_size(SLOTS, GT_REMEMBERED_BYTES);
    const gt_notice_sink_t sink = {NULL, GT_NOTICES(GT_NOTICE_CALLER), note};

    make_pool();
    fake_clock(apr_time_from_sec(1795244400));
    wall_time = fake_time;
    gt_clock_set(read_wall_time, read_fake_time);
    slots = gt_slots_open(apr_pcalloc(pool, size), size, SLOTS, GT_REMEMBERED_BYTES, pool);
    ck_assert_ptr_nonnull(slots);
    gt_notice_to(&sink);
}

static void end(void)
{
    gt_notice_to_none();
    drop_pool();
}

static void set(gt_jwt_conf_t *conf, const char *member, const char *text)
{
    const char *why = NULL;

    ck_assert_msg(
        gt_member_set(conf, gt_member_find(gt_jwt_members, member), text, "/", &why, pool),
        "%s: %s", member, why);
}

/* A child of the server: it sees the memory that all share. */
static gt_bearer_t *child_of(const char *secret, const char *audience)
{
    static const unsigned char key[32] = "of the parent's";
    gt_jwt_conf_t *conf = gt_jwt_conf_default("issuer", pool);
    gt_bearer_t *bearer;
    gt_secret_t *text;

    conf->issuer = GT_JWT_NONE;
    conf->audience = audience;
    set(conf, "algorithms", "HS256");
    set(conf, "keys", secret);
    ck_ok(gt_source_read(&text, conf->keys, pool)); /* as the parent does */
    bearer = gt_bearer_make(conf, NULL, NULL, pool);
    gt_bearer_remember(bearer, gt_remembered_make(slots, key, pool));
    return bearer;
}

static const char *encoded(const char *text)
{
    return gt_base64url(text, strlen(text), pool);
}

static const char *sign(const char *header, const char *payload)
{
    const char *both = apr_pstrcat(pool, encoded(header), ".", encoded(payload), NULL);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    ck_assert_ptr_nonnull(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET),
                               (const unsigned char *)both, strlen(both), mac, &len));
    return apr_pstrcat(pool, both, ".", gt_base64url(mac, len, pool), NULL);
}

#define HS256 "{\"alg\":\"HS256\"}"

/* @param left  seconds until it ends */
static const char *token_of(const char *more, int left)
{
    return sign(HS256, apr_psprintf(pool, "{\"sub\":\"7\",\"exp\":%" APR_INT64_T_FMT "%s}",
                                    apr_time_sec(gt_now()) + left, more));
}

static const char *judged(gt_bearer_t *bearer, const char *token)
{
    gt_bearer_check_t check = {.bearer = bearer, .token = gt_secret_from(token, pool)};
    gt_err_t *err;

    result = "none";
    ck_assert_int_eq(gt_bearer_check_now(&err, &check, pool), 1);
    ck_assert_int_eq(err == GT_OK, check.user != NULL);
    return result;
}

START_TEST(a_signature_is_verified_once_for_all_children)
{
    const char *token = token_of(",\"aud\":\"a\"", 600);
    gt_bearer_t *one = child_of(SECRET, "a b"), *other = child_of(SECRET, "a b");

    ck_assert_str_eq(judged(one, token), "accepted");
    ck_assert_str_eq(judged(one, token), "remembered");
    ck_assert_str_eq(judged(other, token), "remembered");
    ck_assert_str_eq(judged(other, token_of(",\"aud\":\"b\"", 600)), "accepted");
}
END_TEST

START_TEST(another_key_or_rule_knows_none)
{
    const char *token = token_of(",\"aud\":\"a\"", 600);

    ck_assert_str_eq(judged(child_of(SECRET, "a"), token), "accepted");
    ck_assert_str_eq(judged(child_of(OTHER, "a"), token), "signature");
    ck_assert_str_eq(judged(child_of(SECRET, "b"), token), "audience");
    ck_assert_str_eq(judged(child_of(SECRET, "a b"), token), "accepted");
    ck_assert_str_eq(judged(child_of(SECRET, "a"), token), "remembered");
}
END_TEST

START_TEST(a_forged_one_is_not_taken_for_the_remembered)
{
    const char *token = token_of("", 600);
    char *forged = apr_pstrdup(pool, token);
    gt_bearer_t *bearer = child_of(SECRET, GT_JWT_NONE);

    ck_assert_str_eq(judged(bearer, token), "accepted");
    forged[strlen(forged) - 2] = forged[strlen(forged) - 2] == 'A' ? 'B' : 'A';
    ck_assert_str_eq(judged(bearer, forged), "signature");
    ck_assert_str_eq(judged(bearer, token), "remembered");
}
END_TEST

/* By the clock of the wall, from the token itself; by that of the memory, as an entry. */
START_TEST(a_remembered_one_ends)
{
    const char *token = token_of("", 600);
    gt_bearer_t *bearer = child_of(SECRET, GT_JWT_NONE);

    ck_assert_str_eq(judged(bearer, token), "accepted");
    ck_assert_str_eq(judged(bearer, token), "remembered");
    wall_time += apr_time_from_sec(600);
    ck_assert_str_eq(judged(bearer, token), "expired");
    wall_time -= apr_time_from_sec(600);
    fake_time += apr_time_from_sec(599);
    ck_assert_str_eq(judged(bearer, token), "remembered");
    fake_time += apr_time_from_sec(1);
    ck_assert_str_eq(judged(bearer, token), "accepted");
}
END_TEST

/* A refused one is never remembered, however right its signature is. */
START_TEST(refusals_are_counted_by_class)
{
    const struct {
        const char *token, *result;
    } rows[] = {{token_of("", -600), "expired"},
                {token_of(",\"nbf\":9000000000", 600), "too_early"},
                {token_of(",\"aud\":\"x\"", 600), "audience"},
                {sign(HS256, "{\"exp\":9000000000}"), "claims"},
                {sign(HS256, "7"), "form"},
                {sign("{\"alg\":\"none\"}", "{}"), "algorithm"},
                {sign("{\"alg\":\"HS256\",\"jku\":\"x\"}", "{}"), "header"},
                {sign("{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", "{}"), "header"},
                {"a.b", "form"}};
    gt_bearer_t *bearer = child_of(SECRET, GT_JWT_NONE);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int again = 0; again < 2; again++)
            ck_assert_str_eq(judged(bearer, rows[i].token), rows[i].result);
}
END_TEST

Suite *suite_bearer(void)
{
    TCase *tc = tcase_create("bearer");
    Suite *s = suite_create("bearer");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_signature_is_verified_once_for_all_children);
    tcase_add_test(tc, another_key_or_rule_knows_none);
    tcase_add_test(tc, a_forged_one_is_not_taken_for_the_remembered);
    tcase_add_test(tc, a_remembered_one_ends);
    tcase_add_test(tc, refusals_are_counted_by_class);
    suite_add_tcase(s, tc);
    return s;
}
