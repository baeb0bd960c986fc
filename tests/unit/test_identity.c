/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Who signed in: an id_token verified against keys that are fetched, and whom we take for the same
 * person. */

#include "gt_test.h"

#include "base/log.h"
#include "base/secret.h"
#include "fake_provider.h"
#include "net/loop.h"
#include "oauth/identity.h"
#include "task/wait.h"

Suite *suite_identity(void);

#define LIMIT apr_time_from_sec(10)
#define OTHER_TENANT "aaaabbbb-0000-cccc-1111-dddd2222eeee"
#define MSA_TENANT "9188040d-6c67-4c5b-b112-36a304b66dad"

static fake_t *fake;
static gt_loop_t *loop;
static gt_provider_conf_t *conf;
static json_t *claims;
static char logged[4096];

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_INFO;
}

static void print(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    apr_cpystrn(logged, line, sizeof(logged));
}

static const gt_log_sink_t sink = {NULL, wants, print};

static void set(const char *name, json_t *value)
{
    json_object_set_new(claims, name, value);
}

static char *issuer_of(const char *tenant)
{
    return apr_psprintf(pool, "%s/%s/v2.0", conf->authority, tenant);
}

static void begin(void)
{
    gt_loop_limits_t limits = {16, 8, 0};
    json_int_t now = (json_int_t)apr_time_sec(apr_time_now());

    make_pool();
    logged[0] = '\0';
    gt_log_set(&sink);
    fake = fake_start(pool);
    ck_ok(gt_loop_start(&loop, &limits, pool));
    conf = fake_conf(fake, "microsoft", pool);
    claims = json_object();
    set("iss", json_string(issuer_of(FAKE_TENANT)));
    set("aud", json_string(FAKE_CLIENT));
    set("tid", json_string(FAKE_TENANT));
    set("oid", json_string("00000000-0000-0000-0000-00000000ada0"));
    set("sub", json_string("pairwise-ada"));
    set("nonce", json_string("n-1"));
    set("name", json_string("Ada"));
    set("preferred_username", json_string("ada@sandbox.example"));
    set("iat", json_integer(now));
    set("nbf", json_integer(now));
    set("exp", json_integer(now + 3600));
}

static void end(void)
{
    gt_loop_stop(loop);
    gt_log_set(NULL);
    json_decref(claims);
    drop_pool();
}

/* For several tenants: a template issuer in the document. */
static void serve_many(const char *tenant)
{
    static fake_reply_t reply;

    conf->tenant = tenant;
    reply = (fake_reply_t){
        200, NULL,
        apr_psprintf(pool,
                     "{\"issuer\":\"%s/{tenantid}/v2.0\",\"authorization_endpoint\":\"%s/a\","
                     "\"token_endpoint\":\"%s/t\",\"jwks_uri\":\"%s/keys\"}",
                     conf->authority, conf->authority, conf->authority, conf->authority)};
    fake_answer(fake, FAKE_DISCOVERY, &reply);
}

static gt_err_t *identify_signed(gt_identity_t *identity, const char *token)
{
    gt_identify_t params = {.provider = gt_provider_make(conf, pool),
                            .id_token = gt_secret_from(token, pool),
                            .nonce = "n-1"};
    gt_err_t *err = gt_wait_run(&gt_identify, &params, loop, LIMIT, pool);

    *identity = params.identity;
    return err;
}

static gt_err_t *identify(gt_identity_t *identity)
{
    return identify_signed(identity, fake_sign("key-1", claims, pool));
}

/* The person may not sign in here: 403, and no fault of the provider's. */
static void forbidden(const char *reason)
{
    gt_identity_t identity;

    ck_fails(identify(&identity), GT_FORBIDDEN, "GT0532");
    ck_assert_ptr_null(identity.subject);
    ck_assert_msg(strstr(logged, reason) != NULL, "%s: %s", reason, logged);
}

/* Refused, one detail for every reason; the reason is in the log. */
static void refused(const char *reason)
{
    gt_identity_t identity;
    gt_err_t *err = identify(&identity);

    ck_fails(err, GT_REFUSED, "GT0530");
    ck_assert_str_eq(err->detail, "the provider's id_token is not accepted");
    ck_assert_ptr_null(identity.subject);
    ck_assert_msg(strstr(logged, reason) != NULL, "%s: %s", reason, logged);
    ck_assert_ptr_nonnull(strstr(logged, "GT0531"));
}

START_TEST(a_good_token_names_a_person)
{
    gt_identity_t identity;

    ck_ok(identify(&identity));
    ck_assert_str_eq(identity.issuer, issuer_of(FAKE_TENANT));
    ck_assert_str_eq(identity.tenant, FAKE_TENANT);
    ck_assert_str_eq(identity.subject, "00000000-0000-0000-0000-00000000ada0");
    ck_assert_str_eq(identity.email, "ada@sandbox.example");
    ck_assert_str_eq(identity.name, "Ada");
    ck_assert_str_eq(gt_identity_user(&identity, pool),
                     "00000000-0000-0000-0000-00000000ada0@" FAKE_TENANT);
}
END_TEST

START_TEST(without_oid_it_is_sub)
{
    gt_identity_t identity;

    json_object_del(claims, "oid");
    json_object_del(claims, "preferred_username");
    json_object_del(claims, "name");
    ck_ok(identify(&identity));
    ck_assert_str_eq(identity.subject, "pairwise-ada");
    ck_assert_ptr_null(identity.email);
    ck_assert_ptr_null(identity.name);
}
END_TEST

START_TEST(crypts_rules_are_asked)
{
    gt_identity_t identity;
    char *token = fake_sign("key-1", claims, pool);
    char *last = token + strlen(token) - 10;

    *last = *last == 'A' ? 'B' : 'A';
    ck_fails(identify_signed(&identity, token), GT_REFUSED, "GT0530");
    ck_fails(identify_signed(&identity, "rubbish"), GT_REFUSED, "GT0530");
    ck_fails(identify_signed(&identity, fake_sign("key-9", claims, pool)), GT_REFUSED, "GT0530");
    set("nonce", json_string("n-2"));
    refused("");
    set("nonce", json_string("n-1"));
    set("aud", json_string("another"));
    refused("");
    set("aud", json_string(FAKE_CLIENT));
    set("exp", json_integer(1000));
    refused("");
}
END_TEST

START_TEST(the_issuer_must_be_the_tenants)
{
    set("iss", json_string(issuer_of(OTHER_TENANT)));
    refused("another issuer");
    set("tid", json_string(OTHER_TENANT));
    refused("another issuer");
    set("iss", json_string(issuer_of("{tenantid}")));
    refused("another issuer");
    set("tid", json_string("{tenantid}"));
    refused("no GUID");
    json_object_del(claims, "tid");
    refused("no GUID");
    json_object_del(claims, "iss");
    refused("iss");
}
END_TEST

START_TEST(many_tenants_by_the_template)
{
    gt_identity_t identity;

    serve_many("common");
    ck_ok(identify(&identity));
    ck_assert_str_eq(identity.tenant, FAKE_TENANT);
    set("tid", json_string(OTHER_TENANT));
    refused("another issuer");
    set("iss", json_string(issuer_of(OTHER_TENANT)));
    ck_ok(identify(&identity));
    ck_assert_str_eq(identity.tenant, OTHER_TENANT);
}
END_TEST

START_TEST(only_allowed_tenants)
{
    gt_identity_t identity;

    serve_many("common");
    conf->allowed_tenants = OTHER_TENANT;
    forbidden("not among the allowed");
    conf->allowed_tenants = OTHER_TENANT " 72F988BF-86F1-41AF-91AB-2D7CD011DB47";
    ck_ok(identify(&identity));
}
END_TEST

START_TEST(organizations_are_not_for_personal_accounts)
{
    serve_many("organizations");
    set("tid", json_string(MSA_TENANT));
    set("iss", json_string(issuer_of(MSA_TENANT)));
    forbidden("personal account");
}
END_TEST

START_TEST(a_key_signs_for_its_own_issuer_only)
{
    fake_reply_t keys = {200, NULL, NULL};
    gt_identity_t identity;

    serve_many("common");
    keys.body = fake_jwks("key-1", issuer_of("{tenantid}"), pool);
    fake_answer(fake, FAKE_KEYS, &keys);
    ck_ok(identify(&identity));
    keys.body = fake_jwks("key-1", issuer_of(MSA_TENANT), pool);
    fake_answer(fake, FAKE_KEYS, &keys);
    refused("key belongs to another issuer");
}
END_TEST

START_TEST(several_audiences_need_a_party)
{
    gt_identity_t identity;

    set("aud", json_pack("[s,s]", FAKE_CLIENT, "another"));
    refused("another client");
    set("azp", json_string("another"));
    refused("another client");
    set("azp", json_string(FAKE_CLIENT));
    ck_ok(identify(&identity));
}
END_TEST

START_TEST(claims_are_bounded)
{
    gt_identity_t identity;
    char *longest = apr_palloc(pool, 257);

    memset(longest, 'x', 256);
    longest[256] = '\0';
    set("name", json_string("Ada\r\nX-Evil: 1"));
    set("oid", json_string(longest));
    ck_ok(identify(&identity));
    ck_assert_ptr_null(identity.name);
    ck_assert_str_eq(identity.subject, "pairwise-ada");
    set("sub", json_string(longest));
    refused("no subject");
}
END_TEST

START_TEST(keys_that_cannot_be_had_are_no_refusal)
{
    fake_reply_t down = {503, NULL, ""};
    gt_identity_t identity;

    fake_answer(fake, FAKE_KEYS, &down);
    ck_fails(identify(&identity), GT_UPSTREAM, "GT0501");
}
END_TEST

START_TEST(the_same_person_is_told_by_ids)
{
    gt_identity_t ada = {"https://i", "t-1", "s-1", "ada@x", "Ada", NULL};
    gt_identity_t other = ada;
    gt_identity_t s0 = {"", "", "", NULL, NULL, NULL};
    gt_identity_t nothing = {NULL, NULL, NULL, NULL, NULL, NULL};

    other.email = "somebody@else";
    other.tenant = "T-1";
    ck_assert(gt_identity_same(&ada, &other));
    ck_assert(gt_identity_same(&s0, &ada));
    ck_assert(gt_identity_same(&nothing, &ada));
    ck_assert(!gt_identity_same(&ada, &s0));
    ck_assert(!gt_identity_same(&ada, &nothing));
    other = ada;
    other.subject = "S-1";
    ck_assert(!gt_identity_same(&ada, &other));
    other = ada;
    other.tenant = "t-2";
    ck_assert(!gt_identity_same(&ada, &other));
    other = ada;
    other.issuer = "https://j";
    ck_assert(!gt_identity_same(&ada, &other));
}
END_TEST

START_TEST(a_user_without_tenant_has_the_issuers_host)
{
    gt_identity_t google = {"https://accounts.google.com", "", "1234", NULL, NULL, NULL};

    ck_assert_str_eq(gt_identity_user(&google, pool), "1234@accounts.google.com");
}
END_TEST

Suite *suite_identity(void)
{
    Suite *suite = suite_create("identity");
    TCase *tcase = tcase_create("id_token");
    TCase *pure = case_with_pool(suite, "person");

    tcase_add_unchecked_fixture(tcase, fake_key, NULL);
    tcase_add_checked_fixture(tcase, begin, end);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, a_good_token_names_a_person);
    tcase_add_test(tcase, without_oid_it_is_sub);
    tcase_add_test(tcase, crypts_rules_are_asked);
    tcase_add_test(tcase, the_issuer_must_be_the_tenants);
    tcase_add_test(tcase, many_tenants_by_the_template);
    tcase_add_test(tcase, only_allowed_tenants);
    tcase_add_test(tcase, organizations_are_not_for_personal_accounts);
    tcase_add_test(tcase, a_key_signs_for_its_own_issuer_only);
    tcase_add_test(tcase, several_audiences_need_a_party);
    tcase_add_test(tcase, claims_are_bounded);
    tcase_add_test(tcase, keys_that_cannot_be_had_are_no_refusal);
    tcase_add_test(pure, the_same_person_is_told_by_ids);
    tcase_add_test(pure, a_user_without_tenant_has_the_issuers_host);
    return suite;
}
